"""Every provider that this machine may not reach, through the production code, on loopback."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.models import RemoteFile
from builder.common.errors import StepError, UnreachableError
from builder.common.process import Runner
from builder.export.tree import fetch_script
from builder.lock.interfaces import ReleaseLineRequest
from builder.resolvers.python.sdists import PipFiles
from tests.fakes.lines import request
from tests.integration.providers import payloads
from tests.integration.providers.conftest import PYTHON, RSTUDIO, SPARK, Place, R, place
from tests.integration.providers.mirror import LOGIN, PASSWORD, Mirror, serving

ROOT = Path(__file__).parents[3]
QUARTO = {
    "url": "{github}/quarto-dev/quarto-cli/releases/download/v{version}/"
    "quarto-{version}-linux-{arch}.tar.gz",
    "index": "{quarto}/_download.json",
    "pattern": '"version": "([0-9.]+)"',
    "name": "quarto.tar.gz",
}
TORCH = {"python": "3.13"}
# provider, line, what it resolves to, its files; CRAN's and NVIDIA's need the mirror's key.
LINES: dict[str, tuple[ReleaseLineRequest, str, tuple[str, ...]]] = {
    "cran": (request("4.6"), "4.6.1", ("cran.asc",)),
    "nvidia": (request("13"), "13.1.80", ("cuda.asc",)),
    "posit": (request("4.2"), R, ("r.deb",)),
    "pytorch": (request("2.15", axes=TORCH), "2.15.0", ()),
    "rstudio": (request("2026.09"), RSTUDIO, ("rstudio.deb",)),
    "tarball": (request("4.1", axis="spark"), SPARK, ("spark.tgz",)),
    "url": (request("1.8", **QUARTO), "1.8.26", ("quarto.tar.gz",)),
    "uv": (request(PYTHON), "", ("python.tar.gz",)),
}


def asked(name: str, fingerprint: str, **more: object) -> ReleaseLineRequest:
    """The request of `LINES`, with the mirror's key where there is one."""
    found = replace(LINES[name][0], **more)  # type: ignore[arg-type]
    if name in ("cran", "nvidia"):
        return replace(found, options={**found.options, "fingerprint": fingerprint})
    return found


@pytest.fixture
def fingerprint(signing: tuple[Path, str, str]) -> str:
    """Of the mirror's key."""
    return signing[1]


