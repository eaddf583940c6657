"""A mirror on loopback that has one real thing of every source."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import iniconfig
import pytest

from builder.catalog.models import Base, Network
from builder.common.errors import Location
from builder.common.process import Runner
from builder.common.state_dir import StateDir
from builder.lock.interfaces import Provider, ReleaseLineRequest
from builder.network.build_env import passwords
from builder.network.fetcher import Fetcher, RetryPolicy
from builder.network.upstreams import UPSTREAM, upstream
from builder.resolvers.apt.root import AptRoot
from builder.resolvers.interfaces import ResolverTools
from builder.resolvers.providers import line_providers
from builder.resolvers.python.standalone import UvPythons
from builder.resolvers.versions import newest_of
from tests.fakes.lines import request
from tests.integration.providers import payloads
from tests.integration.providers.mirror import Mirror, serving

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
R = "4.2.2"
RSTUDIO = "2026.09.1+403"
SPARK = "4.1.4"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Providers that ask a mirror."""

    mirror: Mirror
    network: Network
    fetcher: Fetcher
    providers: dict[str, Provider]

    def resolve(self, name: str, asked: ReleaseLineRequest) -> tuple[str, list[Path]]:
        """The version of a line, and its files, fetched."""
        found = self.providers[name].resolve(asked)
        return found.version, [self.fetcher.file(file) for file in found.files]


@pytest.fixture(scope="session")
def signing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A throw-away key: where it is, its fingerprint, and itself."""
    home = tmp_path_factory.mktemp("gpg")
    return home, *payloads.key(home)


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory, signing: tuple[Path, str, str]) -> Path:
    """What the mirror serves."""
    folder = tmp_path_factory.mktemp("mirror")
    small = payloads.download("r-base-html", folder / "debs")
    _posit(folder)
    _rstudio(folder, small)
    _spark(folder)
    _quarto(folder)
    _pytorch(folder)
    _python(folder)
    home, _, armored = signing
    cran = folder / "cran/trixie-cran40"
    for version in ("4.6.1-1~trixiecran.0", "4.5.2-1~trixiecran.0"):
        deb = cran / f"r-base-core_{version}_all.deb"
        payloads.renamed(small, deb, {"Package": "r-base-core", "Version": version})
    payloads.sign(cran, home, root=folder / "cran")
    key = folder / "cran-key/lookup"
    key.parent.mkdir()
    key.write_text(armored)
    nvidia = folder / "nvidia/debian13/x86_64"
    for minor, version in (("13-0", "13.0.96-1"), ("13-1", "13.1.80-1"), ("12-9", "12.9.79-1")):
        name = f"cuda-cudart-{minor}"
        deb = nvidia / f"{name}_{version}_amd64.deb"
        fields = {"Package": name, "Version": version, "Architecture": "amd64"}
        payloads.renamed(small, deb, fields)
    payloads.sign(nvidia, home, root=nvidia)
    (nvidia / "8793F200.pub").write_text(armored)
    return folder


def _posit(folder: Path) -> None:
    """Debian's own r-base-core stands in for Posit's."""
    deb = payloads.download("r-base-core", folder / "debs")
    place = folder / f"posit/debian-13/pkgs/r-{R}_1_amd64.deb"
    place.parent.mkdir(parents=True)
    deb.rename(place)
    versions = {"r_versions": [R, "4.2.1", "devel", "next"]}
    (folder / "posit/versions.json").write_text(json.dumps(versions))


def _rstudio(folder: Path, small: Path) -> None:
    path = Path("server/jammy/amd64/rstudio-server-2026.09.1-403-amd64.deb")
    deb = payloads.renamed(
        small, folder / "rstudio-files" / path, {"Package": "rstudio-server", "Version": RSTUDIO}
    )
    jammy = {
        "version": RSTUDIO, "url": upstream("rstudio-files", str(path)),
        "sha256": payloads.sha256(deb), "platform": {"name": "Ubuntu 22/Debian 12"},
    }  # fmt: skip
    stable = {"version": RSTUDIO, "server": {"installer": {"jammy": jammy}}}
    (folder / "rstudio").mkdir()
    (folder / "rstudio/downloads.json").write_text(
        json.dumps({"rstudio": {"open_source": {"stable": stable}}})
    )


def _tar(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            tar.addfile(info, io.BytesIO(data))


def _spark(folder: Path) -> None:
    name = f"spark-{SPARK}-bin-hadoop3"
    path = folder / f"spark/spark-{SPARK}/{name}.tgz"
    _tar(path, {f"{name}/RELEASE": f"Spark {SPARK} built for Hadoop 3.4.1\n".encode()})
    sha512 = hashlib.sha512(path.read_bytes()).hexdigest()
    path.with_name(f"{name}.tgz.sha512").write_text(f"{sha512}  {name}.tgz\n")
    (folder / "spark/spark-3.5.8").mkdir()
    (folder / "spark/spark-4.2.0-preview1").mkdir()


def _quarto(folder: Path) -> None:
    name = "quarto-1.8.26"
    path = (
        folder / f"github/quarto-dev/quarto-cli/releases/download/v1.8.26/{name}-linux-amd64.tar.gz"
    )
    _tar(path, {f"{name}/bin/quarto": b"#!/bin/sh\necho 1.8.26\n"})
    (folder / "quarto").mkdir()
    (folder / "quarto/_download.json").write_text('{"version": "1.8.26", "assets": []}')


def _pytorch(folder: Path) -> None:
    """A wheel for one Python and one platform, and an older one for another."""
    simple = folder / "pytorch/cpu/torch"
    module = Path(iniconfig.__file__).parent
    wheels = [
        payloads.wheel(simple, "torch", version, tag, module)
        for version, tag in (
            ("2.15.0+cpu", "cp313-cp313-manylinux_2_28_x86_64"),
            ("2.15.0+cpu", "cp313-cp313-manylinux_2_28_aarch64"),
            ("2.14.1+cpu", "cp312-cp312-manylinux_2_28_x86_64"),
        )
    ]
    payloads.simple_index(simple, wheels)


def _python(folder: Path) -> None:
    """This machine's Python, at the address of the one that uv knows."""
    known = UvPythons(runner=Runner(), fetcher=None)  # type: ignore[arg-type]
    version = newest_of(PYTHON, known.lines(request(PYTHON)), "uv")
    url = known.urls()[version, "amd64"]
    path = folder / "python" / unquote(url.removeprefix(f"{UPSTREAM['python']}/"))
    payloads.python(path)
    path.with_name("SHA256SUMS").write_text(f"{payloads.sha256(path)}  {path.name}\n")


