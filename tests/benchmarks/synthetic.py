"""Matrices of any size, made of nothing: six axes, a chain of images with siblings, charts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from builder.catalog.expansion import Expansion, expand
from builder.catalog.models import (
    AxisValue,
    Catalog,
    Chart,
    Image,
    Input,
    Matrix,
    Recipe,
    Settings,
    Source,
    When,
)
from builder.lock.lockfile import BaseLock, Lock, VersionLock
from builder.network.upstreams import UPSTREAM
from builder.plan.dockerfile import DockerfileRenderer
from builder.plan.fingerprint import fingerprints
from builder.plan.models import Plan, RegistryState
from builder.plan.planner import make_plan
from builder.report.plan import as_json
from tests.fakes.catalog import nowhere
from tests.fakes.chart_files import chart_feature, chart_recipe

TODAY = "2026-11-23"
MACRO = (
    "{% macro install(packages) %}\n"
    "{% for kind, names in packages.items() %}\n"
    "RUN get-{{ kind }} {{ names | unique | sort | join(' ') }}\n"
    "{% endfor %}\n{% endmacro %}\n"
)
DOCKERFILE = (
    "FROM {{ parent }}\n{{ install(packages) }}"
    "{% if 'gpu' in axes and axes.gpu != 'none' %}\nENV GPU={{ axes.gpu }}\n{% endif %}\n"
    "LABEL os={{ axes.os }}\nUSER 1000\n"
)


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where nothing stands."""

    at: Callable[..., object] = field(default=nowhere)
    at_key: Callable[..., object] = field(default=nowhere)
    own: Callable[..., object] = field(default=nowhere)


def _values(axis: str, number: int, **more: object) -> tuple[AxisValue, ...]:
    return tuple(
        AxisValue(axis=axis, name=f"{axis}{index}", tag=f"{axis}{index}", **more)  # type: ignore[arg-type]
        for index in range(number)
    )


def matrix(*, lines: int, tools: int) -> Matrix:
    """`lines` values of each of two languages, and `tools` images on each pair of them.

    The number of targets is 2 + 2·lines·2 + 2·lines²·2 + tools·2·lines²·2.
    """
    sources = (Source(bootstrap="one"),)
    axes = {
        "os": _values("os", 2, sources=sources),
        "a": _values("a", lines, provider="apt"),
        "b": _values("b", lines, provider="apt"),
        "gpu": _values("gpu", 2),
    }
    images = {
        "base": Image(name="base", recipe="base", origin="os", axes=("os",)),
        "one": Image(name="one", recipe="one", origin="base", axes=("a", "gpu")),
        "two": Image(name="two", recipe="two", origin="one", axes=("b",)),
    }
    for index in range(tools):
        name = f"tool{index}"
        images[name] = Image(
            name=name, recipe=f"tool{index % 12}", origin="two", inputs=(Input(image="base"),)
        )
    charts = {
        f"chart{index}": Chart(name=f"chart{index}", recipe="chart", image=f"tool{index}")
        for index in range(min(tools, 10))
    }
    return Matrix(
        catalog=Settings(name="big", registries=("example.org/big",)),
        axes=axes,
        images=images,
        charts=charts,
    )


def catalog(found: Matrix) -> Catalog:
    """Recipes and a chart for every image of a matrix."""
    recipes = {
        name: Recipe(
            name=name,
            summary=name,
            dockerfile=DOCKERFILE,
            dockerfile_path=f"images/{name}/Dockerfile.j2",
            packages={"apt": tuple(f"{name}-{n}" for n in range(15)), "pip": (f"{name}-x",)},
            when=(When(condition="gpu=gpu1", packages={"apt": ("driver",)}),),
        )
        for name in dict.fromkeys(image.recipe for image in found.images.values())
    }
    values = {
        "image": {"type": "object", "title": "Image", "text": "What runs"},
        "image.version": {
            "type": "string", "default": "$default_image", "listEnum": "$images",
            "render": "list", "text": "The image",
        },
    }  # fmt: skip
    chart = {"title": "Chart", "description": "A chart", "command": ["run"], "port": 80,
             "features": ["core"]}  # fmt: skip
    pod = {"templates/pod.yaml": "image: {{ .Values.image.version | quote }}\n"}
    return Catalog(
        matrix=found,
        recipes=recipes,
        macros={"install.j2": MACRO},
        charts={"chart": chart_recipe("chart", chart)},
        library={"Chart.yaml": b"apiVersion: v2\nname: lib\ntype: library\nversion: 0.1.0\n"},
        features={"core": chart_feature("core", {"summary": "x", "values": values}, pod)},
    )


def lock(found: Matrix, expansion: Expansion) -> Lock:
    """A lock of every base and line."""
    base = BaseLock(source=Source(bootstrap="one"), content="sha256:0", epoch=0)
    lines = {
        value.id: VersionLock(version=f"{value.name}.1")
        for axis in ("a", "b")
        for value in found.axes[axis]
    }  # fmt: skip
    return Lock(bases=dict.fromkeys(expansion.bases, base), release_lines=lines)


def plan(found: Matrix, whole: Catalog) -> Plan:
    """All that `builder plan` does beyond reading files and asking a registry."""
    expansion = expand(found, Places())  # type: ignore[arg-type]
    held = lock(found, expansion)
    renderer = DockerfileRenderer(
        macros=whole.macros, macros_path="images/_macros", sources=UPSTREAM
    )
    return make_plan(
        catalog=whole,
        expansion=expansion,
        lock=held,
        fingerprints=fingerprints(whole, expansion, held, renderer),
        registry_state=RegistryState(),
        selected=tuple(expansion.targets),
        today=TODAY,
    )


def plan_text(found: Matrix, whole: Catalog) -> str:
    """The plan as JSON."""
    return as_json(plan(found, whole))


SMALL = {"lines": 4, "tools": 4}  # 338 targets
LARGE = {"lines": 10, "tools": 24}  # 10 042 targets
