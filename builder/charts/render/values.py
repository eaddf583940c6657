"""Makes values.yaml and its schema from the descriptions of values."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from builder.catalog.models import ValueSpec
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.mappings import mapping
from builder.common.patterns import matches
from builder.common.text import did_you_mean
from builder.common.yaml_writer import Inline, block, scalar

REPLACED = "overwriteSchemaWith"
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
    also: tuple[str, ...] = ()  # more types, which a form does not know
    schema: Mapping[str, object] = field(default_factory=dict)
    formerly: tuple[str, ...] = ()
    fills: str = ""  # the path of the value that it fills, where that has its default
    is_refilled: bool = False  # by its context variable, where the form around it is replaced
    is_fixed: bool = False  # by the matrix: it is its default, and of a group no key is added

    @property
    def keys(self) -> tuple[str, ...]:
        """Its path, key by key."""
        return split_path(self.path)


def split_path(path: str) -> tuple[str, ...]:
    """Return the keys of a path, in which a dot of a key itself is written `\\.`."""
    return tuple(key.replace("\\.", ".") for key in re.split(r"(?<!\\)\.", path))


def locate(files: Mapping[str, str], file: str, name: str, word: str) -> Location:
    """Return the place of the key `word` in the file `name`; without its text, the file."""
    return _key_in(files.get(name, ""), f"{file}/{name}", word)


@lru_cache(maxsize=8192)  # each chart looks at the same features
def _key_in(text: str, file: str, word: str) -> Location:
    key = re.compile(rf"\s*[\"']?{re.escape(word)}[\"']?\s*:")
    for number, line in enumerate(text.splitlines(), 1):
        if key.match(line):
            column = len(line) - len(line.lstrip()) + 1
            return Location(file=file, line=number, column=column, source=line)
    return Location(file=file)


def read_value(path: str, spec: ValueSpec, facts: Mapping[str, object], owner: Location) -> Value:
    """Return what a description says, with `$fact` scalars replaced. Raises ConfigError."""
    if spec.type is None or spec.type not in _TYPES:
        raise ConfigError(f"value {path}: type must be one of {', '.join(_TYPES)}", location=owner)
    hidden = None
    if spec.shown_if is not None:
        hidden = (spec.shown_if, False)
    elif spec.hidden_if is not None:
        hidden = (spec.hidden_if, True)
    return Value(
        path=path,
        type=spec.type,
        default=_fact(spec.default, facts),
        owner=owner,
        is_group=spec.type == "object" and spec.default is None,
        title=spec.title or "",
        text=_text(spec.text or "", facts),
        source=spec.source,
        onyxia=spec.onyxia or {},
        hidden=hidden,
        form=spec.form is not False,
        also=spec.also or (),
        schema={key: _fact(value, facts) for key, value in spec.keywords.items()},
        formerly=spec.formerly or (),
        fills=spec.fills or "",
        is_refilled=spec.refilled is True,
    )


def _text(text: str, facts: Mapping[str, object]) -> str:
    images = facts.get("images")
    listed = ", ".join(map(str, images)) if isinstance(images, Sequence) else ""
    return text.replace("$images", listed)


def _fact(value: object, facts: Mapping[str, object]) -> object:
    if isinstance(value, Mapping):
        return {key: _fact(nested, facts) for key, nested in value.items()}
    if isinstance(value, str) and value.startswith("$") and value[1:] in facts:
        return facts[value[1:]]
    # A default may be a template, which then names those of its own chart.
    return value.replace('"chart.', f'"{facts["chart"]}.') if isinstance(value, str) else value


def check(values: Sequence[Value], having: Callable[[str], str]) -> list[BuilderError]:
    """Return an error for each mistake in the values of one chart.

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
        path = value.hidden[0]
        hint = having(path) or did_you_mean(path, paths)
        return f"{path}, which shows it, is not a value of the chart", hint
    if value.is_group:
        return _wrong_group(value, paths, having)
    if value.default is None:
        return "it has no default", "every value needs one, or a launch from the form fails"
    if not is_type(value.default, value.type):
        return f"the default {scalar(value.default)} is not of type {value.type}", ""
    return _outside(value)


def _wrong_group(
    value: Value, paths: Mapping[str, Value], having: Callable[[str], str]
) -> tuple[str, str] | None:
    if value.default is not None:
        return f"it is a group, and {scalar(value.default)} is none", "fix the values in it"
    if any(path.startswith(value.path + ".") for path in paths):
        return None
    return "an object needs a default, or values below it", having(f"{value.path}.")


def _misplaced(value: Value, paths: Mapping[str, Value]) -> str:
    for above in paths.values():
        if value.path.startswith(f"{above.path}.") and not above.is_group:
            return f"{above.path} is a value and cannot hold another"
    for old in value.formerly:
        if old in paths or any(path.startswith(f"{old}.") for path in paths):
            return f"{old}, which it was, is a value again"
    if value.fills and value.fills not in paths:
        return f"{value.fills}, which it fills, is not a value of the chart"
    if value.also and value.form:
        return "a form knows one type of a value, and not those of `also`: add form: false"
    return ""


def _outside(value: Value) -> tuple[str, str] | None:
    for key in ("enum", "listEnum"):
        choices = value.schema.get(key)
        if isinstance(choices, Sequence) and choices and value.default not in choices:
            listed = ", ".join(str(choice) for choice in choices)
            return f"the default {scalar(value.default)} is not in its {key}", f"one of: {listed}"
    pattern = value.schema.get("pattern")
    if pattern and not matches(str(pattern), str(value.default)):
        return f"the default {scalar(value.default)} does not match {pattern}", ""
    if value.schema.get("render") == "list" and not {"listEnum", "enum"} & value.schema.keys():
        return "render: list needs a listEnum or an enum", ""
    return None


