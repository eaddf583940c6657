"""Shows a difference as a table for a terminal, Markdown for a report, or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from builder.common.text import amount, count
from builder.diff.changes import Change, Shared
from builder.diff.compare import Difference
from builder.report.markdown import table
from builder.report.plan import columns

FORMAT = 2
_NAMES = 3  # this many images are named, the rest is counted
_ROWS = 30  # the most rows of a section in Markdown
_LEAST = 100_000  # bytes; smaller changes are noise of compression
_NAMED = frozenset(
    {"package", "was", "is", "name", "setting", "chart", "target", "patch", "file", "place"}
)  # shown as code
NOTHING = "Nothing changed."


def as_data(difference: Difference) -> dict[str, Any]:
    """Return a difference as plain data."""
    fields = asdict(difference)
    return {"format": FORMAT, "nothing": difference.is_empty, **fields}


def as_json(difference: Difference) -> str:
    """Return a difference as JSON."""
    return json.dumps(as_data(difference), indent=1, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A table with a title."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def as_table(difference: Difference) -> str:
    """Return aligned columns with every row."""
    lines = [f"{difference.old} → {difference.new}", _summary(difference)]
    for table_section in sections(difference):
        head = tuple(name.upper() for name in table_section.head)
        lines += ["", table_section.title, *columns([head, *table_section.rows])]
    return "\n".join([*lines, *_unknown(difference)])


def as_markdown(difference: Difference) -> str:
    """Return the section of report.md by itself."""
    return "\n".join(section(difference)).rstrip("\n")


def section(difference: Difference | None) -> Sequence[str]:
    """Return the lines of a section of report.md; () if there is no difference to show."""
    if difference is None:
        return ()
    until = f" until {difference.new}" if difference.new != difference.old else ""
    lines = [f"## What changed since {difference.old}{until}", "", _summary(difference), ""]
    rest = f"`builder diff {difference.old} {difference.new}`"
    for table_section in sections(difference):
        lines += [*limited(table_section, rest), ""]
    unknown = _unknown(difference)
    return [*lines, *unknown[1:], ""] if unknown else lines


def limited(section: Section, rest: str) -> list[str]:
    """Return the lines of a section of Markdown; `rest` says how to see what is left out."""
    lines = [
        f"### {section.title}",
        "",
        *table(
            section.head,
            (list(map(_code, section.head, row)) for row in section.rows[:_ROWS]),
        ),
    ]
    if len(section.rows) > _ROWS:
        lines += ["", f"And {len(section.rows) - _ROWS} more: {rest}."]
    return lines


FORMATS: dict[str, Callable[[Difference], str]] = {
    "table": as_table,
    "markdown": as_markdown,
    "json": as_json,
}


def _code(head: str, text: str) -> str:
    return f"`{text}`" if text and head in _NAMED else text


def _summary(difference: Difference) -> str:
    if difference.is_empty:
        return NOTHING
    noun = difference.noun
    if not (difference.changed or difference.added or difference.removed or difference.others):
        return "No version differs; only hashes or times of the lock do."
    parts = [
        f"{count(len(difference.changed), noun)} changed, {difference.same} did not",
        *([f"{len(difference.added)} new"] if difference.added else []),
        *([f"{len(difference.removed)} gone"] if difference.removed else []),
    ]
    text = ", ".join(parts) + "."
    if difference.packages:
        text += f" {count(len(difference.packages), 'change')} of packages."
    elif difference.changed and len(difference.unknown) < len(difference.changed):
        text += " No package changed."
    before, after = difference.total
    if before or after:
        text += f" In all {amount(before)} → {amount(after)} ({_signed(after - before)})."
    return text


def sections(difference: Difference) -> list[Section]:
    """Return the sections that have rows, the most important first."""
    charts = [row for row in difference.others if row.kind == "chart"]
    others = [row for row in difference.others if row.kind != "chart"]
    targets = f"{difference.noun}s"
    new_and_gone = [("new", key) for key in difference.added] + [
        ("gone", key) for key in difference.removed
    ]
    sections = [
        Section(
            title="Packages",
            head=("ecosystem", "package", "was", "is", targets),
            rows=[(row.group, _members(row), *_both(row), _in(row)) for row in difference.packages],
        ),
        Section(
            title="Lines and bases",
            head=("kind", "name", "was", "is"),
            rows=[(row.kind, row.name, *_both(row)) for row in others],
        ),
        Section(title="New and gone", head=("what", difference.noun), rows=new_and_gone),
        Section(
            title="Adopted",
            head=("from", difference.noun),
            rows=[(source, key) for key, source in difference.adopted.items()],
        ),
        _sizes(difference),
        Section(
            title="Configuration",
            head=("setting", "was", "is", targets),
            rows=[(_setting(row), *_both(row), _in(row)) for row in difference.config],
        ),
        Section(
            title="Charts",
            head=("chart", "was", "is"),
            rows=[(row.name, *_both(row)) for row in charts],
        ),
    ]
    return [table_section for table_section in sections if table_section.rows]


def _both(row: Change | Shared) -> tuple[str, str]:
    """Return the old and the new value, "" for none."""
    return row.before or "", row.after or ""


def _setting(row: Shared) -> str:
    return f"{row.group} {row.name}".rstrip()


def _sizes(difference: Difference) -> Section:
    """Return the sizes that each image adds if lineages are known, else those of whole images."""
    rows = difference.links or difference.sizes
    kept_layers = [row.kept for row in difference.sizes if row.kept is not None]
    is_whole = not difference.links and kept_layers
    return Section(
        title="Size and layers" if is_whole else "Size and layers, of what each adds",
        head=("name", "MB", "layers", "same layers" if is_whole else f"in {difference.noun}s"),
        rows=[
            (
                row.name,
                f"{_megabytes(row.size[0])} → {_megabytes(row.size[1])}"
                f" ({_signed(row.size[1] - row.size[0])})",
                _number(*row.layers),
                str(row.kept if is_whole else row.targets),
            )
            for row in rows
            if abs(row.size[1] - row.size[0]) >= _LEAST or row.layers[0] != row.layers[1]
        ],
    )


def _members(row: Shared) -> str:
    """Return the source package, and its installed packages if they have other names."""
    members = row.members
    if list(members) == [row.name]:
        return str(row.name)
    shown = ", ".join(members[:_NAMES])
    rest = f" and {len(members) - _NAMES} more" if len(members) > _NAMES else ""
    return f"{row.name}: {shown}{rest}"


def _in(row: Shared) -> str:
    """Return the number of targets and the names of their images."""
    images = row.images
    rest = f" and {count(len(images) - _NAMES, 'image')} more" if len(images) > _NAMES else ""
    return f"{len(row.targets)}: {', '.join(images[:_NAMES])}{rest}"


def _unknown(difference: Difference) -> list[str]:
    lines = []
    unknown = {"packages": difference.unknown, "configuration": difference.unconfigured}
    for noun, names in unknown.items():
        if names:
            rest = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
            lines.append(f"Not known, the {noun} of: {', '.join(names[:_NAMES])}{rest}.")
    return ["", *lines] if lines else []


def _number(before: int, after: int) -> str:
    return str(after) if before == after else f"{before} → {after}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"


def _signed(size: int) -> str:
    return f"{size / 1e6:+.1f} MB"
