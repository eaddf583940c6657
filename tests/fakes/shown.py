"""The catalog that the pages use: their images, charts and packages, and its adapters."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from builder.app.adapters import Replaced
from builder.app.host_tools import HostTools
from builder.catalog.models import Network
from builder.catalog.packages import LockedPackage, Package, PackageList
from builder.charts.helm import Helm
from builder.charts.tools import MissingTool, Tool, Tools
from builder.common.limits import TEXT
from builder.common.state_dir import StateDir
from builder.lock.interfaces import PackageRequest
from builder.network.fetcher import Fetcher
from builder.resolvers.observers import Observers
from builder.resolvers.reachability import Reachability
from tests.fakes.bases import FakeBases, FakeIndexes, FakeLines
from tests.fakes.catalog import FILES, Folder, Week
from tests.fakes.engine import FakeEngine
from tests.fakes.layers import FakeLayers
from tests.fakes.lines import tools
from tests.fakes.locking import NoCheck
from tests.fakes.programs import FakePrograms
from tests.fakes.testers import FakeSmoke

WEEKS = ("2026.11.16", "2026.11.23")
PLATFORMS = ("linux/amd64", "linux/arm64")
MATRIX = """\
catalog:
  name: datascience
  repository: "{registry}/onyxia-{image}"
  registries: [embedded]
  embedded: 127.0.0.1:5005

axes:
  debian:
    "13": {sources: [{bootstrap: trixie}], eol: 2030-06-30}
    "12": {sources: [{bootstrap: bookworm}], eol: 2028-06-30}
  python:
    "3.13": {provider: apt, requires: {debian: "13"}, tag: "py{version}"}
    "3.11": {provider: apt, requires: {debian: "12"}, tag: "py{version}"}
  r:
    "4.5": {provider: apt, requires: {debian: "13"}, tag: "r{version}"}

images:
  base: {from: debian, axes: [debian]}
  python-minimal: {from: base, axes: [python]}
  r-minimal: {from: base, axes: [r]}
  jupyter-python: {recipe: jupyter, from: python-minimal}
  jupyter-r: {recipe: jupyter, from: r-minimal}
  mlflow: {from: python-minimal}
  notebook: {recipe: jupyter, from: python-minimal}

charts:
  jupyter-python: {recipe: jupyter, image: jupyter-python}
  jupyter-r: {recipe: jupyter, image: jupyter-r}
