"""Finds whether a chart changed, and computes its next version."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from builder.catalog.yaml_document import load_as_helm
from builder.charts import helm_versions
from builder.charts.catalog_stack import without_catalogs
from builder.common.errors import ConfigError, Location
from builder.common.limits import CHART_FILE, read_json

FIRST = "1.0.0"
FORMER = "former-values"
"""The annotation of Chart.yaml that maps former paths of values to present ones, as JSON."""
CHANGELOG = "CHANGELOG.md"
"""The file that lists the changes."""
IMAGES = "images.json"
"""The file with the digests of its images, by reference."""
_DERIVED = (CHANGELOG, IMAGES)  # no part of the fingerprint
TEMPLATE = "template"
"""The type of a file below `templates/`: a feature may bring templates, and no values."""
FIXED = "fixed "
"""The beginning of the type of a value that can only be what it is."""
_VERSION = re.compile(rb"^version:.*$", re.MULTILINE)


def chart_fingerprint(files: Mapping[str, bytes]) -> str:
    """Return the identity of a chart: sha256 of its files, without version and what is derived."""
    said = {path: files[path] for path in files if path not in _DERIVED}
    same = without_catalogs(with_version(said, "0.0.0"))
    entries = [[path, hashlib.sha256(data).hexdigest()] for path, data in sorted(same.items())]
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def chart_version(files: Mapping[str, bytes]) -> str:
    """Return the version in a chart's Chart.yaml."""
    return str(about(files)["version"])


def with_version(files: Mapping[str, bytes], version: str) -> dict[str, bytes]:
    """Return the same chart under another version."""
    text = _VERSION.sub(f"version: {version}".encode(), files.get("Chart.yaml", b""), count=1)
    return {path: text if path == "Chart.yaml" else data for path, data in files.items()}


def about(files: Mapping[str, bytes]) -> Mapping[str, object]:
    """Return Chart.yaml. Raises ConfigError if it is not a mapping, or its version is a number."""
    return _mapping(files, "Chart.yaml", numbers_refused=("version",))


def next_version(
    previous: str | None, *, old: Mapping[str, bytes] | None, new: Mapping[str, bytes]
) -> str:
    """Return the version of `new`, a chart's files, when `old` was published as `previous`.

    It is `previous` where nothing changed; else see `bump`. Raises ConfigError if `previous` is no
    version.
    """
    if previous is None or old is None:
        return FIRST
    if chart_fingerprint(old) == chart_fingerprint(new):
        return previous
    return bump(previous, before=value_types(old), after=value_types(new))


def bump(
    previous: str,
    *,
    before: Mapping[str, str],
    after: Mapping[str, str],
    chart: str = "",
    location: Location | None = None,
) -> str:
    """Return the version after `previous` of a changed chart, given its `value_types`.

    Major if a value was removed or retyped, minor if a value or a template was added, else
    patch. Raises ConfigError, with `chart` and `location`, if `previous` is no version.
    """
    version = helm_versions.parse(previous)
    if version is None:
        name = f"chart {chart}: " if chart else ""
        raise ConfigError(
            f"{name}not a chart version: {previous}", hint="MAJOR.MINOR.PATCH", location=location
        )
    values = {path: kind for path, kind in before.items() if kind != TEMPLATE}
    if any(not still_taken(kind, after.get(path)) for path, kind in values.items()):
        return str(version.bump_major())
    if set(after) - set(before):
        return str(version.bump_minor())
    return str(version.bump_patch())


def still_taken(before: str, after: str | None) -> bool:
    """Whether a value of one type is taken by another, which is None where the value is gone."""
    return after in (before, before.removeprefix(FIXED))


def is_lower(version: str, second: str) -> bool:
    """Whether a version is lower than another; False if one of them is not a version."""
    first, two = helm_versions.parse(version), helm_versions.parse(second)
    return first is not None and two is not None and first < two


def value_types(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the type of every value of a chart, by path, and `TEMPLATE` for its templates.

    The schema has the type, else the default has it; FIXED stands before that of a const. Former
    paths of values count too: the chart still accepts them.
    """
    types = {path: _kind(value) for path, value in defaults(files).items()}
    for path, node in schema_nodes(files):
        if node.get("properties"):
            types.pop(path, None)
        else:
            types[path] = (FIXED if "const" in node else "") + str(node.get("type", "any"))
    types |= {old: types[path] for old, path in former(files).items() if path in types}
    return types | {path: TEMPLATE for path in files if path.startswith("templates/")}


def defaults(files: Mapping[str, bytes]) -> dict[str, object]:
    """Return the leaves of values.yaml, by path."""
    return dict(_leaves(_mapping(files, "values.yaml"), ()))


def schema_nodes(files: Mapping[str, bytes]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Return the nodes of values.schema.json by path, without the root; groups come first."""
    file = "values.schema.json"
    schema = _json(files.get(file, b"{}"), f"{file} is not JSON")
    if isinstance(schema, Mapping):
        yield from _nodes(schema, ())


def former(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the present paths of moved values, by their former paths."""
    annotations = about(files).get("annotations")
    text = annotations.get(FORMER, "{}") if isinstance(annotations, Mapping) else "{}"
    moved = _json(str(text).encode(), f"the annotation {FORMER} of Chart.yaml is not JSON")
    return {str(old): str(path) for old, path in moved.items()} if isinstance(moved, dict) else {}


def _json(text: bytes, problem: str) -> Any:
    try:
        return read_json(text, CHART_FILE, "it", error=ConfigError)
    except ConfigError as error:
        raise ConfigError(problem) from error


def _mapping(
    files: Mapping[str, bytes], file: str, numbers_refused: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return a file of a chart as Helm reads it, which may be empty. Raises ConfigError."""
    try:
        document, _ = load_as_helm(files.get(file, b"").decode(), file)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8") from error
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise ConfigError(f"{file} is not a mapping")
    for key in numbers_refused:
        if isinstance(data.get(key), int | float):
            text = document.raw[(key,)]
            message = f"{key} {text} is a number, and must be a string"
            raise ConfigError(message, hint=f'quote it: "{text}"', location=document.at((key,)))
    return data


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
            if isinstance(child, Mapping):
                yield from _nodes(child, (*path, str(key)))


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((int, "integer"), (float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object" if isinstance(value, Mapping) else "null"
