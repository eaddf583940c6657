"""A small invented catalog on disk, and plans of it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from builder.app.adapters import Adapters, Replaced
from builder.app.app import App
from builder.app.options import Options
from builder.app.planning import Planned
from builder.app.trusted import seals_of
from builder.app.week import KINDS
from builder.build.events import Event, Result
from builder.build.image_steps import BuildActions
from builder.build.run_context import RunContext
from builder.catalog.models import Path as KeyPath
from builder.catalog.models import Source
from builder.catalog.packages import Suite
from builder.catalog.selection import select
from builder.charts.helm import Helm
from builder.common.errors import Location
from builder.common.state_dir import StateDir
from builder.lock.lockfile import BaseLock, Lock, PackageSet, VersionLock
from builder.lock.lockfile import dump as dump_lock
from builder.lock.requests import PackageRequests
from builder.network.upstreams import UPSTREAM
from builder.plan.dockerfile import DockerfileRenderer
from builder.plan.fingerprint import Fingerprint, fingerprints
from builder.plan.models import Plan, RegistryState
from builder.plan.planner import make_plan
from builder.plan.registry_state import read_registry_state
from builder.project import Project, Workspace
from builder.registry.release_record import Record
from builder.release.commit import Records
from builder.release.promote import Promotion
from builder.release.rollback import Rollback
from builder.resolvers.ecosystems import ECOSYSTEMS
from builder.trust.seals import Seals
from tests.fakes.bases import FakeBases, FakeFiles
from tests.fakes.engine import FakeEngine
from tests.fakes.helm import FakeHelmProgram
from tests.fakes.programs import FakePrograms
from tests.fakes.store import FakeStore
from tests.fakes.testers import FakeChartRunner, FakeSmoke

TODAY = "2026-11-23"
MATRIX = """\
catalog:
  name: shop
  repository: "{registry}/shop-{image}"
  registries: [embedded]
  embedded: 127.0.0.1:5999

axes:
  os:
    "2": {sources: [{registry: example.org/os:two}, {bootstrap: two}], eol: 2030-01-01}
    "1": {sources: [{bootstrap: one}], eol: 2028-06-30}
  lang:
    "1.10": {provider: apt, requires: {os: "2"}, tag: "lang{version}"}
    "1.9": {provider: apt, requires: {os: "1"}, tag: "lang{version}", eol: 2027-01-31}

images:
  base: {from: os, axes: [os]}
  tool: {from: base, publish: false}
  speech: {from: base, axes: [lang]}
  desk: {from: speech, inputs: [tool]}

charts:
  desk: {image: desk}
