"""fetch.sh gets files by curl alone: it runs no code of a package."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.models import RemoteFile
from builder.catalog.packages import LockedPackage
from builder.export.tree import fetch_script
from builder.lock.lockfile import PackageSet
from builder.lock.package_lists import files_to_fetch
from tests.fakes.answers import Answer, Registry
from tests.fakes.ecosystems import BUILT_IN

DATA = b"a source distribution, whose setup.py is never run"
SHA256 = hashlib.sha256(DATA).hexdigest()
SDIST = RemoteFile(name="pyspark.tar.gz", url="pkg:pypi/PySpark@4.1.4", sha256=SHA256)


def fetched(folder: Path, server: Registry, *files: RemoteFile) -> subprocess.CompletedProcess[str]:
    """What the script of some files does, with an index on loopback."""
    env = {"PATH": "/usr/bin:/bin", "PIP_INDEX_URL": f"http://{server.address}/simple/"}
    return fetched_with(env, folder, *files)


def fetched_with(
    env: Mapping[str, str], folder: Path, *files: RemoteFile
) -> subprocess.CompletedProcess[str]:
    """What the script of some files does in an environment."""
    script = folder / "fetch.sh"
    script.write_text(fetch_script(files))
    return subprocess.run(
        ["/bin/sh", str(script)], env=env, capture_output=True, text=True, check=False, timeout=30
    )


def serve(server: Registry, link: str, data: bytes = DATA) -> None:
    """Have an index whose page has several links, and one file."""
    other = f'<a href="/other.whl#sha256={"0" * 64}">'
    page = f'{other}x</a><a href="{link}" data-requires-python="&gt;=3.9">y</a>{other}z</a>\n'

    def answer(_method: str, path: str) -> Answer:
        body = {"/simple/pyspark/": page.encode(), "/files/pyspark.tar.gz": data}.get(path)
        return (404, {}, b"") if body is None else (200, {}, body)

    server.script = answer


def test_the_index_is_that_of_pip(registry: Registry, tmp_path: Path) -> None:
    serve(registry, f"/files/pyspark.tar.gz#sha256={SHA256}")
    configuration = tmp_path / "pip.conf"
    configuration.write_text(f"[global]\nindex-url = http://{registry.address}/simple\n")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    env = {"PATH": path, "PIP_CONFIG_FILE": str(configuration)}
    result = fetched_with(env, tmp_path, SDIST)
    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "downloads/pyspark.tar.gz").read_bytes() == DATA


def test_without_pip_the_index_must_be_named(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("dirname", "mkdir", "sed"):
        (programs / name).symlink_to(f"/usr/bin/{name}" if name == "dirname" else f"/bin/{name}")
    shell = {"PATH": str(programs)}
    result = fetched_with(shell, tmp_path, SDIST)
    assert result.returncode == 1
    assert result.stderr.endswith("there is no pip that names an index: set PIP_INDEX_URL\n")


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


def test_an_index_that_states_no_hashes(registry: Registry, tmp_path: Path) -> None:
    serve(registry, "/files/pyspark-4.1.4.tar.gz")
    page = (
        b'<a href="/files/x-pyspark-4.1.4.zip">a</a>\n<a href="/files/pyspark-4.1.4.tar.gz">b</a>'
    )
    bodies = {"/simple/pyspark/": page, "/files/pyspark-4.1.4.tar.gz": DATA}
    registry.script = lambda _method, path: (200, {}, bodies[path]) if path in bodies else None
    assert fetched(tmp_path, registry, SDIST).returncode == 0
    assert (tmp_path / "downloads/pyspark.tar.gz").read_bytes() == DATA


def test_another_content_is_refused(registry: Registry, tmp_path: Path) -> None:
    serve(registry, f"/files/pyspark.tar.gz#sha256={SHA256}", b"something else")
    assert fetched(tmp_path, registry, SDIST).returncode != 0


def test_an_index_without_that_file(registry: Registry, tmp_path: Path) -> None:
    serve(registry, f"/files/pyspark.tar.gz#sha256={'1' * 64}")
    result = fetched(tmp_path, registry, SDIST)
    assert result.returncode == 1
    assert result.stderr == "the index has no source distribution of PySpark==4.1.4\n"


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


def test_files_of_packages_that_the_installer_does_not_find_itself(
    registry: Registry, tmp_path: Path
) -> None:
    jar = LockedPackage(
        version="1", digest=f"sha256:{SHA256}", source="maven", file="a/b/1/b-1.jar"
    )
    wheel = LockedPackage(version="1", digest=f"sha256:{SHA256}", source="pip", file="x.whl")
    packages = {"maven": {"a:b": jar}, "pip": {"x": wheel}}
    (file,) = files_to_fetch(PackageSet(epoch=1, request="", packages=packages), BUILT_IN)
    assert file.url.endswith("/a/b/1/b-1.jar")
    registry.script = lambda _method, path: (200, {}, DATA) if path == "/b-1.jar" else None
    served = replace(file, url=f"http://{registry.address}/b-1.jar")
    assert fetched(tmp_path, registry, served).returncode == 0
    assert (tmp_path / "downloads/maven/a/b/1/b-1.jar").read_bytes() == DATA
