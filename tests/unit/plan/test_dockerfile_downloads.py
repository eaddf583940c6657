"""What a Dockerfile downloads by itself: named by its line, never guessed from a word alone."""

from __future__ import annotations

import time

import pytest

from builder.common.errors import ConfigError
from builder.plan.dockerfile_downloads import Download, downloads, marked, unmarked
from tests.fakes.catalog import Folder, plan_of, prints


def sources(text: str, known: tuple[str, ...] = ("parent", "tool")) -> list[str]:
    return [item.source for item in downloads(marked(text), known)]


@pytest.mark.parametrize(
    ("command", "source"),
    [
        ("wget -q https://example.org/tool", "wget"),
        ("busybox wget -O /srv/tool http://127.0.0.1/", "wget"),
        ("mkdir /x && cd /x && /usr/bin/curl -fsSL https://example.org | tar x", "curl"),
        ("if true; then curl -O https://example.org; fi", "curl"),
        ("HTTPS_PROXY=x TOOL=1 curl https://example.org", "curl"),
        ("timeout 30 curl https://example.org", "curl"),
        ("printf a | xargs -n 1 curl", "curl"),
        ("version=$(curl https://example.org)", "curl"),
        ("version=`wget -O- https://example.org`", "wget"),
        ('sh -ec "set -x; git -C /src clone https://example.org/x"', "git"),
        ("git clone https://example.org/x", "git"),
        ("python3 -m pip install lxml", "pip"),
        ("/opt/python/bin/pip3.13 install lxml", "pip"),
        ("uv pip install lxml", "uv"),
        ("apt-get update && apt-get install --yes jq", "apt-get"),
        ("npm ci && curl https://example.org", "npm, curl"),
        ("conda install -y lxml", "conda"),
        ("""Rscript -e 'install.packages("dplyr")'""", "install.packages"),
        ("""julia -e 'import Pkg; Pkg.add("CSV")'""", "Pkg.add"),
        ("""python3 -c 'import urllib.request as u; u.urlretrieve("https://x", "y")'""",
         "urlretrieve"),
        ('["wget", "https://example.org"]', "wget"),
        ("--mount=type=cache,target=/var/cache/pip --network=host curl x", "curl"),
        ("true \\\n# why\n && curl \\\n    https://example.org", "curl"),
        ("<<END\nset -e\ncurl https://example.org\nEND", "curl"),
    ],
)  # fmt: skip
def test_a_run_that_downloads(command: str, source: str) -> None:
    assert sources(f"FROM parent\nRUN {command}\n") == [source]


@pytest.mark.parametrize(
    "command",
    [
        "rm -f /etc/apt/apt.conf.d/docker-clean",
        "echo 'curl is not run' && printf wget",
        "ln -s /opt/quarto/bin/quarto /usr/local/bin/quarto",
        "--mount=type=cache,id=pip,target=/var/cache/pip mkdir /x",
        "git config --system init.defaultBranch main",
        "pip install --no-index --find-links=/packages lxml",
        "npm ci --offline",
        "apt-mark auto jq",
        "pip --version",
        "python3 -m compileall -q /opt",
        "echo it's",  # a quote that does not end
        '["/bin/true"',
        "dpkg-statoverride --add root root 0755 /usr/bin/sudo",
    ],
)
def test_a_run_that_downloads_nothing(command: str) -> None:
    assert sources(f"FROM parent\nRUN {command}\n") == []


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("ADD https://example.org/tool /opt/", "https://example.org/tool"),
        ("ADD --checksum=sha256:00 https://example.org/tool /opt/", ""),
        ("ADD files/tool /opt/", ""),
        (
            "COPY --from=docker.io/library/golang:1.25 /usr/local/go /go",
            "docker.io/library/golang:1.25",
        ),
        ("COPY --from=tool /tool /tool", ""),
        ("COPY --from=0 /tool /tool", ""),
        ("COPY files/ /etc/", ""),
        ("FROM golang:1.25 AS build", "golang:1.25"),
        (f"FROM golang@sha256:{'a' * 64} AS build", ""),
        ("FROM parent AS build\nCOPY --from=build /x /x", ""),
        ("FROM scratch", ""),
    ],
)
def test_what_is_taken_from_elsewhere(line: str, source: str) -> None:
    assert sources(f"FROM parent\n{line}\n") == ([source] if source else [])


