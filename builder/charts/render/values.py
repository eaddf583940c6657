"""Values of charts: each is described once, and values.yaml and its schema come from that."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.text import did_you_mean
from builder.common.yaml_writer import key_text, scalar

# Keywords of the schema that a description may hold, as they are.
_SCHEMA_KEYS = (
    "enum", "listEnum", "render", "sliderMin", "sliderMax", "sliderStep", "sliderUnit",
    "sliderExtremity", "sliderExtremitySemantic", "sliderRangeId", "pattern", "minimum",
    "maximum", "items",
)  # fmt: skip
_KEYS = (
    "type", "default", "title", "text", "from", "onyxia", "shown_if", "hidden_if", "form",
    "formerly",
)  # fmt: skip
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list,
    "object": dict,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Value:
    """One value of a chart. A group is an object that only holds other values.

    A dot in a key of `path` is written `\\.`, as for `helm --set`. `formerly` are paths that it had
    before, and by which the chart still takes it.
    """

    path: str
    type: str
    default: object
    owner: Location  # the file that describes it
    is_group: bool = False
    title: str = ""
    text: str = ""
    source: object = None  # the context variable that fills it in a form
    onyxia: Mapping[str, object] = field(default_factory=dict)
    hidden: tuple[str, bool] | None = None  # (path, the value of it that hides this one)
    form: bool = True
    schema: Mapping[str, object] = field(default_factory=dict)
    formerly: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Its path, key by key."""
        return split_path(self.path)


def split_path(path: str) -> tuple[str, ...]:
    """The keys of a path, in which a dot of a key itself is written `\\.`."""
    return tuple(key.replace("\\.", ".") for key in re.split(r"(?<!\\)\.", path))


def locate(files: Mapping[str, str], file: str, name: str, word: str) -> Location:
    """Where the key `word` stands in the file `name`, as far as its text is known."""
    for number, line in enumerate(files.get(name, "").splitlines(), 1):
        found = re.match(rf"\s*[\"']?{re.escape(word)}[\"']?\s*:", line)
        if found:
            column = len(line) - len(line.lstrip()) + 1
            return Location(file=f"{file}/{name}", line=number, column=column, source=line)
    return Location(file=f"{file}/{name}")


def read_value(
    path: str, spec: Mapping[str, object], facts: Mapping[str, object], owner: Location
) -> Value:
    """A description, with `$fact` scalars replaced. Raises ConfigError."""
    for key in spec:
        if key not in _KEYS and key not in _SCHEMA_KEYS:
            raise ConfigError(
                f"value {path}: unknown key {key!r}",
                hint=did_you_mean(key, (*_KEYS, *_SCHEMA_KEYS)),
                location=owner,
            )
    if spec.get("type") not in _TYPES:
        raise ConfigError(f"value {path}: type must be one of {', '.join(_TYPES)}", location=owner)
    hidden = None
    if "shown_if" in spec:
        hidden = (str(spec["shown_if"]), False)
    elif "hidden_if" in spec:
        hidden = (str(spec["hidden_if"]), True)
    onyxia, former = spec.get("onyxia", {}), spec.get("formerly")
    return Value(
        path=path,
        type=str(spec["type"]),
        default=_fact(spec.get("default"), facts),
        owner=owner,
        is_group=spec["type"] == "object" and "default" not in spec,
        title=str(spec.get("title", "")),
        text=str(spec.get("text", "")),
        source=spec.get("from"),
        onyxia=onyxia if isinstance(onyxia, Mapping) else {},
        hidden=hidden,
        form=bool(spec.get("form", True)),
        schema={key: _fact(spec[key], facts) for key in _SCHEMA_KEYS if key in spec},
        formerly=tuple(str(old) for old in former) if isinstance(former, list) else (),
    )


def _fact(value: object, facts: Mapping[str, object]) -> object:
    if isinstance(value, Mapping):
        return {key: _fact(item, facts) for key, item in value.items()}
    if isinstance(value, str) and value.startswith("$") and value[1:] in facts:
        return facts[value[1:]]
    # A default may be a template, which then names those of its own chart.
    return value.replace('"chart.', f'"{facts["chart"]}.') if isinstance(value, str) else value


def check(values: Sequence[Value], having: Callable[[str], str]) -> list[BuilderError]:
    """What is wrong with the values of one chart, each by itself and with the others.

    `having` is a hint about the features that have a value, or one below it (`path.`), or nothing.
    """
    errors: list[BuilderError] = []
    paths = {value.path: value for value in values}
    for value in values:
        problem = _problem(value, paths, having)
        if problem:
            message, hint = problem
            errors.append(
                ConfigError(f"value {value.path}: {message}", hint=hint, location=value.owner)
            )
    return errors