"""
_SHARED = ("images/_macros/", "charts/features/", "charts/library/")
_DOCKERFILE = "FROM {{ parent }}\n{{ install(packages) }}"
_PLAIN = "FROM {{ parent }}\nRUN setup\n"
CATALOG = {
    **{path: text for path, text in FILES.items() if path.startswith(_SHARED)},
    "matrix.yaml": MATRIX,
    "images/base/recipe.yaml": "summary: The base\npackages: {apt: [tar, libssl3t64]}\n",
    "images/base/Dockerfile.j2": _DOCKERFILE,
    "images/base/tests/test_base.py": "def test_base(host): ...\n",
    "images/python-minimal/recipe.yaml": (
        "summary: Python\npackages: {apt: [python3], pip: [lxml]}\n"
        "provides: {python: {apt: {package: python3}}}\n"
    ),
    "images/python-minimal/Dockerfile.j2": _DOCKERFILE,
    "images/r-minimal/recipe.yaml": (
        "summary: R\npackages: {apt: [r-base]}\nprovides: {r: {apt: {package: r-base}}}\n"
    ),
    "images/r-minimal/Dockerfile.j2": _DOCKERFILE,
    "images/mlflow/recipe.yaml": "summary: MLflow\n",
    "images/mlflow/Dockerfile.j2": _PLAIN,
    "images/jupyter/recipe.yaml": "summary: Jupyter\nports: [8888]\ncommand: [jupyter, lab]\n",
    "images/jupyter/Dockerfile.j2": _PLAIN,
    "images/jupyter/tests/test_jupyter.py": "def test_jupyter(host): ...\n",
    "charts/jupyter/chart.yaml": (
        "title: Jupyter\ndescription: Jupyter\ncommand: [jupyter, lab]\nport: 8888\n"
        "features: [core]\n"
    ),
    # What somebody of whom a page speaks has beside the catalog.
    "context.yaml": "user: {email: me@example.org}\n",
    "patch.yaml": "- [[lesson, chapter], one]\n",
    "secret.gpg": "a keyring\n",
    "phrase": "a passphrase\n",
}
_VERSIONS = {
    "python3 on debian=13": "3.13.5", "python3 on debian=12": "3.11.2",
    "r-base on debian=13": "4.5.0",
}  # fmt: skip
_PACKAGES = {"tar": "1.35", "libssl3t64": "3.5.1", "python3": "3.13.5", "r-base": "4.5.0"}
_LXML = "6.0.2"


class _Host(HostTools):
    """A machine that has all programs of charts."""

    def __init__(self, helm: Helm, state: Path) -> None:
        super().__init__(runner=FakePrograms(), state=StateDir(state))
        vars(self).update(helm=helm, needs_tool_root="")

    @cached_property
    def tools(self) -> Tools:
        """Return programs of which none is fetched."""
        return _Tools(runner=self.runner, folder=self._state.tools)


class _Tools(Tools):
    def helm(self) -> Tool:
        """Have it."""
        return Tool(name="helm", path=Path("helm"), version="3.18.0", origin="PATH")

    def install_ct(self) -> Tool | MissingTool:
        """Install nothing."""
        return self.ct()


class _Web(Fetcher):
    """A network on which every host answers, and no chart repository lists anything."""

    def check_reachable(self, url: str) -> None:
        """Reach it."""

    def text(self, url: str, expected: str = "text", limit: int = TEXT) -> str:
        """Return an index without charts."""
        assert url.endswith("/index.yaml"), url
        return 'apiVersion: v1\nentries: {}\ngenerated: "2026-11-16T00:00:00Z"\n'


class InterruptedRegistry:
    """A registry whose user presses Ctrl-C once it is served."""

    @contextlib.contextmanager
    def serve(self, *, deletes: bool = False) -> Iterator[None]:
        """Serve nothing, and press Ctrl-C."""
        os.kill(os.getpid(), signal.SIGINT)
        yield

    def write_access(self, registry: str) -> None:
        """Every registry is written where it is."""


class _Engine(FakeEngine):
    platforms = PLATFORMS


class _Smoke(FakeSmoke):
    def installed_in(self, target: str) -> PackageList:
        """Return what the lock has for the recipes of an image."""
        apt = ["tar", "libssl3t64"]
        apt += ["python3"] if "python=" in target else []
        apt += ["r-base"] if ",r=" in target else []
        found = {"apt": {name: Package(version=_PACKAGES[name], size=1) for name in apt}}
        if "python=" in target:
            found["pip"] = {"lxml": Package(version=_LXML, size=1)}
        return found


class _Wheels(FakeLayers):
    """Packages of PyPI."""

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return packages of wheels."""
        return {
            name: replace(it, source="pip", file=f"{name}-{it.version}-py3-none-any.whl")
            for name, it in super().resolve(request).items()
        }


def shown_adapters(week: Week) -> Replaced:
    """Return the adapters of that catalog: nothing is asked, started or fetched outside."""
    week.engine = _Engine()
    week.smoke = _Smoke()
    state = week.state
    network, programs, fakes = Network(), FakePrograms(), week.fakes
    web = _Web(network=network, folder=state / "files")
    return Replaced(
        **fakes,
        providers={"apt": FakeLines(_VERSIONS)},
        indexes=FakeIndexes(),
        package_check=NoCheck(),
        files=web,
        reachability=Reachability(tools(web, programs, "127.0.0.1:1")),
        observers=Observers(tools(web, programs, "127.0.0.1:1")),
        host=_Host(fakes["helm"], state),
    ) | Replaced(
        bases=FakeBases(state / "bases"),
        resolvers={
            "apt": FakeLayers(state / "files", _PACKAGES),
            "pip": _Wheels(state / "files", {"lxml": _LXML}),
        },
    )


def shown_folder(root: Path) -> Folder:
    """Write that catalog."""
    return Folder(root, CATALOG)
