"""fetch.sh gets files by curl alone: it runs no code of a package."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from builder.catalog.models import RemoteFile
from builder.export.tree import fetch_script
from tests.fakes.answers import Answer, Registry

DATA = b"a source distribution, whose setup.py is never run"
SHA256 = hashlib.sha256(DATA).hexdigest()
SDIST = RemoteFile(name="pyspark.tar.gz", url="pkg:pypi/PySpark@4.1.4", sha256=SHA256)


def fetched(folder: Path, server: Registry, *files: RemoteFile) -> subprocess.CompletedProcess[str]:
    """What the script of some files does, with an index on loopback."""
    script = folder / "fetch.sh"
    script.write_text(fetch_script(files))
    env = {"PATH": "/usr/bin:/bin", "PIP_INDEX_URL": f"http://{server.address}/simple/"}
    return subprocess.run(
        ["sh", str(script)], env=env, capture_output=True, text=True, check=False, timeout=30
    )


def serve(server: Registry, link: str, data: bytes = DATA) -> None:
    """Have an index whose page has several links, and one file."""
    other = f'<a href="/other.whl#sha256={"0" * 64}">'
    page = f'{other}x</a><a href="{link}" data-requires-python="&gt;=3.9">y</a>{other}z</a>\n'

    def answer(_method: str, path: str) -> Answer:
        body = {"/simple/pyspark/": page.encode(), "/files/pyspark.tar.gz": data}.get(path)
        return (404, {}, b"") if body is None else (200, {}, body)

    server.script = answer


@pytest.mark.parametrize(
    "link",
    ["http://{address}/files/pyspark.tar.gz", "/files/pyspark.tar.gz",
     "../../files/pyspark.tar.gz"],
)  # fmt: skip
def test_a_source_distribution_is_found_by_its_hash(
    registry: Registry, tmp_path: Path, link: str
) -> None:
    serve(registry, f"{link.format(address=registry.address)}#sha256={SHA256}")
    result = fetched(tmp_path, registry, SDIST)
    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "downloads/pyspark.tar.gz").read_bytes() == DATA


def test_another_content_is_refused(registry: Registry, tmp_path: Path) -> None:
    serve(registry, f"/files/pyspark.tar.gz#sha256={SHA256}", b"something else")
    assert fetched(tmp_path, registry, SDIST).returncode != 0


def test_an_index_without_that_file(registry: Registry, tmp_path: Path) -> None:
    serve(registry, f"/files/pyspark.tar.gz#sha256={'1' * 64}")
    result = fetched(tmp_path, registry, SDIST)
    assert result.returncode == 1
    assert result.stderr == "the index has no file of PySpark==4.1.4 with its hash\n"


@pytest.mark.parametrize("link", ["file:///etc/passwd", "--output=/etc/x", "ftp://x/y"])
def test_an_index_that_names_a_file_of_this_machine(
    registry: Registry, tmp_path: Path, link: str
) -> None:
    serve(registry, f"{link}#sha256={SHA256}")
    assert fetched(tmp_path, registry, SDIST).returncode != 0
    assert not [*(tmp_path / "downloads").iterdir()]


def test_no_program_but_curl_sees_a_package(registry: Registry, tmp_path: Path) -> None:
    """A name that a shell would run is a name."""
    mark = tmp_path / "mark"
    url = f"pkg:pypi/x$(touch {mark})@1;touch {mark}"
    serve(registry, f"/files/pyspark.tar.gz#sha256={SHA256}")
    script = fetch_script([SDIST])
    assert "pip download" not in script
    assert "python" not in script
    fetched(tmp_path, registry, RemoteFile(name="x", url=url, sha256=SHA256))
    assert not mark.exists()