"""
FILES = {
    "matrix.yaml": MATRIX,
    "images/_macros/install.j2": (
        "{% macro install(packages) %}\nRUN get {{ packages.apt | join(' ') }}\n{% endmacro %}\n"
    ),
    "images/base/recipe.yaml": "summary: The base\npackages:\n  apt: [tar, grep]\n",
    "images/base/Dockerfile.j2": "FROM {{ parent }}\n{{ install(packages) }}",
    "images/base/tests/test_base.py": "def test_base(host): ...\n",
    "images/tool/recipe.yaml": "summary: A tool\n",
    "images/tool/Dockerfile.j2": "FROM {{ parent }}\nRUN make /tool\n",
    "images/speech/recipe.yaml": (
        "summary: A language\npackages:\n  apt: [lang]\nprovides:\n  lang: {apt: {package: lang}}\n"
    ),
    "images/speech/Dockerfile.j2": "FROM {{ parent }}\n{{ install(packages) }}",
    "images/speech/tests/test_speech.py": "def test_speech(host): ...\n",
    "images/desk/recipe.yaml": (
        "summary: A desk\n"
        "packages:\n  apt: [desk]\n"
        "when:\n  os=1: {packages: {apt: [legs]}}\n"
        "ports: [8000]\ncommand: [desk, --open]\n"
    ),
    "images/desk/Dockerfile.j2": (
        "FROM {{ parent }}\n{{ install(packages) }}"
        "COPY --from=tool /tool /tool\nCOPY files/ /etc/\n"
    ),
    "images/desk/files/desk.conf": "wood = oak\n",
    "images/desk/README.md": "A desk.\n",
    "charts/desk/chart.yaml": (
        "title: Desk\ndescription: A desk\ncommand: [desk, --open]\nport: 8000\nfeatures: [core]\n"
    ),
    "charts/features/core/feature.yaml": (
        "summary: The core\n"
        "values:\n"
        "  image: {type: object, title: Image, text: What runs}\n"
        "  image.version: {type: string, default: $default_image, listEnum: $images,"
        " render: list, text: The image}\n"
    ),
    "charts/features/core/templates/pod.yaml": (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: desk\n"
        "  annotations: {image: {{ .Values.image.version | quote }}}\n"
        "spec: {ports: [{port: 80}]}\n"
    ),
    "charts/library/Chart.yaml": "apiVersion: v2\nname: lib\ntype: library\nversion: 0.1.0\n",
}


def lines(versions: Mapping[str, str]) -> dict[str, VersionLock]:
    """Lines that come in no files."""
    return {name: VersionLock(version=version) for name, version in versions.items()}


LOCK = Lock(
    bases={
        "os=1@linux/amd64": BaseLock(
            source=Source(bootstrap="one"),
            content="sha256:" + "1" * 64,
            epoch=1,
            suites={"one": Suite(date="", sha256="a" * 64)},
        ),
        "os=2@linux/amd64": BaseLock(
            source=Source(registry="example.org/os:two"),
            content="sha256:" + "2" * 64,
            epoch=2,
            suites={"two": Suite(date="2026-11-20T08:00:00Z", sha256="b" * 64)},
        ),
    },
    release_lines=lines({"lang=1.10": "1.10.4", "lang=1.9": "1.9.7"}),
)


def with_package_sets(project: Project, lock: Lock) -> Lock:
    """A lock that has chosen for each recipe, and found that there is nothing to install."""
    package_requests = PackageRequests(
        catalog=project.catalog, expansion=project.expansion, lock=lock
    )
    layers: dict[str, PackageSet] = {}
    for target in project.expansion.targets.values():
        base = project.expansion.base_of(target).id
        if package_requests.names(target) and base in lock.bases:
            asked = str(package_requests.request_key(target, layers))
            layers[target.made_id] = PackageSet(
                epoch=lock.bases[base].epoch, request=asked, packages={}
            )
    return replace(lock, package_sets=layers)


ARM = "linux/arm64"
BOTH = Lock(
    bases={
        **LOCK.bases,
        f"os=1@{ARM}": replace(LOCK.bases["os=1@linux/amd64"], content="sha256:" + "a" * 64),
        f"os=2@{ARM}": replace(LOCK.bases["os=2@linux/amd64"], content="sha256:" + "b" * 64),
    },
    release_lines=LOCK.release_lines,
)


Content = tuple[tuple[str, int, bytes], ...]
_PRINTS: dict[tuple[int, int], tuple[Project, Lock, dict[str, Fingerprint]]] = {}
_READ: dict[Content, tuple[Path, Project]] = {}


def _moved(project: Project, old: Path, new: Path) -> Project:
    """The same catalog in another folder."""

    def move(path: str) -> str:
        return str(new / Path(path).relative_to(old)) if path else ""

    recipes = {
        name: replace(
            recipe,
            tests=move(recipe.tests),
            files=tuple(replace(file, source=move(file.source)) for file in recipe.files),
        )
        for name, recipe in project.catalog.recipes.items()
    }
    return replace(project, root=new, catalog=replace(project.catalog, recipes=recipes))


class Folder:
    """A catalog's folder that tests edit."""

    def __init__(self, root: Path, files: Mapping[str, str] | None = None) -> None:
        self.root = root
        self._loaded: Project | None = None
        given = {**FILES, "matrix.lock": dump_lock(LOCK)} if files is None else files
        for path, text in given.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        self._loaded = None
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace what stands exactly once in a file."""
        text = (self.root / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
        self.write(path, text.replace(old, new))

    def drop(self, path: str, start: str) -> None:
        """Take out the one line that starts so, after its spaces."""
        lines = (self.root / path).read_text(encoding="utf-8").splitlines(keepends=True)
        (line,) = (line for line in lines if line.lstrip().startswith(start))
        self.edit(path, line, "")

    def for_platforms(self, *platforms: str) -> None:
        """Have the catalog offer these platforms."""
        text = (self.root / "matrix.yaml").read_text(encoding="utf-8")
        kept = [line for line in text.splitlines() if not line.startswith("  platforms:")]
        kept.insert(1, f"  platforms: [{', '.join(platforms)}]")
        self.write("matrix.yaml", "\n".join(kept) + "\n")

    def allow(self, path: str, mode: int) -> None:
        """Set the mode of a file."""
        self._loaded = None
        (self.root / path).chmod(mode)

    def load(self) -> Project:
        """Read it, where it was edited since."""
        if self._loaded is None:
            self._loaded = self._read()
        return self._loaded

    def _read(self) -> Project:
        """Folders of the same content are read once: reading YAML takes most of a test."""
        if "extends:" in (self.root / "matrix.yaml").read_text(encoding="utf-8"):
            return Workspace(self.root).load(ecosystems=ECOSYSTEMS)
        files = [path for path in sorted(self.root.rglob("*")) if path.is_file()]
        content = tuple(
            (path.relative_to(self.root).as_posix(), path.stat().st_mode, path.read_bytes())
            for path in files
            if self.root / "build" not in path.parents
        )
        if content not in _READ:
            _READ[content] = (self.root, Workspace(self.root).load(ecosystems=ECOSYSTEMS))
        root, project = _READ[content]
        return _moved(project, root, self.root)


def prints(project: Project, lock: Lock = LOCK) -> dict[str, Fingerprint]:
    """The fingerprint of every target; of what was read once they are computed once."""
    key = (id(project.catalog.matrix), id(lock))
    if key not in _PRINTS:
        renderer = DockerfileRenderer(
            macros=project.catalog.macros, macros_path="images/_macros", sources=UPSTREAM
        )
        found = fingerprints(project.catalog, project.expansion, lock, renderer)
        _PRINTS[key] = (project, lock, found)  # kept, so that no other gets their ids
    return _PRINTS[key][2]


def plan_of(
    project: Project,
    *,
    lock: Lock = LOCK,
    registry_state: RegistryState | None = None,
    pick: Sequence[str] = (),
    today: str = TODAY,
    builds: Sequence[str] | None = None,
    unlocked: Mapping[str, str] = MappingProxyType({}),
    upstream_charts: Sequence[str] = (),
) -> Plan:
    """The plan of a catalog, for an empty registry where nothing else is said."""
    return make_plan(
        catalog=project.catalog,
        expansion=project.expansion,
        lock=lock,
        fingerprints=prints(project, lock),
        registry_state=registry_state or RegistryState(),
        selected=select(project.expansion, pick),
        today=today,
        builds=builds,
        unlocked=unlocked,
        upstream_charts=upstream_charts,
    )


def nowhere(path: KeyPath) -> Location:
    """A place in a file that does not exist."""
    return Location(file="matrix.yaml:" + ".".join(map(str, path)))


class NoServer:
    """A registry that is there already."""

    def serve(self, *, deletes: bool = False) -> AbstractContextManager[None]:
        """Serve nothing."""
        return contextlib.nullcontext()

    def write_access(self, registry: str) -> None:
        """Every registry is written where it is."""


class FakeDisk:
    """A disk of which much is free, and nothing is used."""

    def used(self) -> int:
        """Return the bytes that are used."""
        return 0

    def free(self) -> int:
        """Return the bytes that are free."""
        return 10**12


@dataclass(kw_only=True)
class Week:
    """A catalog with fakes around it; the app on it is the real one, and does a step at a time."""

    folder: Folder
    store: FakeStore = field(default_factory=FakeStore)
    engine: FakeEngine = field(default_factory=FakeEngine)
    smoke: FakeSmoke = field(default_factory=FakeSmoke)
    chart_runner: FakeChartRunner = field(default_factory=FakeChartRunner)
    lock: Lock = LOCK
    events: list[Event] = field(default_factory=list)
    platforms: Sequence[str] | None = None  # that can be built for; None: any

    def twin(self, root: Path) -> Week:
        """Return this week on a copy of its folder: what happens to one does not to the other."""
        shutil.copytree(self.folder.root, root)
        smoke = FakeSmoke()
        smoke.installed = self.smoke.installed
        return Week(folder=Folder(root, {}), store=self.store.twin(), smoke=smoke, lock=self.lock)

    @property
    def state(self) -> Path:
        """Return the folder for what is derived."""
        return self.folder.root / "build"

    @property
    def fakes(self) -> Replaced:
        """Return what takes the place of adapters."""
        helm = Helm(runner=FakeHelmProgram(), program=Path("helm"), state=StateDir(self.state).helm)
        return Replaced(
            runner=FakePrograms(),
            engine=self.engine,
            registries=self.store,
            embedded=NoServer(),
            bases=FakeBases(self.state / "bases"),
            downloads=FakeFiles(self.state / "files"),
            smoke=self.smoke,
            resolvers={},
            disk_of=lambda _below: FakeDisk(),
            helm=helm,
            chart_runner=self.chart_runner,
        )

    def app(self, *, today: str = TODAY, **options: Any) -> App:
        """Return an app on the catalog as it is now; `options` are those of Options."""
        given = Options(**{"jobs": 1, "retry_delay": 0.0, "today": today, **options})
        return App(self.folder.load(), given, adapters=partial(Adapters, **self.fakes))

    def plan(self, *pick: str, today: str = TODAY, record: Record | None = None) -> Plan:
        """Return the plan against what the store holds; `record` replaces the one that it has."""
        observed = self.observed()
        if record is not None:
            observed = replace(observed, record=record)
        return plan_of(
            self.folder.load(),
            lock=self.lock,
            registry_state=observed,
            pick=pick,
            today=today,
            builds=self.platforms,
        )

    @property
    def trust(self) -> Seals:
        """Return what signs, and whose signatures count."""
        return seals_of(self.folder.load(), TODAY)

    def observed(self) -> RegistryState:
        """Return what the store holds."""
        project = self.folder.load()
        found, trust = prints(project, self.lock), self.trust
        return read_registry_state(self.store, project, self.lock, found, trust=trust)

    def planned(self, plan: Plan) -> Planned:
        """Return a plan with what it was made from. Nothing is said of what it does not select."""
        project = self.folder.load()
        return Planned(
            project=project,
            lock=self.lock,
            fingerprints=prints(project, self.lock),
            registry_state=RegistryState(),
            plan=plan,
            selected=tuple(plan.targets),
        )

    def work(self, plan: Plan) -> RunContext:
        """Return what steps are carried out on."""
        return self.app().context(self.planned(plan), self.events.append)

    def builds(self, plan: Plan) -> BuildActions:
        """Return the steps that build; they ask the store once."""
        return self.app().adapters.build_actions(self.work(plan), self.store)

    def carry_out(self, plan: Plan) -> dict[str, Result]:
        """Do all steps, one after another."""
        run = self.app().run(self.planned(plan), KINDS, on_event=self.events.append)
        return dict(run.results)

    def go_by(self, *pick: str, today: str = TODAY) -> dict[str, Result]:
        """Plan, and do it."""
        return self.carry_out(self.plan(*pick, today=today))

    def promotion(self, plan: Plan) -> Promotion:
        """Return the step that releases."""
        return Promotion(context=self.work(plan), store=self.store)

    def rollback(self) -> Rollback:
        """Return what offers an older release again."""
        return Rollback(catalog=self.folder.load().catalog, store=self.store, trust=self.trust)

    def records(self) -> Records:
        """Return the releases."""
        return Records(catalog=self.folder.load().catalog, store=self.store, trust=self.trust)