@pytest.fixture
def mirror(content: Path) -> Iterator[Mirror]:
    """The mirror, running."""
    with serving(content) as server:
        yield server


@pytest.fixture
def there(mirror: Mirror, tmp_path: Path, signing: tuple[Path, str, str]) -> Place:
    """Providers as the command line makes them, with every source on the mirror."""
    return place(mirror, tmp_path, mirror.network())


def place(mirror: Mirror, folder: Path, network: Network) -> Place:
    """Providers that ask a mirror, and keep what they fetch in a folder."""
    runner = Runner(secrets=passwords(network))
    fetcher = Fetcher(
        network=network, folder=folder / "files", retry_policy=RetryPolicy(retries=0, backoff=0)
    )
    roots = {
        base.id: _root(base, folder / "apt", runner, network)
        for base in (request("1").base, request("1", debian="12").base)
    }
    tools = ResolverTools(
        fetcher=fetcher, runner=runner, network=network, state=StateDir(folder),
        apt_root=lambda base, _lock: roots[base.id],
        locate=lambda recipe, _package: Location(file=f"images/{recipe}/recipe.yaml"),
    )  # fmt: skip
    providers = line_providers(tools)
    return Place(mirror=mirror, network=network, fetcher=fetcher, providers=providers)


def _root(base: Base, folder: Path, runner: Runner, network: Network) -> AptRoot:
    """A base that has no archive of its own, so that apt asks nobody but the mirror."""
    archive = folder / f"{base.slug}.tar"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w"):
        pass
    root = AptRoot(folder=folder / base.slug, architecture="amd64", runner=runner, network=network)
    root.prepare([archive])
    return root
