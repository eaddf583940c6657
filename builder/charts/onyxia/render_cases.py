"""Chooses the values by which a chart is rendered, so that its manifests can be checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from builder.catalog.models import Path
from builder.charts.onyxia.chart_files import ChartFiles
from builder.charts.onyxia.context import SAMPLE, UNDEFINED
from builder.charts.onyxia.launch import launch
from builder.charts.onyxia.rules_defaults import differences, secrets_of
from builder.charts.onyxia.rules_manifests import BINDINGS, MARK, Manifest, Rendered, name_of
from builder.charts.onyxia.rules_schema import quoted
from builder.charts.onyxia.schema_nodes import Node
from builder.charts.onyxia.value_types import Schema, fits, kind_of, type_of
from builder.common.errors import BuilderError
from builder.common.mappings import merged, nested

# Texts that a user may type: they begin a line or an object, end a quoted text, begin a template.
HOSTILE: Final = (
    f"sample\n---\n{MARK}: sample", f"sample\n{MARK}: sample", "sample: \"x' #", "{{ sample",
)  # fmt: skip
# A block that swallows the line break before it and the one after, as its content begins a line.
_GLUED = re.compile(r"\{\{-\s*(?:if|with)\s+[$\w]*\.Values\.([\w.]+)\s*-\}\}(?!\s*\{\{)")
_TRUTHY: Mapping[str, object] = {
    "string": "sample", "boolean": True, "integer": 1, "number": 1, "array": ["sample"],
    "object": {"sample": "sample"},
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RenderCase:
    """Values to render a chart with, and a description of them."""

    words: str
    values: Mapping[str, Any]
    is_sample: bool = False
    is_suspended: bool = False
    is_hostile: bool = False
    has_lines: bool = False
    marked: Mapping[str, str] = field(default_factory=dict)


Render = Callable[[RenderCase], Rendered]


def rendered(chart: ChartFiles, render: Render) -> list[Rendered]:
    """Return all outputs of a chart; only that of its defaults, if this one fails."""
    first = render(RenderCase(words="its defaults", values={}))
    if first.failure:
        return [first]
    outputs = [first, *(render(probe) for probe in (*_launches(chart), *_set(chart)))]
    outputs += _marked(chart, render)
    blamed: set[str] = set()
    for text in HOSTILE:
        outputs += _hostile(chart, render, text, blamed)
    return outputs


def _launches(chart: ChartFiles) -> Iterator[RenderCase]:
    """Yield launches from the form: without a context, with every variable, and suspended."""
    if values := _launched(chart, {}):
        yield RenderCase(words="a launch", values=values)
    if values := _launched(chart, SAMPLE):
        yield RenderCase(words="a launch with every variable", values=values, is_sample=True)
    if "suspend" in (chart.values.get("global") or ()):
        values = {"global": {"suspend": True}}
        yield RenderCase(words="global.suspend", values=values, is_suspended=True)


def _launched(chart: ChartFiles, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a launch sends; nothing where it fails, which other rules report."""
    try:
        return launch(chart.schema, chart.values, context)
    except BuilderError:
        return {}


def _set(chart: ChartFiles) -> Iterator[RenderCase]:
    """Yield values that are empty by default and enable a block glued to the text around it."""
    paths = {path for text in chart.templates.values() for path in _GLUED.findall(text)}
    for path in sorted(paths):
        node = _node(chart, tuple(path.split(".")))
        default = chart.file_value(node)
        value = _TRUTHY.get(node.kind or type_of(default))
        if not default and default is not UNDEFINED and fits(node.schema, value, {}):
            values = nested(node.path, value)
            yield RenderCase(words=f"{path} set", values=values, is_sample=True)


def _node(chart: ChartFiles, path: Path) -> Node:
    """Return the node of a value; where the schema has none, take the type from values.yaml."""
    for node in chart.nodes:
        if node.path == path:
            return node
    bare = Node(schema_path=(), path=path, schema={})
    default = chart.file_value(bare)
    return replace(bare, schema={"type": type_of(default)} if type_of(default) else {})