def test_the_line_is_that_of_the_template() -> None:
    text = "FROM parent\n\nRUN true \\\n && true\nRUN curl x\n"
    assert downloads(marked(text), ("parent",)) == (
        Download(line=5, instruction="RUN", source="curl"),
    )
    assert unmarked(marked(text)) == text


def test_a_plan_names_what_is_not_locked(folder: Folder) -> None:
    before = prints(folder.load())["tool/os=2"]
    path = "images/tool/Dockerfile.j2"
    folder.write(path, "FROM {{ parent }}\n{% if axes.os == '2' %}\nRUN wget x\n{% endif %}\n")
    plan = plan_of(folder.load())
    assert plan.targets["tool/os=2"].reason == (
        f"new: no release has it; not locked: the RUN of {path}:3 downloads (wget)"
    )
    assert plan.targets["tool/os=1"].reason == "new: no release has it"
    assert before.downloads == ()


def test_a_recipe_that_needs_a_network_is_not_locked(folder: Folder) -> None:
    recipe = folder.root / "images/tool/recipe.yaml"
    recipe.write_text(f"{recipe.read_text()}network: its licence server answers at install\n")
    assert plan_of(folder.load()).targets["tool/os=2"].reason == (
        "new: no release has it; not locked: its recipe needs a network: its licence server answers"
        " at install"
    )


def test_what_macros_install_is_not_the_recipes_own(folder: Folder) -> None:
    macro = "{% macro install(packages) %}\nRUN apt-get install jq\n{% endmacro %}\n"
    folder.write("images/_macros/install.j2", macro)
    assert prints(folder.load())["base/os=2"].downloads == ()


def test_a_run_that_asks_for_the_network_is_not_locked(folder: Folder) -> None:
    path = "images/tool/Dockerfile.j2"
    (folder.root / "images/_macros/install.j2").rename(folder.root / "images/_macros/own.j2")
    folder.write(path, "FROM {{ parent }}\nRUN {{ network() }}; /opt/fetch\n")
    assert prints(folder.load())["tool/os=2"].downloads == (
        f"the RUN of {path}:2 downloads (network())",
    )


def test_a_macro_that_is_not_there(folder: Folder) -> None:
    (folder.root / "images/_macros/install.j2").rename(folder.root / "images/_macros/own.j2")
    folder.edit("images/tool/Dockerfile.j2", "RUN make /tool", "{{ install_atp(packages) }}")
    with pytest.raises(ConfigError) as caught:
        prints(folder.load())
    assert str(caught.value) == (
        "images/tool/Dockerfile.j2:2: template: 'install_atp' is undefined\n"
        "    {{ install_atp(packages) }}\n"
        "  hint: did you mean install_apt or install_pip or install_npm?"
    )


def test_a_macro_like_none_that_is_there(folder: Folder) -> None:
    folder.edit("images/tool/Dockerfile.j2", "RUN make /tool", "{{ zzz() }}")
    with pytest.raises(ConfigError) as caught:
        prints(folder.load())
    assert str(caught.value) == (
        "images/tool/Dockerfile.j2:2: template: 'zzz' is undefined\n"
        "    {{ zzz() }}\n"
        "  hint: define it in images/_macros, or use a macro of the builder"
    )


@pytest.mark.parametrize(
    "text",
    [
        "RUN x" + "\\\n" * 200_000,
        "RUN " + "--a " * 100_000,
        "RUN --" + "a" * 400_000,
        "RUN " + "env " * 100_000,
        "RUN " + "[" * 400_000,
        "RUN " + "<<a " * 100_000,
        "RUN" + "\nRUN" * 20_000,
    ],
)
def test_a_text_that_is_made_to_take_long_does_not(text: str) -> None:
    begun = time.process_time()
    assert downloads(marked(text), ()) == ()
    assert time.process_time() - begun < 5
