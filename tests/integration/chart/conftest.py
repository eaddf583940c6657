"""The charts of this catalog, rendered on invented images, and the real helm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from builder.helm import Helm, documents
from builder.model import Chart, ChartFeature, ChartRecipe
from builder.process import Runner
from builder.render.chart import render_chart
from builder.tools import Tool, Tools

ROOT = Path(__file__).parents[3]
Manifests = list[dict[str, Any]]


def texts(folder: Path) -> dict[str, str]:
    """The files of a folder, by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def data(path: Path) -> dict[str, object]:
    """A YAML file."""
    loaded: dict[str, object] = YAML(typ="safe").load(path.read_text())
    return loaded


def library() -> dict[str, bytes]:
    """The library chart, by relative path."""
    return {path: text.encode() for path, text in texts(ROOT / "charts" / "library").items()}


def rendered(name: str, recipe: str) -> dict[str, bytes]:
    """The files of one of this catalog's charts."""
    charts = ROOT / "charts"
    features = {
        folder.name: ChartFeature(
            name=folder.name, spec=data(folder / "feature.yaml"), files=texts(folder)
        )
        for folder in sorted((charts / "features").iterdir())
    }
    images = [f"127.0.0.1:5005/onyxia-{name}:{tag}-2026.01.05" for tag in ("x2.0.0", "x1.0.0")]
    return render_chart(
        chart=Chart(name=name, recipe=recipe, image=name),
        recipe=ChartRecipe(
            name=recipe, spec=data(charts / recipe / "chart.yaml"), files=texts(charts / recipe)
        ),
        features=features,
        library=library(),
        images=images,
        version="1.0.0",
        catalog="demo",
    )


@dataclass(frozen=True, kw_only=True)
class Played:
    """A rendered chart in a folder, and what helm makes of it."""

    folder: Path
    helm: Helm
    scratch: Path

    @property
    def values(self) -> dict[str, Any]:
        """values.yaml."""
        return data(self.folder / "values.yaml")

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


def nested(path: str, value: object) -> dict[str, Any]:
    """`a.b` and a value as nested mappings."""
    for key in reversed(path.split(".")):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def merged(*many: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings, one over the other."""
    result: dict[str, Any] = {}
    for one_of in many:
        for key, value in one_of.items():
            both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
            result[key] = merged(result[key], value) if both else value
    return result


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


@pytest.fixture(scope="session", params=["jupyter-python", "jupyter-r"])
def chart(
    request: pytest.FixtureRequest, helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Played:
    """One of this catalog's charts."""
    scratch = tmp_path_factory.mktemp("charts")
    folder = scratch / str(request.param)
    for path, content in rendered(folder.name, "jupyter").items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return Played(folder=folder, helm=helm, scratch=scratch)
