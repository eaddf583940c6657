"""`builder init`: a first catalog, which is whole, and takes the place of nothing."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from builder.app import first_catalog
from builder.catalog.models import Source
from builder.catalog.parser import parse_matrix
from builder.charts.next_version import files_of
from builder.lock.lockfile import BaseLock, Lock
from builder.plan.dockerfile import DockerfileRenderer
from builder.plan.fingerprint import fingerprints
from builder.project import Workspace
from tests.cli.conftest import Run

FILES = {
    ".gitattributes",
    ".gitignore",
    "Makefile",
    "README.md",
    "charts/page/chart.yaml",
    "charts/page/tests/test_page.py",
    "images/page/Dockerfile.j2",
    "images/page/files/index.html",
    "images/page/recipe.yaml",
    "images/page/tests/test_page.py",
    "matrix.yaml",
}


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {
        "matrix.lock"
    }


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    """An empty folder, which commands run in."""
    assert run  # it goes to its own first
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_a_catalog_and_says_what_is_next(run: Run, empty: Path) -> None:
    found = run("init", "My Demo")
    assert (found.code, found.err) == (0, "")
    assert names(empty / "My Demo") == FILES
    assert found.out == "".join(
        f"  {path}\n"
        for path in (
            "Makefile",
            "README.md",
            "charts/page/chart.yaml",
            "charts/page/tests/test_page.py",
            ".gitattributes",
            ".gitignore",
            "images/page/Dockerfile.j2",
            "images/page/files/index.html",
            "images/page/recipe.yaml",
            "images/page/tests/test_page.py",
            "matrix.yaml",
        )
    ) + (
        "The catalog my-demo, which begins with matrix.yaml. Next:\n\n"
        "  cd 'My Demo'\n"
        "  builder doctor --install   # gets what this machine lacks\n"
        "  builder weekly             # locks, builds, tests and releases: a few minutes\n"
    )
    text = (empty / "My Demo/matrix.yaml").read_text()
    assert '  name: my-demo\n  repository: "{registry}/my-demo-{image}"' in text
    assert "$" not in text


def test_what_it_writes_is_a_catalog_whose_image_and_chart_render(run: Run, empty: Path) -> None:
    run("init", "demo")
    project = Workspace(empty / "demo").load()
    catalog, expansion = project.catalog, project.expansion
    assert list(expansion.targets) == ["page/debian=13"]
    base = BaseLock(source=Source(bootstrap="trixie"), content="sha256:" + "1" * 64, epoch=1)
    renderer = DockerfileRenderer(macros=catalog.macros, macros_path="images/_macros", sources={})
    lock = Lock(bases={"debian=13@linux/amd64": base}, release_lines={})
    page = fingerprints(catalog, expansion, lock, renderer)["page/debian=13"]
    assert "apt-get install --yes --no-install-recommends" in page.document["dockerfile"]
    assert page.downloads == ()
    files = files_of(catalog, "page", ("example.org/demo-page:1",), "1.0.0")
    assert "templates/statefulset.yaml" in files
    assert "charts/onyxia-library/Chart.yaml" in files


def test_its_workflows_can_set_up_a_builder(run: Run, empty: Path) -> None:
    run("init", "demo")
    run("workflows", "--root", "demo")
    assert "run: make setup" in (empty / "demo/.github/workflows/weekly.yml").read_text()

    # make tells its children of itself, and this test may be one of them.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}

    def make(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ("make", "--dry-run", "setup", *words), cwd="demo", capture_output=True, text=True,
            check=False, env=environment,
        )  # fmt: skip

    assert make().returncode == 2
    assert "say in the Makefile, as BUILDER, where pip gets the builder" in make().stderr
    assert make("BUILDER=catalog.whl").stdout.splitlines() == [
        "python3 -m venv .venv",
        ".venv/bin/pip install --quiet --disable-pip-version-check 'catalog.whl'",
        ".venv/bin/builder doctor --install",
    ]


def test_it_is_no_longer_than_somebody_reads() -> None:
    """Without README, page and what is git's; comments and blank lines count."""
    code = (path for path in first_catalog.STARTER.rglob("*") if path.suffix in {".yaml", ".j2"})
    assert sum(len(path.read_text().splitlines()) for path in code) < 50


