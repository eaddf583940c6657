"""A session behind a proxy that knows the only way to a mirror, whose authority nobody knows."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.integration.session import servers
from tests.integration.session.box import Box, Running
from tests.integration.session.conftest import GIT_TOKEN, site
from tests.integration.session.servers import Authority, Serving, git, proxy, serve

MIRROR = "https://mirror.example"
BUNDLE = "/ca/bundle.crt"
BINARIES = "/ppm/latest/bin/linux/trixie-x86_64/4.5"


def r_package(name: str) -> dict[str, bytes]:
    """A repository of R packages with one, whose `answer` is its name."""
    parts = {
        "DESCRIPTION": f"Package: {name}\nVersion: 1.0\nTitle: A\nDescription: B.\n"
        "License: GPL-3\nAuthor: C\nMaintainer: C <c@example.org>\n",
        "NAMESPACE": "export(answer)\n",
        "R/answer.R": f"answer <- function() '{name}'\n",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in parts.items():
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    index = f"Package: {name}\nVersion: 1.0\nNeedsCompilation: no\n"
    return {
        "/src/contrib/PACKAGES": index.encode(),
        f"/src/contrib/{name}_1.0.tar.gz": buffer.getvalue(),
    }


@pytest.fixture(scope="module")
def mirror(authority: Authority, repositories: Path) -> Iterator[Serving]:
    """Everything that there is, over TLS."""
    content = {
        **site(),
        **{f"/cran{path}": data for path, data in r_package("fromcran").items()},
        **{f"{BINARIES}{path}": data for path, data in r_package("fromppm").items()},
    }
    application = servers.mirror(content, git(repositories, token=GIT_TOKEN))
    with serve(application, tls=authority.server) as serving:
        yield serving


@pytest.fixture(scope="module")
def way(mirror: Serving) -> Iterator[Serving]:
    """The proxy."""
    with serve(proxy(mirror.port)) as serving:
        yield serving


def given(way: Serving) -> dict[str, str]:
    """What a session is told; the proxies in one case only."""
    return {
        "HTTP_PROXY": way.url, "https_proxy": way.url, "NO_PROXY": "127.0.0.1",
        "PATH_TO_CA_BUNDLE": BUNDLE, "PIP_REPOSITORY": f"{MIRROR}/simple/",
        "R_REPOSITORY": f"{MIRROR}/cran/", "PACKAGE_MANAGER_URL": f"{MIRROR}/ppm",
        "GIT_REPOSITORY": f"{MIRROR}/project.git", "GIT_PERSONAL_ACCESS_TOKEN": GIT_TOKEN,
        "GIT_TOKEN_HOSTS": "mirror.example",
        "PERSONAL_INIT_SCRIPT": f"{MIRROR}/script.sh", "PERSONAL_INIT_ARGS": "a 'b c'",
    }  # fmt: skip


@pytest.fixture(scope="module")
def session(
    boxes: Mapping[str, Box], authority: Authority, way: Serving, request: pytest.FixtureRequest
) -> Iterator[Running]:
    """A session of the image that the test names."""
    volume = f"--volume={authority.bundle.parent}:/ca:ro"
    with boxes[request.param].running(options=(volume,), **given(way)) as running:
        yield running


def asked(way: Serving) -> int:
    """How often the proxy was asked for the mirror, which has no other way."""
    assert {request.path for request in way.requests} == {"mirror.example:443"}
    return len(way.requests)


@pytest.mark.parametrize("session", ["r-minimal"], indirect=True)
def test_the_start_and_terminals_go_through_the_proxy(session: Running, way: Serving) -> None:
    log = session.log()
    for step in ("proxies", "certificates", "git clone", "personal script"):
        assert f"onyxia-init: {step}: done" in log
    assert session.do("cat", "/home/onyxia/work/project/file") == b"main\n"
    assert session.do("cat", "/home/onyxia/arguments") == b"a\0b c\0"
    before = asked(way)
    for shell in (("bash", "-l"), ("bash", "-i")):
        assert session.do(*shell, "-c", f"curl -sS {MIRROR}/text") == b"over TLS\n"
        session.do(*shell, "-c", "git -C ~/work/project pull --quiet")
    assert asked(way) > before


@pytest.mark.parametrize("session", ["r-minimal"], indirect=True)
def test_r_installs_from_its_mirrors(session: Running, mirror: Serving) -> None:
    path = "PATH=/usr/bin:/bin"
    for package in ("fromppm", "fromcran"):
        code = f"install.packages('{package}', quiet = TRUE); cat({package}::answer())"
        assert session.do("env", path, "Rscript", "-e", code) == package.encode()
    code = "cat(names(getOption('repos')), getOption('repos'))"
    found = session.do("env", path, "Rscript", "-e", code).decode().split()
    assert found == ["PackageManager", "CRAN", f"{MIRROR}{BINARIES}", f"{MIRROR}/cran"]
    code = f"cat(readLines(url('{MIRROR}/text')))"
    assert session.do("env", path, "Rscript", "-e", code) == b"over TLS"


PYTHON = f"import urllib.request as u; print(u.urlopen('{MIRROR}/text').read())"


@pytest.mark.parametrize("session", ["python-minimal"], indirect=True)
def test_python_installs_from_its_mirror(session: Running) -> None:
    install = "pip install --quiet probe_of_the_mirror"
    show = "python -c 'import probe_of_the_mirror as p; print(p.ANSWER)'"
    assert session.do("bash", "-lc", f"{install} && {show}") == b"42\n"
    assert session.do("bash", "-lc", f'python -c "{PYTHON}"') == b"b'over TLS\\n'\n"


def test_an_authority_that_nobody_named_is_not_trusted(
    boxes: Mapping[str, Box], way: Serving
) -> None:
    ended = boxes["base"].run(
        "curl", "--silent", f"{MIRROR}/text",
        https_proxy=way.url, REGION_INIT_SCRIPT=f"{MIRROR}/script.sh",
    )  # fmt: skip
    assert ended.status == 60
    assert ended.out == b""
    assert ended.steps["region script"].startswith("failed (curl: (60) SSL certificate problem")
