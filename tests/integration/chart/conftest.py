"""The charts of this catalog, rendered on invented images, and the real helm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from builder.catalog.models import Catalog
from builder.charts.helm import Helm
from builder.charts.manifests import documents
from builder.charts.next_version import files_of
from builder.charts.tools import Tool, Tools
from builder.common.files import write_tree
from builder.common.process import Runner
from builder.project import Workspace

ROOT = Path(__file__).parents[3]
Manifests = list[dict[str, Any]]


@cache
def catalog() -> Catalog:
    """This catalog."""
    return Workspace(ROOT).load().catalog


def charts() -> list[Any]:
    """Every chart of the matrix as a parameter of a test.

    One of each recipe is tried everywhere, and each feature is in one of them. The others are made
    of the same, and marked as heavy.
    """
    matrix = catalog().matrix.charts
    seen: set[str] = set()
    some = set()
    for name, chart in sorted(matrix.items(), key=lambda item: -len(item[1].features)):
        parts = {f"recipe {chart.recipe}", *map(str, chart.features)}
        if parts - seen:
            some.add(name)
            seen |= parts
    return [
        name if name in some else pytest.param(name, marks=pytest.mark.heavy)
        for name in sorted(matrix)
    ]


def rendered(name: str, version: str = "1.0.0") -> dict[str, bytes]:
    """The files of one of this catalog's charts, on two invented images."""
    images = [f"127.0.0.1:5005/onyxia-{name}:{tag}-2026.01.05" for tag in ("x2.0.0", "x1.0.0")]
    return files_of(catalog(), name, images, version)


def written(name: str, folder: Path) -> Path:
    """The folder of one of this catalog's charts, below another."""
    write_tree(folder / name, rendered(name))
    return folder / name


@dataclass(frozen=True, kw_only=True)
class Played:
    """A rendered chart in a folder, and what helm makes of it."""

    folder: Path
    helm: Helm
    scratch: Path

    @property
    def values(self) -> dict[str, Any]:
        """values.yaml."""
        loaded: dict[str, Any] = YAML(typ="safe").load((self.folder / "values.yaml").read_text())
        return loaded

    @property
    def recipe(self) -> str:
        """The recipe that it is of."""
        return catalog().matrix.charts[self.folder.name].recipe

    def template(self, values: Mapping[str, object] | None = None, release: str = "r-1") -> str:
        """The manifests as text."""
        path = None
        if values is not None:
            path = self.scratch / "values.yaml"
            with path.open("w") as file:
                YAML(typ="safe").dump(dict(values), file)
        return self.helm.template(self.folder, release=release, values=path)

    def manifests(self, values: Mapping[str, object] | None = None) -> Manifests:
        """The manifests as objects."""
        return documents(self.template(values))

    def pod(self, values: Mapping[str, object] | None = None) -> dict[str, Any]:
        """The pod template of the StatefulSet."""
        found: dict[str, Any] = one(self.manifests(values), "StatefulSet")["spec"]["template"]
        return found


def one(manifests: Manifests, kind: str, suffix: str = "") -> dict[str, Any]:
    """The only manifest of a kind whose name ends so."""
    found = [
        item
        for item in manifests
        if item["kind"] == kind and item["metadata"]["name"].endswith(suffix)
    ]
    assert len(found) == 1, [item["metadata"]["name"] for item in found]
    return found[0]


def at(values: Mapping[str, Any], keys: Iterable[str]) -> Any:
    """The value at a path; KeyError where there is none."""
    node: Any = values
    for key in keys:
        node = node[key]
    return node


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Programs, kept where the builder keeps them."""
    return Tools(runner=Runner(), folder=ROOT / "build" / "tools")


@pytest.fixture(scope="session")
def helm(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """The real helm, with ct where it can be had."""
    ct = tools.ct()
    return Helm(
        runner=Runner(),
        program=tools.helm().path,
        state=tmp_path_factory.mktemp("helm"),
        ct=ct.path if isinstance(ct, Tool) else None,
    )


@pytest.fixture(
    scope="session",
    params=["jupyter-pyspark", "vscode-python-gpu", "rstudio", "marimo-python"],
)
def chart(
    request: pytest.FixtureRequest, helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Played:
    """A chart of each recipe, with the features that only some have."""
    scratch = tmp_path_factory.mktemp("charts")
    return Played(folder=written(str(request.param), scratch), helm=helm, scratch=scratch)