def test_it_fills_the_folder_that_one_is_in(
    run: Run, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty / "shop").mkdir()
    (empty / "shop/LICENSE").write_text("ours")
    monkeypatch.chdir(empty / "shop")
    found = run("init")
    assert found.code == 0
    assert "\n  cd " not in found.out
    assert names(empty / "shop") == {*FILES, "LICENSE"}
    assert "name: shop\n" in Path("matrix.yaml").read_text()


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (("matrix.yaml",), "matrix.yaml"),
        (("README.md", ".gitignore"), "README.md, .gitignore"),
        (("images",), "images/page/Dockerfile.j2, images/page/files/index.html, "
         "images/page/recipe.yaml, images/page/tests/test_page.py"),
    ],
)  # fmt: skip
def test_nothing_is_replaced(run: Run, empty: Path, there: tuple[str, ...], said: str) -> None:
    (empty / "demo").mkdir()
    for name in there:
        (empty / "demo" / name).write_text("mine")
    found = run("init", "demo")
    assert found.code == 2
    assert found.err == (
        f"error: demo has {said} already: nothing was written\n"
        "  hint: name a folder that is empty, or not yet there: `builder init DIR`\n"
    )
    assert names(empty / "demo") == set(there)
    assert {(empty / "demo" / name).read_text() for name in there} == {"mine"}


def test_a_link_to_nothing_is_not_replaced(run: Run, empty: Path) -> None:
    (empty / "demo").mkdir()
    (empty / "demo/matrix.yaml").symlink_to("elsewhere.yaml")
    assert run("init", "demo").code == 2
    assert (empty / "demo/matrix.yaml").is_symlink()
    assert not (empty / "demo/elsewhere.yaml").exists()


def test_a_file_in_the_place_of_the_folder(run: Run, empty: Path) -> None:
    (empty / "demo").write_text("mine")
    assert run("init", "demo").code == 2
    assert (empty / "demo").read_text() == "mine"


def test_a_disk_that_is_full_leaves_nothing(
    run: Run, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.replace, []

    def full(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) > 3:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    found = run("init", "demo")
    assert found.code == 5
    assert "No space left on device" in found.err
    assert names(empty / "demo") == set()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("init", "..."), "--name my-catalog"),
        (("init", "demo", "--name", "My Demo"), "matrix.yaml:3:9: "),
        (("init", "demo", "--registry", "ghcr.io/My Org"), "not an image reference"),
        (
            ("init", "demo", "--registry", 'x"]: {'),
            "not a registry: 'x\"]: {'\n  hint: write host[:port][/path]",
        ),
    ],
)
def test_what_a_catalog_cannot_be(run: Run, empty: Path, argv: tuple[str, ...], said: str) -> None:
    found = run(*argv)
    assert found.code == 2
    assert said in found.err
    assert list(empty.iterdir()) == []


def test_a_registry_of_ones_own(run: Run, empty: Path) -> None:
    found = run("init", "demo", "--name", "shop", "--registry", "ghcr.io/my-organisation")
    assert "  skopeo login ghcr.io   # or docker login, podman login\n" in found.out
    file, errors = parse_matrix((empty / "demo/matrix.yaml").read_text(), "matrix.yaml")
    assert errors == []
    assert file is not None
    assert file.matrix.repository_of("page") == "ghcr.io/my-organisation/shop-page"


@pytest.mark.parametrize("registry", ["127.0.0.1:5000", "[::1]:5000/team", "a.example/b_c/d"])
def test_a_registry_stays_what_it_is(run: Run, empty: Path, registry: str) -> None:
    assert run("init", "demo", "--registry", registry).code == 0
    file, _ = parse_matrix((empty / "demo/matrix.yaml").read_text(), "matrix.yaml")
    assert file is not None
    assert file.matrix.registries == (registry,)


def test_a_port_that_is_taken_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr(first_catalog, "_PORTS", range(port, port + 50))
        text = first_catalog.first_catalog("demo", "embedded")["matrix.yaml"].decode()
    assert f"127.0.0.1:{port} " not in text
    assert "  embedded: 127.0.0.1:" in text
