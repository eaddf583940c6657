"""Shows what becomes of a catalog on another content of those below: a table, Markdown or JSON.

`upstream_diff.schema.json` is the schema of the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from builder.common.text import amount, count
from builder.diff import stacks
from builder.diff.catalogs import CatalogChange
from builder.diff.stacks import Below, PatchState, StackDiff, TargetOutcome
from builder.lock.pinned import PinnedCatalog
from builder.overlay.source_catalogs import CatalogFiles
from builder.report.diff import NOTHING, Section, limited, sections
from builder.report.plan import columns

FORMAT = 1
_OF_PACKAGES = ("Packages", "Lines and bases")


def as_json(diff: StackDiff) -> str:
    """Return a comparison in its public, numbered format."""
    return json.dumps(as_data(diff), indent=1, ensure_ascii=False)


def as_data(diff: StackDiff) -> dict[str, Any]:
    """Return a comparison as plain data."""
    facts = {"format": FORMAT, "nothing": diff.is_empty, "clean": diff.is_clean}
    return {**facts, **asdict(diff)}


def as_table(diff: StackDiff) -> str:
    """Return aligned columns with every row."""
    lines = [*_head(diff), _summary(diff)]
    for conflict in diff.conflicts:
        lines += ["", f"conflict: {conflict.text}"]
    for section in _sections(diff):
        head = tuple(name.upper() for name in section.head)
        lines += ["", section.title, *columns([head, *section.rows])]
    return "\n".join(lines)


def as_status(diff: StackDiff, files: CatalogFiles, today: str) -> str:
    """Return what a catalog stands on, and the state of what it says otherwise."""
    rows = [
        _pin(item.name, files.pins.get(item.name), str(item.root), today) for item in files.below
    ]
    lines = columns([("CATALOG", "CONTENT", "FROM", "AGE"), *rows])
    for section in _states(diff):
        head = tuple(name.upper() for name in section.head)
        lines += ["", section.title, *columns([head, *section.rows])] if section.rows else []
    for conflict in diff.conflicts:
        lines += ["", f"conflict: {conflict.text}"]
    return "\n".join(lines)


def _pin(name: str, pin: PinnedCatalog | None, folder: str, today: str) -> tuple[str, ...]:
    if pin is None:
        return (name, "not pinned", folder, "")
    content = pin.content.removeprefix("sha256:")[:12]
    days = (date.fromisoformat(today) - date.fromisoformat(pin.date)).days if pin.date else None
    origin = pin.release or pin.commit[:12] or folder
    return (name, content, origin, "" if days is None else count(days, "day"))


def as_markdown(diff: StackDiff) -> str:
    """Return the body of a pull request."""
    lines = [f"## {line}" for line in _head(diff)] + ["", _summary(diff), ""]
    if diff.conflicts:
        texts = [line for conflict in diff.conflicts for line in conflict.text.splitlines()]
        lines += ["### Conflicts", "", "```", *texts, "```", ""]
    for section in _sections(diff):
        lines += [*limited(section, "`builder upstream diff` shows all"), ""]
    return "\n".join(lines).rstrip("\n")


FORMATS: dict[str, Callable[[StackDiff], str]] = {
    "table": as_table,
    "markdown": as_markdown,
    "json": as_json,
}


def _head(diff: StackDiff) -> list[str]:
    return [f"{item.name} {item.old} → {item.new}" for item in diff.below] or [diff.name]


def _summary(diff: StackDiff) -> str:
    if diff.is_empty:
        return NOTHING
    if diff.conflicts:
        what = count(len(diff.conflicts), "conflict")
        return f"{what} to settle before {diff.name} can stand on it."
    by_outcome: dict[str, list[TargetOutcome]] = {}
    for target in diff.targets:
        by_outcome.setdefault(target.outcome, []).append(target)
    parts = [f"{len(found)} {outcome}" for outcome, found in by_outcome.items()]
    built = by_outcome.get(stacks.BUILT, ())
    cost = ""
    if built:
        minutes = round(sum(target.seconds for target in built) / 60) or 1
        size = amount(sum(target.size for target in built))
        cost = f" What is built takes about {count(minutes, 'minute')} and {size}."
    return f"{', '.join([*parts, f'{diff.same} as before'])}.{cost}"


def _sections(diff: StackDiff) -> list[Section]:
    """Return the sections that have rows, in the order in which they are to be looked at."""
    found = [
        Section(
            title="Releases",
            head=("catalog", "release", "after"),
            rows=[(row.catalog, row.release, count(row.days, "day")) for row in diff.releases],
        ),
        *(_changed(item) for item in diff.below),
        *_states(diff),
        Section(
            title="Names that we use, and are gone below",
            head=("kind", "name", "now", "places"),
            rows=[(row.kind, row.name, row.after, ", ".join(row.places)) for row in diff.names],
        ),
        *_results(diff),
    ]
    return [section for section in found if section.rows]


def _states(diff: StackDiff) -> list[Section]:
    """Return the sections of what is ours: patches, lines and files."""
    return [
        Section(
            title="Our patches",
            head=("patch", "state", "selects", "names", "place"),
            rows=[_patch(row) for row in diff.patches],
        ),
        Section(
            title="Our lines that say what is said below",
            head=("place",),
            rows=[(place,) for place in (*_redundant(diff.patches), *diff.redundant)],
        ),
        Section(
            title="Our files in the place of one below",
            head=("file", "state", "lines there"),
            rows=[
                (
                    row.path,
                    row.state,
                    f"+{row.added} −{row.removed}" * bool(row.added or row.removed),
                )
                for row in diff.replaced
            ],
        ),
    ]


def _results(diff: StackDiff) -> list[Section]:
    packages = sections(diff.packages) if diff.packages else []
    return [
        Section(
            title="Targets",
            head=("what", "target", "why"),
            rows=[(row.outcome, row.id, row.reason) for row in diff.targets],
        ),
        Section(
            title="Charts",
            head=("chart", "version", "why"),
            rows=[(row.name, row.version, row.reason or row.level) for row in diff.charts],
        ),
        *(section for section in packages if section.title in _OF_PACKAGES),
    ]


def _changed(below: Below) -> Section:
    if below.error:
        rows: Sequence[tuple[str, ...]] = [(below.error, "", "", "", "", "")]
    else:
        rows = [_change(change) for change in below.changes]
    head = ("kind", "name", "change", "was", "is", "reaches")
    return Section(title=f"What {below.name} changed", head=head, rows=rows)


def _change(change: CatalogChange) -> tuple[str, ...]:
    what = f"{change.what}: {change.part}" if change.part else change.what
    reaches = [
        *([count(change.targets, "target")] if change.targets else []),
        *([count(change.charts, "chart")] if change.charts else []),
    ]
    was, now = change.before or "", change.after or ""
    return (change.kind, change.name, what, was, now, ", ".join(reaches))


def _patch(row: PatchState) -> tuple[str, ...]:
    noun = row.kind.removesuffix("s")
    selects = count(row.after, noun)
    if row.before != row.after:
        selects = f"{row.before} → {selects}"
    names = ", ".join([*(f"+{name}" for name in row.more), *(f"−{name}" for name in row.fewer)])
    return (row.name, row.state, selects, names or row.reason, row.place)


def _redundant(patches: Sequence[PatchState]) -> list[str]:
    return [place for row in patches for place in row.redundant]