def _problem(
    value: Value, paths: Mapping[str, Value], having: Callable[[str], str]
) -> tuple[str, str] | None:
    if misplaced := _misplaced(value, paths):
        return misplaced, ""
    if value.hidden and value.hidden[0] not in paths:
        other = value.hidden[0]
        hint = having(other) or did_you_mean(other, paths)
        return f"{other}, which shows it, is not a value of the chart", hint
    if value.is_group:
        held = any(other.startswith(value.path + ".") for other in paths)
        text = "an object needs a default, or values below it"
        return None if held else (text, having(f"{value.path}."))
    if value.default is None:
        return "it has no default", "every value needs one, or a launch from the form fails"
    if not _is(value.default, value.type):
        return f"the default {scalar(value.default)} is not of type {value.type}", ""
    return _outside(value)


def _misplaced(value: Value, paths: Mapping[str, Value]) -> str:
    for above in paths.values():
        if value.path.startswith(f"{above.path}.") and not above.is_group:
            return f"{above.path} is a value and cannot hold another"
    for old in value.formerly:
        if old in paths or any(path.startswith(f"{old}.") for path in paths):
            return f"{old}, which it was, is a value again"
    return ""


def _outside(value: Value) -> tuple[str, str] | None:
    for key in ("enum", "listEnum"):
        choices = value.schema.get(key)
        if isinstance(choices, Sequence) and choices and value.default not in choices:
            listed = ", ".join(str(choice) for choice in choices)
            return f"the default {scalar(value.default)} is not in its {key}", f"one of: {listed}"
    pattern = value.schema.get("pattern")
    if pattern and not re.search(str(pattern), str(value.default)):
        return f"the default {scalar(value.default)} does not match {pattern}", ""
    if value.schema.get("render") == "list" and "listEnum" not in value.schema:
        return "render: list needs a listEnum", ""
    return None


def _is(default: object, kind: str) -> bool:
    if isinstance(default, bool):
        return kind == "boolean"
    return isinstance(default, _TYPES[kind])


def moved(values: Sequence[Value]) -> dict[str, str]:
    """Return where values are now, by the path that they had."""
    return {old: value.path for value in values for old in value.formerly}


def tree(values: Sequence[Value]) -> dict[str, object]:
    """The values as nested mappings: a `Value` at each leaf, groups as mappings."""
    root: dict[str, object] = {}
    for value in values:
        node = root
        *parents, last = value.keys
        for part in parents:
            child = node.setdefault(part, {})
            assert isinstance(child, dict)
            node = child
        if value.is_group:
            node.setdefault(last, {})
        else:
            node[last] = value
    return root


def values_yaml(values: Sequence[Value], head: str) -> str:
    """values.yaml, with the text of each value above it."""
    groups = {value.keys: value for value in values if value.is_group}
    lines = [f"# {line}".rstrip() for line in head.splitlines()]
    _emit(tree(values), groups, lines, ())
    return "\n".join(lines) + "\n"


def _emit(
    node: Mapping[str, object],
    groups: Mapping[tuple[str, ...], Value],
    lines: list[str],
    path: tuple[str, ...],
) -> None:
    indent = "  " * len(path)
    for key, child in node.items():
        here = (*path, key)
        about = child if isinstance(child, Value) else groups.get(here)
        if not path:
            lines.append("")
        if about is not None and about.text:
            lines += [f"{indent}# {line}" for line in textwrap.wrap(about.text, 96 - len(indent))]
        if isinstance(child, Value):
            lines.append(f"{indent}{key_text(key)}: {scalar(child.default)}")
        else:
            lines.append(f"{indent}{key_text(key)}:")
            assert isinstance(child, dict)
            _emit(child, groups, lines, here)


def schema(values: Sequence[Value], title: str) -> dict[str, object]:
    """The schema of the values that a form shows or sends."""
    shown = [value for value in values if value.form]
    groups = {value.keys: value for value in shown if value.is_group}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        **_object(tree(shown), groups, ()),
    }


def _object(
    node: Mapping[str, object],
    groups: Mapping[tuple[str, ...], Value],
    path: tuple[str, ...],
) -> dict[str, object]:
    properties: dict[str, object] = {}
    for key, child in node.items():
        here = (*path, key)
        if isinstance(child, Value):
            properties[key] = _leaf(child)
        elif child:
            assert isinstance(child, dict)
            group = groups.get(here)
            properties[key] = {**(_about(group) if group else {}), **_object(child, groups, here)}
    return {"type": "object", "properties": properties}


def _about(value: Value) -> dict[str, object]:
    node: dict[str, object] = {}
    if value.title:
        node["title"] = value.title
    if value.text:
        node["description"] = value.text
    if value.hidden:
        path, hides = value.hidden
        node["hidden"] = {"value": hides, "path": path.replace(".", "/")}
    if value.onyxia:
        node["x-onyxia"] = dict(value.onyxia)
    return node


def _leaf(value: Value) -> dict[str, object]:
    node = {"type": value.type, **_about(value), "default": value.default, **value.schema}
    if value.source is not None:
        node["x-onyxia"] = {"overwriteDefaultWith": value.source, **value.onyxia}
    return node
