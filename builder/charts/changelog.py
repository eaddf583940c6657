"""Describes what changed from one version of a chart to the next. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from builder.charts.semver import (
    CHANGELOG,
    IMAGES,
    TEMPLATE,
    about,
    chart_version,
    defaults,
    former,
    schema_nodes,
    still_taken,
    value_types,
)

_LONGEST = 120
_TOLD = ("Chart.yaml", "values.yaml", "values.schema.json", "README.md", CHANGELOG, IMAGES)


def with_changelog(new: Mapping[str, bytes], old: Mapping[str, bytes] | None) -> dict[str, bytes]:
    """Return a chart with the changelog of `old`, the version before, and a section on this one."""
    head = f"# Changes of {about(new)['name']}\n"
    past = old.get(CHANGELOG, b"").decode().partition("\n")[2] if old else ""
    lines = "\n".join(f"- {line}" for line in changes(old, new))
    text = f"{head}\n## {chart_version(new)}\n\n{lines}\n{past}"
    return {**new, CHANGELOG: text.encode()}


def changes(old: Mapping[str, bytes] | None, new: Mapping[str, bytes]) -> tuple[str, ...]:
    """Compare `new` with the version before: what breaks, what is new, what differs."""
    if old is None:
        return ("The first version",)
    lines = (*_broken(old, new), *_new(old, new), *_different(old, new))
    return lines or (f"Changed: {', '.join(_other(old, new)) or 'how it is described'}",)


def _broken(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[str]:
    after = value_types(new)
    for path, kind in value_types(old).items():
        if path not in after:
            yield f"`{path}` is gone"
        elif not still_taken(kind, after[path]):
            yield f"`{path}` was {kind} and is {after[path]}"


def _new(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[str]:
    before, moved = value_types(old), former(new)
    for past, path in moved.items():
        if past not in former(old):
            yield f"`{past}` is now `{path}`; the former name is still taken"
    for path, kind in value_types(new).items():
        if path not in before and path not in moved and path not in moved.values():
            suffix = "" if kind == TEMPLATE else f" ({kind})"
            yield f"`{path}`{suffix} is new"


def _different(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[str]:
    before, after = defaults(old), defaults(new)
    for path in before:
        if path in after and before[path] != after[path]:
            yield f"`{path}` is {_short(after[path])} by default, and was {_short(before[path])}"
    choices, new_choices = _choices(old), _choices(new)
    for path in choices:
        if path in new_choices:
            default_texts = [_short(values.get(path)) for values in (before, after)]
            added = [
                choice
                for choice in new_choices[path]
                if choice not in (*choices[path], *default_texts)
            ]
            removed = [
                choice
                for choice in choices[path]
                if choice not in (*new_choices[path], *default_texts)
            ]
            yield from (f"`{path}` offers {choice}" for choice in added)
            yield from (f"`{path}` no longer offers {choice}" for choice in removed)


def _choices(files: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    """Return the choices that a form has for each value."""
    choices = {}
    for path, node in schema_nodes(files):
        offered = node.get("listEnum", node.get("examples", node.get("enum")))
        if isinstance(offered, list):
            choices[path] = tuple(map(_short, offered))
    return choices


def _other(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[str]:
    for path in sorted({*old, *new}):
        if path not in _TOLD and old.get(path) != new.get(path):
            yield f"`{path}`"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}`"
