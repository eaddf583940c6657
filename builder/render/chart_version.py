"""When a chart changed, and what its next version is."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping

import semver
from ruamel.yaml import YAML

from builder.errors import ConfigError

FIRST = "1.0.0"
FORMER = "former-values"
"""The annotation of Chart.yaml that says, as JSON, where values are now, by the path they had."""
_VERSION = re.compile(rb"^version:.*$", re.MULTILINE)


def chart_fingerprint(files: Mapping[str, bytes]) -> str:
    """The identity of a chart: sha256 of its files, its version left out."""
    entries = []
    for path, content in sorted(files.items()):
        same = (
            _VERSION.sub(b"version: 0.0.0", content, count=1) if path == "Chart.yaml" else content
        )
        entries.append([path, hashlib.sha256(same).hexdigest()])
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def chart_version(files: Mapping[str, bytes]) -> str:
    """The version that a chart says it has."""
    data = YAML(typ="safe").load(io.BytesIO(files["Chart.yaml"]))
    return str(data["version"])


def next_version(
    previous: str | None, *, old: Mapping[str, bytes] | None, new: Mapping[str, bytes]
) -> str:
    """The version of `new`, a chart's files, when `old` was published as `previous`.

    The same where nothing changed; major where a value went or changed its type, minor where one
    was added, else patch. Raises ConfigError where `previous` is no version.
    """
    if previous is None or old is None:
        return FIRST
    if chart_fingerprint(old) == chart_fingerprint(new):
        return previous
    return bump(previous, before=value_types(old), after=value_types(new))


def bump(previous: str, *, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The version after `previous` of a chart that changed, by the types of its values."""
    try:
        version = semver.Version.parse(previous)
    except ValueError as error:
        raise ConfigError(f"not a chart version: {previous}", hint="MAJOR.MINOR.PATCH") from error
    if any(after.get(path) != kind for path, kind in before.items()):
        return str(version.bump_major())
    if set(after) - set(before):
        return str(version.bump_minor())
    return str(version.bump_patch())


def value_types(files: Mapping[str, bytes]) -> dict[str, str]:
    """The type of every value of a chart, by path: what its schema says, else its default.

    A path that a value had counts too: the chart still takes it.
    """
    types: dict[str, str] = {}
    defaults = YAML(typ="safe").load(io.BytesIO(files.get("values.yaml", b"{}"))) or {}
    _by_default(defaults, (), types)
    _by_schema(json.loads(files.get("values.schema.json", b"{}")), (), types)
    about = YAML(typ="safe").load(io.BytesIO(files.get("Chart.yaml", b"{}"))) or {}
    former = json.loads((about.get("annotations") or {}).get(FORMER, "{}"))
    return types | {old: types[path] for old, path in former.items() if path in types}


def _by_default(node: object, path: tuple[str, ...], types: dict[str, str]) -> None:
    if isinstance(node, Mapping) and node:
        for key, child in node.items():
            _by_default(child, (*path, str(key)), types)
    elif path:
        types[".".join(path)] = _kind(node)


def _by_schema(node: Mapping[str, object], path: tuple[str, ...], types: dict[str, str]) -> None:
    properties = node.get("properties")
    if isinstance(properties, Mapping) and properties:
        types.pop(".".join(path), None)
        for key, child in properties.items():
            _by_schema(child, (*path, str(key)), types)
    elif path:
        types[".".join(path)] = str(node.get("type", "any"))


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((int, "integer"), (float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object" if isinstance(value, Mapping) else "null"
