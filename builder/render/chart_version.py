"""When a chart changed, and what its next version is."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping

import semver
from ruamel.yaml import YAML

from builder.errors import ConfigError

FIRST = "1.0.0"
FORMER = "former-values"
"""The annotation of Chart.yaml that says, as JSON, where values are now, by the path they had."""
CHANGELOG = "CHANGELOG.md"
"""The file of a package that says what changed. It is derived, so it changes nothing itself."""
TEMPLATE = "template"
"""The type of a file below `templates/`: a feature without values of its own brings one."""
_VERSION = re.compile(rb"^version:.*$", re.MULTILINE)


def chart_fingerprint(files: Mapping[str, bytes]) -> str:
    """The identity of a chart: sha256 of its files, its version and its changelog left out."""
    same = with_version({path: files[path] for path in files if path != CHANGELOG}, "0.0.0")
    entries = [[path, hashlib.sha256(data).hexdigest()] for path, data in sorted(same.items())]
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def chart_version(files: Mapping[str, bytes]) -> str:
    """The version that a chart says it has."""
    return str(about(files)["version"])


def with_version(files: Mapping[str, bytes], version: str) -> dict[str, bytes]:
    """The same chart under another version."""
    text = _VERSION.sub(f"version: {version}".encode(), files.get("Chart.yaml", b""), count=1)
    return {path: text if path == "Chart.yaml" else data for path, data in files.items()}


def about(files: Mapping[str, bytes]) -> Mapping[str, object]:
    """Chart.yaml. Raises ConfigError where it is not a mapping."""
    data = YAML(typ="safe").load(io.BytesIO(files.get("Chart.yaml", b"{}")))
    if not isinstance(data, dict):
        raise ConfigError("Chart.yaml is not a mapping")
    return data


def next_version(
    previous: str | None, *, old: Mapping[str, bytes] | None, new: Mapping[str, bytes]
) -> str:
    """The version of `new`, a chart's files, when `old` was published as `previous`.

    The same where nothing changed; else as `bump` says. Raises ConfigError where `previous` is no
    version.
    """
    if previous is None or old is None:
        return FIRST
    if chart_fingerprint(old) == chart_fingerprint(new):
        return previous
    return bump(previous, before=value_types(old), after=value_types(new))


def bump(previous: str, *, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The version after `previous` of a chart that changed, by what `value_types` says.

    Major where a value went or changed its type, minor where a value or a template came, else
    patch.
    """
    try:
        version = semver.Version.parse(previous)
    except ValueError as error:
        raise ConfigError(f"not a chart version: {previous}", hint="MAJOR.MINOR.PATCH") from error
    values = {path: kind for path, kind in before.items() if kind != TEMPLATE}
    if any(after.get(path) != kind for path, kind in values.items()):
        return str(version.bump_major())
    if set(after) - set(before):
        return str(version.bump_minor())
    return str(version.bump_patch())


def is_lower(version: str, other: str) -> bool:
    """Whether a version is lower than another; what is no version is not."""
    valid = semver.Version.is_valid(version) and semver.Version.is_valid(other)
    return valid and semver.Version.parse(version) < other


def value_types(files: Mapping[str, bytes]) -> dict[str, str]:
    """The type of every value of a chart, by path, and its templates.

    It is what the schema says, else that of the default. A path that a value had counts too: the
    chart still takes it.
    """
    types = {path: _kind(value) for path, value in defaults(files).items()}
    for path, node in schema_nodes(files):
        if node.get("properties"):
            types.pop(path, None)
        else:
            types[path] = str(node.get("type", "any"))
    types |= {old: types[path] for old, path in former(files).items() if path in types}
    return types | {path: TEMPLATE for path in files if path.startswith("templates/")}


def defaults(files: Mapping[str, bytes]) -> dict[str, object]:
    """The leaves of values.yaml, by path."""
    found = YAML(typ="safe").load(io.BytesIO(files.get("values.yaml", b"{}"))) or {}
    return dict(_leaves(found, ()))


def schema_nodes(files: Mapping[str, bytes]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The nodes of values.schema.json below its root, by path; a group before what it holds."""
    yield from _nodes(json.loads(files.get("values.schema.json", b"{}")), ())


def former(files: Mapping[str, bytes]) -> dict[str, str]:
    """Where values are now, by the path that they had."""
    annotations = about(files).get("annotations")
    text = annotations.get(FORMER, "{}") if isinstance(annotations, Mapping) else "{}"
    return {str(old): str(path) for old, path in json.loads(text).items()}


def _leaves(node: object, path: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    if isinstance(node, Mapping) and node:
        for key, child in node.items():
            yield from _leaves(child, (*path, str(key)))
    elif path:
        yield ".".join(path), node


def _nodes(
    node: Mapping[str, object], path: tuple[str, ...]
) -> Iterator[tuple[str, Mapping[str, object]]]:
    if path:
        yield ".".join(path), node
    properties = node.get("properties")
    if isinstance(properties, Mapping):
        for key, child in properties.items():
            yield from _nodes(child, (*path, str(key)))


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((int, "integer"), (float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object" if isinstance(value, Mapping) else "null"
