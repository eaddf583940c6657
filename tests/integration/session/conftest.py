"""Servers that a session talks to, and images that it starts in."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import pytest

from tests.integration.session import servers
from tests.integration.session.box import Box, boxes_of
from tests.integration.session.host import Host
from tests.integration.session.servers import Authority, Serving, files, git, serve, watched
from tests.integration.session.values import CANARY, WORD
from tests.integration.starter import Catalog

GIT_TOKEN = WORD
IMAGES = ("base", "python-minimal", "r-minimal", "jupyter-python")


@pytest.fixture(autouse=True)
def nothing_was_run() -> Iterator[None]:
    """No command in any value was run."""
    CANARY.unlink(missing_ok=True)
    yield
    assert not CANARY.exists()


@pytest.fixture
def machine(tmp_path: Path) -> Host:
    """The script on this machine."""
    return Host(folder=tmp_path)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One that nobody knows, for 127.0.0.1 and mirror.example."""
    folder = tmp_path_factory.mktemp("authority")
    folder.chmod(0o755)  # any uid of a container reads it
    return servers.authority(folder)


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the repository `project.git`, of two branches."""
    folder = tmp_path_factory.mktemp("git")
    servers.project(folder)
    return folder


@pytest.fixture(scope="session")
def git_server(repositories: Path) -> Iterator[Serving]:
    """They, over HTTP, for who has the token."""
    application = watched(git(repositories, token=GIT_TOKEN), secrets=(GIT_TOKEN,))
    with serve(application) as serving:
        yield serving


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The URL of an S3 server."""
    with servers.s3() as url:
        yield url


def site() -> dict[str, bytes]:
    """Scripts, a page, and a mirror of Python packages."""
    return {
        "/script.sh": b'printf "%s\\0" "$@" >"$HOME/arguments"\n',
        "/failing.sh": b"echo alas >&2\nexit 3\n",
        "/page/": b"  <!DOCTYPE html><html><body>Log in</body></html>",
        "/text": b"over TLS\n",
        **wheel("probe_of_the_mirror", 42),
    }


def wheel(name: str, answer: int) -> dict[str, bytes]:
    """A mirror of PyPI's shape with one distribution: a module that holds `ANSWER`."""
    info, buffer = f"{name}-1.dist-info", BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}.py", f"ANSWER = {answer}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    data = buffer.getvalue()
    file = f"{name}-1-py3-none-any.whl"
    page = f'<a href="/files/{file}#sha256={hashlib.sha256(data).hexdigest()}">{file}</a>'
    return {f"/simple/{name.replace('_', '-')}/": page.encode(), f"/files/{file}": data}


@pytest.fixture
def web() -> Iterator[Serving]:
    """A web server."""
    with serve(files(site())) as serving:
        yield serving


@pytest.fixture
def secure_web(authority: Authority) -> Iterator[Serving]:
    """The same over TLS."""
    with serve(files(site()), tls=authority.server) as serving:
        yield serving


@pytest.fixture(scope="session")
def boxes(starter: Catalog) -> Mapping[str, Box]:
    """The images of the starter, by name."""
    return boxes_of(starter, IMAGES)
