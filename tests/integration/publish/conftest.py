"""A shop with a chart that is released in a real registry, week by week, and `builder` on it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from builder.catalog.models import Network
from builder.charts.helm import Helm
from builder.charts.package import ChartPackage, pack
from builder.charts.repository.backends import FolderRepository, Publication
from builder.charts.repository.http import ServedRepository
from builder.charts.repository.index import read_index
from builder.charts.repository.publish import Released
from builder.charts.tools import Tools
from builder.common.process import Runner
from builder.network.fetcher import Fetcher
from builder.oci.reference import parse
from builder.plan.registry_state import read_record
from builder.registry.store import RegistryStore
from tests.cli.conftest import replaced, run  # noqa: F401 - fixtures
from tests.fakes.catalog import Folder, Week
from tests.fakes.charts import files
from tests.integration.registry import registry as real_registry

ROOT = Path(__file__).parents[3]
WEEKS = ("2026-11-23", "2026-11-30", "2026-12-07", "2026-12-14")
CORE = "charts/features/core/feature.yaml"
POD = "charts/features/core/templates/pod.yaml"
IMAGE = "images/base/Dockerfile.j2"
ZONE = "  zone: {type: string, default: utc, text: Its time zone}\n"
READ = "  labels: {zone: {{ .Values.zone | quote }}}\n"
SMALL = """\
catalog:
  name: shop
  repository: "{{registry}}/shop-{{image}}"
  registries: ["{address}"]
axes:
  os:
    "2": {{sources: [{{registry: example.org/os:two}}], eol: 2030-01-01}}
images:
  desk: {{recipe: base, from: os, axes: [os]}}
charts:
  desk: {{image: desk}}
"""


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A catalog, and the registry that it releases to."""

    week: Week
    address: str

    @property
    def folder(self) -> Folder:
        """The catalog."""
        return self.week.folder

    @property
    def released(self) -> Released:
        """What its current release offers of charts."""
        matrix = self.folder.load().catalog.matrix
        place = parse(f"{self.address}/shop-releases:current")
        record = read_record(self.week.store, place)
        assert record is not None
        return Released(record=record, matrix=matrix, store=self.week.store)

    def release(self, day: str) -> None:
        """Build, test and release what changed."""
        results = self.week.go_by(today=day)
        assert {item.status for item in results.values()} <= {"done", "reused"}, results

    def change_image(self, day: str) -> None:
        """A week with another image."""
        self.folder.edit(IMAGE, "FROM", "# more\nFROM")
        self.release(day)

    def add_zone(self, day: str) -> None:
        """A week in which the chart gets a value."""
        self.folder.edit(CORE, "render: list, text: The image}\n", f"render: list}}\n{ZONE}")
        self.folder.edit(POD, "  name: desk\n", f"  name: desk\n{READ}")
        self.release(day)

    def take_zone(self, day: str) -> None:
        """A week in which the chart loses it."""
        self.folder.edit(CORE, ZONE, "")
        self.folder.edit(POD, READ, "")
        self.release(day)


@contextmanager
def shop_at(folder: Path, runner: Runner) -> Iterator[Shop]:
    """A shop before its first week."""
    with real_registry(folder / "registry", runner=runner) as address:
        catalog = Folder(folder / "catalog")
        catalog.write("matrix.yaml", SMALL.format(address=address))
        store = RegistryStore(runner=runner, skopeo="skopeo", enclose=lambda command: command)
        week = Week(folder=catalog, store=store)  # type: ignore[arg-type] # a real one
        yield Shop(week=week, address=address)


@pytest.fixture
def shop(tmp_path: Path, runner: Runner) -> Iterator[Shop]:
    """A shop whose first week has gone by."""
    with shop_at(tmp_path / "shop", runner) as found:
        found.release(WEEKS[0])
        yield found


@pytest.fixture(scope="module")
def first_week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The same, for tests that leave it as it is."""
    runner = Runner()
    with shop_at(tmp_path_factory.mktemp("shop"), runner) as found:
        found.release(WEEKS[0])
        yield found
    runner.stop()


@pytest.fixture
def folder(shop: Shop) -> Folder:
    """The catalog that `builder` runs in."""
    return shop.folder


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """The real helm."""
    runner = Runner()
    program = Tools(runner=runner, folder=ROOT / "build" / "tools").helm().path
    return Helm(runner=runner, program=program, state=tmp_path_factory.mktemp("helm"))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of a folder that is served as static pages."""
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing of what it serves."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


MOMENT = "2026-01-05T00:00:00Z"


def folder_at(path: Path) -> FolderRepository:
    """A repository that asks nobody."""
    network = Network()
    others = ServedRepository(url="", fetcher=Fetcher(network=network, folder=path / "files"))
    return FolderRepository(folder=path, others=others)


def publication(name: str = "desk", version: str = "4.0.0") -> Publication:
    """A package of somebody else."""
    about = f"apiVersion: v2\nname: {name}\nversion: {version}\ndescription: Not ours\n"
    return Publication(package=ChartPackage(data=pack(name, files(about=about))), created=MOMENT)


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def versions(folder: Path, name: str = "desk") -> list[str]:
    """The versions of a chart that the index of a folder lists, each of a package beside it."""
    found = []
    for item in read_index((folder / "index.yaml").read_bytes())[name]:
        package = ChartPackage(data=(folder / f"{name}-{item['version']}.tgz").read_bytes())
        assert (package.version, package.digest) == (item["version"], item["digest"])
        found.append(package.version)
    return found


def changelog(folder: Path, version: str) -> str:
    """What a published version says of its changes."""
    package = ChartPackage(data=(folder / f"desk-{version}.tgz").read_bytes())
    return package.files["CHANGELOG.md"].decode()