def is_type(default: object, kind: str) -> bool:
    """Whether a value is of a type, in the words of a schema."""
    if isinstance(default, bool):
        return kind == "boolean"
    return isinstance(default, _TYPES[kind])


def moved(values: Sequence[Value]) -> dict[str, str]:
    """Return the paths of values, by the paths that they had."""
    return {old: value.path for value in values for old in value.formerly}


def tree(values: Sequence[Value]) -> dict[str, object]:
    """Return the values as nested mappings: a `Value` at each leaf, groups as mappings."""
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
    """Return values.yaml, with the text of each value above it."""
    texts = {value.keys: value.text for value in values}

    def comment(path: tuple[str, ...]) -> list[str]:
        above = [""] if len(path) == 1 else []
        width = 96 - 2 * (len(path) - 1)
        return above + [f"# {line}" for line in textwrap.wrap(texts.get(path, ""), width)]

    lines = [f"# {line}".rstrip() for line in head.splitlines()]
    lines += block(_defaults(tree(values)), comment=comment)
    return "\n".join(lines) + "\n"


def _defaults(node: Mapping[str, object]) -> dict[str, object]:
    """Return a tree of values as one of their defaults, each to be written on one line."""
    return {
        key: Inline(child.default) if isinstance(child, Value) else _defaults(mapping(child))
        for key, child in node.items()
    }


def schema(values: Sequence[Value], title: str) -> dict[str, object]:
    """Return the schema of all values. A form hides those that it is not to show.

    Keys that it does not know are accepted, as saved launches have some: no template reads them.
    """
    groups = {value.keys: value for value in values if value.is_group}
    former = {split_path(old): value for value in values for old in value.formerly}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        **_object(tree(values), groups, former, ()),
    }


def _object(
    node: Mapping[str, object],
    groups: Mapping[tuple[str, ...], Value],
    former: Mapping[tuple[str, ...], Value],
    path: tuple[str, ...],
) -> dict[str, object]:
    properties: dict[str, object] = {}
    # A form refuses a property of several types, and one that it is not to send: not these.
    of_types: dict[str, object] = _former(former, node, path)
    required = [key for key, child in node.items() if _has_fixed(child)]
    for key, child in node.items():
        here = (*path, key)
        if isinstance(child, Value) and child.also:
            of_types[f"^{re.escape(key)}$"] = {"type": [child.type, *child.also], **child.schema}
        elif isinstance(child, Value):
            properties[key] = _leaf(child)
        elif child:
            assert isinstance(child, dict)
            group = groups.get(here)
            about = _about(group, is_fixed=_has_fixed(child)) if group else {}
            properties[key] = {
                **about,
                **_object(child, groups, former, here),
            }
    more: dict[str, object] = {"patternProperties": of_types} if of_types else {}
    if required:  # null would take the value away
        more["required"] = required
    if path in groups and groups[path].is_fixed:
        more["additionalProperties"] = False
    return {"type": "object", "properties": properties, **more}


def _former(
    former: Mapping[tuple[str, ...], Value], node: Mapping[str, object], path: tuple[str, ...]
) -> dict[str, object]:
    """Return the schema of former paths in a group, but of those in its own groups, by pattern."""
    depth = len(path)
    nodes: dict[str, object] = {}
    for keys, value in former.items():
        key = keys[depth] if keys[:depth] == path and len(keys) > depth else None
        if key is None or key in node or f"^{re.escape(key)}$" in nodes:
            continue
        if len(keys) == depth + 1:
            found: dict[str, object] = {"type": [value.type, "null"], **_checked(value)}
        else:
            inner = _former(former, {}, keys[: depth + 1])
            found = {"type": ["object", "null"], "patternProperties": inner}
        nodes[f"^{re.escape(key)}$"] = found
    return nodes


def _checked(value: Value) -> dict[str, object]:
    """Return the keywords by which Helm checks a value, for one that may be null or empty."""
    checked = {
        key: value.schema[key]
        for key in ("minimum", "maximum", "items", "pattern")
        if key in value.schema
    }
    if "pattern" in checked:
        checked["pattern"] = f"^$|{checked['pattern']}"
    choices = value.schema.get("enum")
    if isinstance(choices, Sequence):
        checked["enum"] = [*choices, "", None]
    return checked


def _has_fixed(node: object) -> bool:
    """Whether a part of the tree has a value that the matrix fixes."""
    if isinstance(node, Value):
        return node.is_fixed
    return any(_has_fixed(child) for child in mapping(node).values())


def _about(value: Value, *, is_fixed: bool = False) -> dict[str, object]:
    """Return what a form knows of a value. No file of the platform replaces what is fixed."""
    node: dict[str, object] = {}
    if value.title:
        node["title"] = value.title
    if value.text:
        node["description"] = value.text
    if value.hidden:
        path, hides = value.hidden
        node["hidden"] = {"value": hides, "path": path.replace(".", "/")}
    if value.onyxia or not value.form:
        own = {
            key: word for key, word in value.onyxia.items() if not (is_fixed and key == REPLACED)
        }
        node["x-onyxia"] = {**({} if value.form else {"hidden": True}), **own}
    return node


def _leaf(value: Value) -> dict[str, object]:
    constant = {"const": value.default} if value.is_fixed else {}
    node = {
        "type": value.type,
        **_about(value),
        **constant,
        "default": value.default,
        **value.schema,
    }
    if value.source is not None:
        node["x-onyxia"] = {"overwriteDefaultWith": value.source, **mapping(node, "x-onyxia")}
    return node
