"""Providers whose lines are files: what they read upstream, and what they say no to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.catalog.models import RemoteFile
from builder.common.errors import BuilderError, ConfigError, StepError, ToolError, UnreachableError
from builder.common.process import Runner
from builder.lock.interfaces import Provider
from builder.network.upstreams import UPSTREAM, upstream
from builder.resolvers.downloads.rstudio import RStudio
from builder.resolvers.downloads.spark import SparkTarballs, read_sha512
from builder.resolvers.downloads.url import UrlFiles
from builder.resolvers.julia.tarballs import JuliaTarballs
from builder.resolvers.providers import line_providers
from builder.resolvers.python import standalone
from builder.resolvers.python.standalone import UvPythons
from builder.resolvers.r.posit import PositR
from builder.resolvers.tarballs import Tarballs
from tests.fakes.lines import NOBODY, Upstream, nowhere, request, tools

HASH = "a" * 64
DATA = b"\x1f\x8b content"
SHA256 = hashlib.sha256(DATA).hexdigest()


def said(call: Callable[[], object]) -> str:
    """The text of the error that a call raises."""
    with pytest.raises(BuilderError) as caught:
        call()
    return str(caught.value)


# Julia.


def julia_file(triplet: str, arch: str) -> dict[str, str]:
    url = upstream("julia", f"bin/linux/{arch}/julia-linux-{arch}.tar.gz")
    return {"triplet": triplet, "url": url, "sha256": HASH, "kind": "archive"}


@pytest.fixture
def julia(there: Upstream) -> JuliaTarballs:
    """Three stable versions, the newest for one architecture alone, and a pre-release."""
    both = [
        julia_file("x86_64-linux-gnu", "x64"),
        julia_file("aarch64-linux-gnu", "aarch64"),
        {**julia_file("x86_64-linux-gnu", "x64"), "url": "https://x.example/julia.exe"},
        julia_file("x86_64-apple-darwin14", "mac"),
    ]
    versions = {
        "1.13.0-rc1": {"files": both, "stable": False},
        "1.12.1": {"files": both[:1], "stable": True},
        "1.10.9": {"files": both, "stable": True},
        "1.10.11": {"files": both, "stable": True},
    }
    there.serve("julia/bin/versions.json", json.dumps(versions), "application/json")
    return JuliaTarballs(fetcher=there.fetcher())


def test_julia_has_the_stable_versions_of_an_architecture(julia: JuliaTarballs) -> None:
    assert julia.lines(request("1.12")) == ("1.12.1", "1.10.11", "1.10.9")
    assert julia.lines(request("1.12", arch="arm64")) == ("1.10.11", "1.10.9")


def test_julia_is_a_file_with_its_hash(julia: JuliaTarballs) -> None:
    found = julia.resolve(request("1.10", arch="arm64"))
    url = upstream("julia", "bin/linux/aarch64/julia-linux-aarch64.tar.gz")
    assert found.version == "1.10.11"
    assert found.files == (RemoteFile(name="julia.tar.gz", url=url, sha256=HASH),)


def test_julia_has_no_such_line_or_architecture(julia: JuliaTarballs) -> None:
    assert said(lambda: julia.resolve(request("1.13"))) == (
        "provider tarball has no 1.13 (it has 1.12.1, 1.10.11)"
    )
    assert said(lambda: julia.resolve(request("1.12", arch="arm64"))).splitlines()[0] == (
        "provider tarball has 1.12.1 for amd64, but not for arm64"
    )


# Spark.


@pytest.fixture
def spark(there: Upstream) -> SparkTarballs:
    """The listing of the archive, and one distribution."""
    listing = "".join(
        f'<a href="spark-{name}/">spark-{name}/</a>'
        for name in ("3.5.9", "4.0.0-preview2", "4.1.4", "4.1.10")
    )
    there.serve("spark/", f"<html>{listing}</html>", "text/html")
    file = "spark/spark-4.1.10/spark-4.1.10-bin-hadoop3.tgz"
    there.serve(file, DATA)
    there.serve(f"{file}.sha512", f"{hashlib.sha512(DATA).hexdigest()}  spark.tgz\n")
    return SparkTarballs(fetcher=there.fetcher())


def test_spark_is_checked_by_its_sha512_and_recorded_by_its_sha256(spark: SparkTarballs) -> None:
    assert spark.lines(request("4.1")) == ("4.1.10", "4.1.4", "3.5.9")
    found = spark.resolve(request("4.1"))
    url = upstream("spark", "spark-4.1.10/spark-4.1.10-bin-hadoop3.tgz")
    assert found.version == "4.1.10"
    assert found.files == (RemoteFile(name="spark.tgz", url=url, sha256=SHA256),)


def test_spark_has_no_such_line_or_build(spark: SparkTarballs, there: Upstream) -> None:
    assert said(lambda: spark.resolve(request("5.0"))) == (
        "provider tarball has no 5.0 (it has 4.1.10, 3.5.9)"
    )
    assert said(lambda: spark.resolve(request("4.1", build="without-hadoop"))) == (
        f"spark: http://{there.server.address}"
        "/spark/spark-4.1.10/spark-4.1.10-without-hadoop.tgz.sha512 does not exist"
    )


def test_both_ways_of_writing_a_sha512() -> None:
    digest = "0123456789ABCDEF" * 8
    groups = "\n".join(digest[at : at + 32] for at in range(0, 128, 32))
    assert read_sha512(f"{digest}  spark.tgz", "u") == digest.lower()
    assert read_sha512(f"spark.tgz: {groups}\n", "u") == digest.lower()
    assert said(lambda: read_sha512("spark.tgz: 01 23", "https://x.example/s.tgz")) == (
        "https://x.example/s.tgz.sha512 has no sha512"
    )


def test_a_tarball_is_of_its_axis_or_of_a_kind(julia: JuliaTarballs, spark: SparkTarballs) -> None:
    tarballs = Tarballs(kinds={"julia": julia, "spark": spark})
    assert tarballs.lines(request("1.10", axis="julia"))[0] == "1.12.1"
    assert tarballs.resolve(request("4.1", axis="jars", kind="spark")).version == "4.1.10"
    assert said(lambda: tarballs.lines(request("1", axis="jula"))) == (
        "provider tarball has no kind 'jula'\n  hint: did you mean julia?"
    )


# R by Posit.


@pytest.fixture
def posit(there: Upstream) -> PositR:
    """Two versions of R, for Debian 13 on amd64."""
    there.serve("posit/versions.json", json.dumps({"r_versions": ["4.5.2", "4.6.1", "devel"]}))
    there.serve("posit/debian-13/pkgs/r-4.6.1_1_amd64.deb", DATA)
    return PositR(fetcher=there.fetcher())


def test_posit_has_a_deb_for_each_debian_and_architecture(posit: PositR) -> None:
    assert posit.lines(request("4.6")) == ("4.6.1", "4.5.2")
    found = posit.resolve(request("4.6"))
    url = upstream("posit", "debian-13/pkgs/r-4.6.1_1_amd64.deb")
    assert found.files == (RemoteFile(name="r.deb", url=url, sha256=SHA256),)


def test_posit_has_no_such_line_or_architecture(posit: PositR) -> None:
    assert said(lambda: posit.resolve(request("4.9"))) == (
        "provider posit has no 4.9 (it has 4.6.1, 4.5.2)"
    )
    assert said(lambda: posit.resolve(request("4.6", arch="arm64"))).splitlines()[0] == (
        "provider posit has 4.6.1 on Debian 13 for amd64, but not for arm64"
    )
    assert said(lambda: posit.resolve(request("4.6", debian="12"))).splitlines()[0] == (
        "provider posit has 4.6.1 on Debian 12 for none, but not for amd64"
    )


# RStudio.


@pytest.fixture
def rstudio(there: Upstream) -> RStudio:
    """The list of downloads."""
    url = upstream("rstudio-files", "server/jammy/amd64/rstudio-server-2026.09.1-403-amd64.deb")
    jammy = {"url": url, "version": "2026.09.1+403", "sha256": HASH}
    installers = {"jammy": jammy, "rhel9": {**jammy, "version": "2026.09.1+404"}}
    stable = {"server": {"installer": installers}}
    there.serve(
        "rstudio/downloads.json", json.dumps({"rstudio": {"open_source": {"stable": stable}}})
    )
    return RStudio(fetcher=there.fetcher())


def test_rstudio_is_the_stable_release(rstudio: RStudio) -> None:
    assert rstudio.lines(request("2026.09")) == ("2026.09.1+403",)
    found = rstudio.resolve(request("2026.09"))
    (file,) = found.files
    assert (found.version, file.name, file.sha256) == ("2026.09.1+403", "rstudio.deb", HASH)
    assert file.url.startswith(UPSTREAM["rstudio-files"])


def test_rstudio_of_another_architecture_is_recorded(rstudio: RStudio, there: Upstream) -> None:
    assert said(lambda: rstudio.resolve(request("2026.09", arch="arm64"))).splitlines()[0] == (
        "provider rstudio has 2026.09.1+403 for amd64, but not for arm64"
    )
    path = "server/jammy/arm64/rstudio-server-2026.09.1-403-arm64.deb"
    there.serve(f"rstudio-files/{path}", DATA)
    (file,) = rstudio.resolve(request("2026.09", arch="arm64")).files
    assert (file.url, file.sha256) == (upstream("rstudio-files", path), SHA256)


def test_rstudio_has_no_such_line_or_build(rstudio: RStudio) -> None:
    assert said(lambda: rstudio.resolve(request("2025.05"))) == (
        "provider rstudio has no 2025.05 (it has 2026.09.1+403)"
    )
    assert said(lambda: rstudio.resolve(request("2026.09", build="noble"))) == (
        "provider rstudio has no build for noble (it has jammy, rhel9)"
    )


# Any file.

TEMPLATE = "{github}/o/quarto/releases/download/v{version}/quarto-{version}-linux-{arch}.tar.gz"


def path_of(version: str, arch: str) -> str:
    """Where the fake upstream has it."""
    return TEMPLATE.format(github="github", version=version, arch=arch)


def test_a_url_whose_versions_are_read_somewhere(there: Upstream) -> None:
    there.serve(
        "quarto/_download.json", '{"version": "1.8.26", "older": "1.8.9", "next": "1.9.0-rc1"}'
    )
    there.serve(path_of("1.8.26", "amd64"), DATA)
    files = UrlFiles(fetcher=there.fetcher())
    asked = request(
        "1.8", url=TEMPLATE, index="{quarto}/_download.json", pattern=r'"([0-9.]+)"',
        name="quarto.tar.gz",
    )  # fmt: skip
    assert files.lines(asked) == ("1.8.26", "1.8.9")
    found = files.resolve(asked)
    url = upstream("github", path_of("1.8.26", "amd64").removeprefix("github/"))
    assert found.version == "1.8.26"
    assert found.files == (RemoteFile(name="quarto.tar.gz", url=url, sha256=SHA256),)


def test_a_url_with_its_hash_is_not_asked(there: Upstream) -> None:
    files = UrlFiles(fetcher=there.fetcher())
    asked = request(
        "1.8.26", arch="arm64", url="https://x.example/{version}/{arch}/tool.tgz",
        versions="1.8.26", sha256=f"amd64={HASH} arm64={'b' * 64}", archs="amd64=x64 arm64=aarch64",
    )  # fmt: skip
    assert files.resolve(asked).files == (
        RemoteFile(
            name="tool.tgz", url="https://x.example/1.8.26/aarch64/tool.tgz", sha256="b" * 64
        ),
    )
    assert there.server.asked == []


def test_a_url_with_a_list_of_hashes(there: Upstream) -> None:
    there.serve("github/sums-1.8.26", f"{'c' * 64}  other.tgz\n{HASH} *./tool-amd64.tgz\n")
    files = UrlFiles(fetcher=there.fetcher())
    asked = request(
        "1.8", url="https://x.example/tool-{arch}.tgz", versions="1.8.26 1.7.31",
        sums="{github}/sums-{version}",
    )  # fmt: skip
    assert files.resolve(asked).files[0].sha256 == HASH


def test_a_url_with_a_list_of_hashes_for_each_architecture(there: Upstream) -> None:
    there.serve("github/linux-aarch64/sums", f"{HASH}  tool\n")
    files = UrlFiles(fetcher=there.fetcher())
    asked = request(
        "1.8", arch="arm64", url="https://x.example/linux-{arch}/tool", versions="1.8.26",
        sums="{github}/linux-{arch}/sums", archs="amd64=x64 arm64=aarch64",
    )  # fmt: skip
    assert files.resolve(asked).files[0].sha256 == HASH


@pytest.mark.parametrize(
    ("line", "arch", "options", "text"),
    [
        ("1.99", "amd64", {}, "provider url has no 1.99 (it has 1.8.26)"),
        (
            "1.8", "arm64", {},
            "provider url has 1.8.26 for amd64, but not for arm64",
        ),
        (
            "1.8", "s390x", {},
            "provider url has 1.8.26 for amd64, arm64, but not for s390x",
        ),
        (
            "1.8", "arm64", {"sha256": f"amd64={HASH}"},
            "provider url has 1.8.26 for amd64, but not for arm64",
        ),
        (
            "1.8", "amd64", {"versions": "1.8.26 1.8.25", "sha256": HASH},
            "provider url: with `sha256`, `versions` must be one version",
        ),
    ],
)  # fmt: skip
def test_a_url_that_cannot_be(
    there: Upstream, line: str, arch: str, options: dict[str, str], text: str
) -> None:
    there.serve(path_of("1.8.26", "amd64"), DATA)
    files = UrlFiles(fetcher=there.fetcher())
    asked = request(line, arch=arch, **{"url": TEMPLATE, "versions": "1.8.26", **options})
    assert said(lambda: files.resolve(asked)).splitlines()[0] == text


def test_a_url_that_is_nowhere(there: Upstream) -> None:
    asked = request("1.8", url=TEMPLATE, versions="1.8.26")
    assert said(lambda: UrlFiles(fetcher=there.fetcher()).resolve(asked)) == (
        f"github: http://{there.server.address}/{path_of('1.8.26', 'amd64')} does not exist"
    )


# Python by uv.


def python(version: str, arch: str = "x86_64", **more: str) -> dict[str, str | None]:
    name = f"cpython-{version}%2B20261110-{arch}-unknown-linux-gnu-install_only_stripped.tar.gz"
    return {
        "version": version, "arch": arch, "os": "linux", "libc": "gnu", "variant": "default",
        "implementation": "cpython", "url": upstream("python", f"20261110/{name}"), **more,
    }  # fmt: skip


@pytest.fixture
def pythons(there: Upstream, tmp_path: Path, runner: Runner) -> UvPythons:
    """A uv that knows four, beside what nobody wants."""
    known = [
        python("3.16.0a2"), python("3.15.2"), python("3.14.10"), python("3.14.9"),
        python("3.14.10", "aarch64"), python("3.15.9", libc="musl"), python("3.15.8", os="macos"),
        python("3.15.7", implementation="pypy"), python("3.15.6", variant="freethreaded"),
        python("3.15.5", "riscv64"), {**python("3.15.4"), "url": None},
    ]  # fmt: skip
    program = tmp_path / "uv"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(known)}\nEND\n")
    program.chmod(0o755)
    name = "cpython-3.14.10+20261110-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"
    there.serve("python/20261110/SHA256SUMS", f"{'d' * 64}  other\n{HASH}  {name}\n")
    return UvPythons(runner=runner, fetcher=there.fetcher(), program=str(program))


def test_uv_has_the_plain_builds_of_an_architecture(pythons: UvPythons) -> None:
    assert pythons.lines(request("3.14")) == ("3.15.2", "3.14.10", "3.14.9")
    assert pythons.lines(request("3.14", arch="arm64")) == ("3.14.10",)


def test_a_standalone_python_is_a_file_with_its_hash(pythons: UvPythons) -> None:
    found = pythons.resolve(request("3.14"))
    url = python("3.14.10")["url"]
    assert found.version == "3.14.10"
    assert found.files == (RemoteFile(name="python.tar.gz", url=str(url), sha256=HASH),)


def test_uv_has_no_such_line_or_architecture(pythons: UvPythons) -> None:
    assert said(lambda: pythons.resolve(request("3.16"))) == (
        "provider uv has no 3.16 (it has 3.15.2, 3.14.10)"
    )
    assert said(lambda: pythons.resolve(request("3.15", arch="arm64"))).splitlines()[0] == (
        "provider uv has 3.15.2 for amd64, but not for arm64"
    )


def test_a_python_that_the_release_has_no_hash_of(pythons: UvPythons, there: Upstream) -> None:
    there.serve("python/20261110/SHA256SUMS", f"{HASH}  other\n")
    assert said(lambda: pythons.resolve(request("3.14"))) == (
        "provider uv: the list of checksums does not name"
        " cpython-3.14.10+20261110-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"
    )


def test_uv_is_the_one_beside_the_builder_or_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(standalone.uv()).is_file()
    monkeypatch.setattr(standalone.sys, "executable", "/nowhere/python")
    monkeypatch.setattr(standalone, "which", lambda name: None)
    with pytest.raises(ToolError) as caught:
        standalone.uv()
    assert str(caught.value) == "uv is not installed\n  hint: pip install uv"


# All of them.


def providers(there: Upstream, runner: Runner) -> dict[str, Provider]:
    """All providers, on the fake upstream."""
    return line_providers(tools(there.fetcher(), runner, there.server.address))


def test_every_provider_has_its_name(there: Upstream, runner: Runner) -> None:
    found = providers(there, runner)
    assert list(found) == [
        "apt", "cran", "debian", "npm", "nvidia", "posit", "pypi", "pypi-cpu", "pytorch",
        "rstudio", "tarball", "url", "uv",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("tarball", {"kind": "julia"}), ("tarball", {"kind": "spark"}), ("posit", {}),
        ("rstudio", {}), ("url", {"url": TEMPLATE, "versions": "1.0"}), ("uv", {}),
        ("cran", {}), ("nvidia", {}),
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_reached_is_told_apart(
    tmp_path: Path, runner: Runner, name: str, options: dict[str, str]
) -> None:
    """So that it blocks its own lines alone. No message has the password."""
    found = line_providers(tools(nowhere(tmp_path), runner, NOBODY))
    line = {"uv": "3.14", "url": "1.0"}.get(name, "1")
    with pytest.raises(UnreachableError) as caught:
        found[name].resolve(request(line, **options))
    assert "cannot be reached: 127.0.0.1:1: the connection was refused" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_option_is_asked_for(there: Upstream, runner: Runner) -> None:
    found = providers(there, runner)
    for name, missing in {"npm": "package", "pypi": "package", "url": "index"}.items():
        with pytest.raises(ConfigError, match=f"provider {name} needs the option {missing}"):
            found[name].lines(request("1"))


def test_what_nobody_publishes_for_is_an_error_of_its_own(there: Upstream, runner: Runner) -> None:
    found = providers(there, runner)
    with pytest.raises(StepError) as caught:
        found["nvidia"].resolve(request("13", arch="s390x"))
    assert str(caught.value).splitlines()[0] == (
        "provider nvidia has CUDA 13 for amd64, arm64, but not for s390x"
    )
    with pytest.raises(StepError) as caught:
        found["nvidia"].resolve(request("13", debian="11"))
    assert str(caught.value) == "provider nvidia has nothing for Debian 11"
    with pytest.raises(StepError) as caught:
        found["cran"].resolve(request("4.5", debian="12"))
    assert str(caught.value) == "provider cran has nothing for Debian 12"