@pytest.mark.parametrize("name", LINES)
def test_a_line_is_resolved_fetched_and_checked(
    there: Place, fingerprint: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wanted = asked(name, fingerprint)
    found = there.providers[name].resolve(wanted)
    assert found.version == (LINES[name][1] or found.version)
    assert found.version in there.providers[name].lines(wanted)
    assert tuple(file.name for file in found.files) == LINES[name][2]
    for file in found.files:
        assert payloads.sha256(there.fetcher.file(file)) == file.sha256
        # What the lock holds is upstream's address, and no mirror's.
        assert there.mirror.address not in file.url
        assert "@" not in file.url
    assert there.mirror.asked
    assert PASSWORD not in caplog.text
    assert LOGIN not in caplog.text


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_is_not_there(there: Place, fingerprint: str, name: str) -> None:
    with pytest.raises(StepError) as caught:
        there.providers[name].resolve(asked(name, fingerprint, line="99.9"))
    assert caught.value.message.startswith(f"provider {name} has no 99.9 (it has ")
    assert not isinstance(caught.value, UnreachableError)


ARM = request("1", arch="s390x").base
NOT_FOR: dict[str, str] = {
    "nvidia": "provider nvidia has CUDA 13 for amd64, arm64, but not for s390x",
    "posit": f"provider posit has {R} on Debian 13 for amd64, but not for s390x",
    "pytorch": "provider pytorch has torch 2.15, but not for s390x and Python 3.13",
    "rstudio": f"provider rstudio has {RSTUDIO} for amd64, but not for s390x",
    "url": "provider url has 1.8.26 for amd64, arm64, but not for s390x",
}


@pytest.mark.parametrize("name", NOT_FOR)
def test_an_architecture_that_is_not_there(there: Place, fingerprint: str, name: str) -> None:
    with pytest.raises(StepError) as caught:
        there.providers[name].resolve(asked(name, fingerprint, base=ARM))
    assert caught.value.message == NOT_FOR[name]


def test_a_python_that_pytorch_has_no_wheel_for(there: Place) -> None:
    with pytest.raises(StepError) as caught:
        there.providers["pytorch"].resolve(request("2.14", axes=TORCH))
    assert caught.value.message == (
        "provider pytorch has torch 2.14, but not for amd64 and Python 3.13"
    )
    assert "cp312" in caught.value.hint


BACKEND = """
from pathlib import Path

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    (Path(folder) / "pyspark.dist-info").mkdir()
    (Path(folder) / "pyspark.dist-info/METADATA").write_text(Path("PKG-INFO").read_text())
    return "pyspark.dist-info"
"""


def test_a_source_is_locked_by_its_hash_and_fetched_from_the_index(tmp_path: Path) -> None:
    page = tmp_path / "content/simple/pyspark"
    page.mkdir(parents=True)
    source = page / f"pyspark-{SPARK}.tar.gz"
    (tmp_path / "PKG-INFO").write_text(f"Metadata-Version: 2.1\nName: pyspark\nVersion: {SPARK}\n")
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    with tarfile.open(source, "w:gz") as tar:
        for name in ("PKG-INFO", "backend.py", "pyproject.toml"):
            tar.add(tmp_path / name, f"pyspark-{SPARK}/{name}")
    payloads.simple_index(page, [source])
    with serving(tmp_path / "content") as server:
        mirrors = {"pip": f"http://{LOGIN}@{server.address}/simple"}
        there = place(server, tmp_path, replace(server.network(), mirrors=mirrors))
        wanted = request("4.1", package="pyspark", sdist="pyspark.tar.gz")
        (file,) = there.providers["pypi"].resolve(wanted).files
        assert (file.url, file.sha256) == (f"pkg:pypi/pyspark@{SPARK}", payloads.sha256(source))
        assert there.fetcher.cached(file.sha256) is None
        files = PipFiles(fetcher=there.fetcher, runner=Runner(), network=there.network)
        assert files.file(file).read_bytes() == source.read_bytes()
        by_hand(file, mirrors["pip"], tmp_path)
        other = replace(file, sha256=hashlib.sha256(b"other").hexdigest())
        with pytest.raises(subprocess.CalledProcessError) as caught:
            by_hand(other, mirrors["pip"], tmp_path)
    assert b"did NOT match" in caught.value.stderr
    assert (tmp_path / "downloads/pyspark.tar.gz").read_bytes() == source.read_bytes()


def by_hand(file: RemoteFile, index: str, folder: Path) -> None:
    """Get a file as `builder render` says, into `downloads` below a folder."""
    script = folder / "fetch.sh"
    script.write_text(fetch_script([file]))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {"PATH": path, "PIP_INDEX_URL": index, "PIP_CONFIG_FILE": os.devnull}
    subprocess.run(["sh", str(script)], check=True, capture_output=True, env=env)


@pytest.mark.parametrize("name", [name for name in LINES if name != "pytorch"])
def test_a_login_page_is_taken_for_what_it_is(there: Place, fingerprint: str, name: str) -> None:
    there.mirror.is_captive = True
    with pytest.raises(StepError) as caught:
        there.resolve(name, asked(name, fingerprint))
    if name == "tarball":  # a listing is a web page; this one lists nothing
        assert caught.value.message == "provider tarball has no 4.1 (it has none at all)"
    else:
        assert " answered with a web page, not " in caught.value.message
        assert caught.value.message.endswith(": is it a login page or a proxy?")
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("name", ["posit", "rstudio", "tarball", "url", "uv"])
def test_a_file_that_was_replaced_is_refused(
    there: Place, mirror: Mirror, tmp_path: Path, fingerprint: str, name: str
) -> None:
    (file,) = there.providers[name].resolve(asked(name, fingerprint)).files
    other = place(mirror, tmp_path / "elsewhere", there.network)
    with pytest.raises(StepError) as caught:
        other.fetcher.file(replace(file, sha256="0" * 64))
    first, expected, found = caught.value.message.splitlines()
    assert first.startswith(f"{file.name}: http://{mirror.address}/")
    assert first.endswith(" does not have the expected sha256")
    assert expected == f"    expected {'0' * 64}"
    assert found == f"    found    {file.sha256}"
    assert list((tmp_path / "elsewhere/files").glob("*")) == []


@pytest.mark.parametrize("name", LINES)
def test_a_mirror_that_does_not_know_the_password(
    mirror: Mirror, tmp_path: Path, fingerprint: str, name: str
) -> None:
    """Only what cannot be asked waits: the error is of that class, and tells no secret."""
    stranger = place(mirror, tmp_path, mirror.network(login="me:wr0ng"))
    with pytest.raises(UnreachableError) as caught:
        stranger.providers[name].resolve(asked(name, fingerprint))
    assert f"cannot be reached: {mirror.address}: it answered 401" in str(caught.value)
    assert "wr0ng" not in str(caught.value)


def test_a_repository_signed_by_another_key_is_refused(there: Place) -> None:
    """With upstream's fingerprint, as production has it, the mirror's own key is not enough."""
    with pytest.raises(StepError) as caught:
        there.providers["cran"].resolve(request("4.6"))
    assert "NO_PUBKEY" in caught.value.message or "not signed" in caught.value.message


def test_a_debian_that_a_repository_is_not_for(there: Place, fingerprint: str) -> None:
    with pytest.raises(StepError) as caught:
        there.providers["cran"].resolve(request("4.6", debian="12", fingerprint=fingerprint))
    assert caught.value.message == "provider cran has nothing for Debian 12"


def test_the_python_of_the_tarball_runs(there: Place, tmp_path: Path) -> None:
    _, (file,) = there.resolve("uv", LINES["uv"][0])
    with tarfile.open(file) as tar:
        tar.extractall(tmp_path, filter="tar")
    (program,) = (tmp_path / "python/bin").glob("python3.*")
    script = "import sys, json; print(sys.prefix)"
    done = subprocess.run([program, "-S", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "python")


def test_the_deb_of_r_is_debians(there: Place) -> None:
    _, (file,) = there.resolve("posit", LINES["posit"][0])
    fields = payloads.run("dpkg-deb", "--field", file, "Package", "Version")
    assert f"Package: r-base-core\nVersion: {R}" in fields


@pytest.mark.heavy
def test_julia_is_resolved_fetched_and_runs(there: Place, content: Path, tmp_path: Path) -> None:
    payloads.julia(content / "julia", ROOT / "build/payloads")
    wanted = request("1.5", axis="julia")
    version, (file,) = there.resolve("tarball", wanted)
    assert version == payloads.JULIA
    with tarfile.open(file) as tar:
        tar.extractall(tmp_path, filter="tar")
    top = tmp_path / f"julia-{version}"
    (libraries,) = top.glob("lib/*-linux-gnu")
    done = subprocess.run(
        [top / "bin/julia", "-e", "print(VERSION, ' ', sum(1:10))"],
        env={"LD_LIBRARY_PATH": str(libraries), "HOME": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "1.5.3 55"
    with pytest.raises(StepError) as caught:
        there.resolve("tarball", request("1.12", axis="julia"))
    assert caught.value.message == "provider tarball has no 1.12 (it has 1.5.3)"
    with pytest.raises(StepError) as caught:
        there.resolve("tarball", request("1.5", axis="julia", arch="arm64"))
    assert caught.value.message == "provider tarball has 1.5.3 for amd64, but not for arm64"