def _hostile(chart: ChartFiles, render: Render, text: str, blamed: set[str]) -> Iterator[Rendered]:
    """Put a text into every value that takes one; where that fails, find the values that break."""
    filled = {
        node.value: nested(node.path, value)
        for node in (*chart.leaves, *_outside(chart))
        if (value := _filled(node.schema, text)) is not UNDEFINED and node.value not in blamed
    }
    base = _launched(chart, SAMPLE)  # enables most features of a chart

    def breaking(names: Sequence[str]) -> Iterator[Rendered]:
        words = names[0] if len(names) == 1 else "every text"
        values = merged(base, *(filled[name] for name in names))
        output = render(_typed(words, text, values))
        if len(names) > 1 and (output.failure or output.is_broken):
            yield from breaking(names[: len(names) // 2])
            yield from breaking(names[len(names) // 2 :])
        elif output.is_broken:
            blamed.add(names[0])
            yield output

    if filled:
        yield from breaking(tuple(filled))


def _marked(chart: ChartFiles, render: Render) -> Iterator[Rendered]:
    """Give each value a text of its own, and yield the bindings of roles where these may be."""
    texts = {
        f"value-{number}-x": node
        for number, node in enumerate((*chart.leaves, *_outside(chart)))
        if kind_of(node.schema) == "string" and _is_taken(node.schema, f"value-{number}-x")
    }
    base = _launched(chart, SAMPLE)

    def bindings(names: Sequence[str]) -> Iterator[Rendered]:
        values = merged(base, *(nested(texts[name].path, name) for name in names))
        marked = {name: texts[name].value for name in names}
        case = RenderCase(words="a text in each", values=values, is_sample=True, marked=marked)
        output = render(case)
        if not output.failure:
            found = tuple(one for one in output.manifests if one.data.get("kind") in BINDINGS)
            yield replace(output, manifests=found)
        elif len(names) > 1:
            yield from bindings(names[: len(names) // 2])
            yield from bindings(names[len(names) // 2 :])

    if texts:
        yield from bindings(tuple(texts))


def _outside(chart: ChartFiles) -> Iterator[Node]:
    """Yield a node for each value that the schema does not describe: it may be a text."""
    known = {node.path for node in chart.nodes}
    for path, value in _leaves(chart.values, ()):
        if path not in known:
            is_list = isinstance(value, list)
            schema = {"type": "array", "items": {"type": "string"}} if is_list else {}
            yield Node(schema_path=(), path=path, schema=schema or {"type": "string"})


def _leaves(values: object, path: Path) -> Iterator[tuple[Path, object]]:
    """Yield the values of values.yaml that are no groups, and one below each empty mapping."""
    if isinstance(values, Mapping):
        for key, value in (values or {"sample": ""}).items():
            yield from _leaves(value, (*path, str(key)))
    else:
        yield path, values


def _typed(subject: str, text: str, values: Mapping[str, Any]) -> RenderCase:
    return RenderCase(
        words=f"{quoted(text)} in {subject}",
        values=values,
        is_sample=True,
        is_hostile=True,
        has_lines="\n" in text,
    )


def _is_taken(node: Schema, text: str) -> bool:
    """Whether Helm takes a text. What a form lists holds nobody who sends it something else."""
    of_forms = ("listEnum", "x-onyxia", "sliderUnit", "sliderMin", "sliderMax")
    return fits({key: node[key] for key in node if key not in of_forms}, text, {})


def _filled(node: Schema, text: str) -> object:
    """Return a value of the node that contains the text, or UNDEFINED where none can."""
    kind = kind_of(node)
    if kind == "string" and "const" not in node and _is_taken(node, text):
        return text
    if kind == "array" and isinstance(node.get("items"), Mapping):
        item = _filled(node["items"], text)
        return UNDEFINED if item is UNDEFINED else [item]
    if kind == "object" and isinstance(node.get("properties"), Mapping):
        inner = {key: _filled(value, text) for key, value in node["properties"].items()}
        filled = {key: value for key, value in inner.items() if value is not UNDEFINED}
        return filled or UNDEFINED
    return UNDEFINED


def revealing(chart: ChartFiles, render: Render) -> tuple[tuple[Manifest, Path], ...]:
    """Return the places, outside of Secrets, that change with a secret.

    What changes by itself, because it is made at random, is left out; so is a variable that is the
    secret, of which another rule tells.
    """
    secrets = secrets_of(chart)
    base = _launched(chart, SAMPLE)  # enables most features of a chart

    def output(text: str) -> Rendered:
        given = (nested(path, f"{text}-{name}") for name, path in secrets.items())
        return render(RenderCase(words=text, values=merged(base, *given), is_sample=True))

    if not secrets:
        return ()
    first = output("a secret")
    found = list(differences(first, output("another secret")))
    if not found:
        return ()
    random = {_place(*place) for place in differences(first, output("a secret"))}
    return tuple(
        (manifest, path)
        for manifest, path in found
        if _place(manifest, path) not in random
        and not ("env" in path and "a secret" in str(_text_at(manifest, path)))
    )


def _place(manifest: Manifest, path: Path) -> tuple[object, ...]:
    return (manifest.file, name_of(manifest), *path)


def _text_at(manifest: Manifest, path: Path) -> object:
    value: Any = manifest.data
    for part in path:
        value = value[part]
    return value
