"""What changed, as a table for a terminal, Markdown for a report, or JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from builder.common.text import amount, count
from builder.diff.compare import Difference
from builder.report.markdown import table
from builder.report.plan import columns

FORMAT = 1
_NAMES = 3  # of images that are named, the rest is counted
_ROWS = 30  # of a section in Markdown, which is to be read in a minute
_LEAST = 100_000  # bytes: what is less is noise of compression
_NAMED = frozenset({"package", "was", "is", "name", "setting", "chart", "target"})  # as code
NOTHING = "Nothing changed."


def as_data(difference: Difference) -> dict[str, Any]:
    """A difference as plain data; `targets` and `images` of a change are all that have it."""
    fields = asdict(difference)
    return {"format": FORMAT, "nothing": difference.is_empty, **fields}


def as_json(data: Mapping[str, Any]) -> str:
    """All of it."""
    return json.dumps(data, indent=1, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class _Section:
    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def as_table(data: Mapping[str, Any]) -> str:
    """Aligned columns, with every row."""
    lines = [f"{data['old']} → {data['new']}", _summary(data)]
    for part in _sections(data):
        head = tuple(name.upper() for name in part.head)
        lines += ["", part.title, *columns([head, *part.rows])]
    return "\n".join([*lines, *_unknown(data)])


def as_markdown(data: Mapping[str, Any]) -> str:
    """As in a report, by itself."""
    return "\n".join(section(data)).rstrip("\n")


def section(data: Mapping[str, Any]) -> Sequence[str]:
    """A section of report.md; nothing where there was nothing to compare with."""
    if not data:
        return ()
    until = f" until {data['new']}" if data["new"] != data["old"] else ""
    found = [f"## What changed since {data['old']}{until}", "", _summary(data), ""]
    for part in _sections(data):
        found += [f"### {part.title}", ""]
        found += table(part.head, (list(map(_code, part.head, row)) for row in part.rows[:_ROWS]))
        if len(part.rows) > _ROWS:
            rest = f"`builder diff {data['old']} {data['new']}`"
            found += ["", f"And {len(part.rows) - _ROWS} more: {rest}."]
        found.append("")
    told = _unknown(data)
    return [*found, *told[1:], ""] if told else found


FORMATS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "table": as_table,
    "markdown": as_markdown,
    "json": as_json,
}


def _code(head: str, text: str) -> str:
    return f"`{text}`" if text and head in _NAMED else text


def _summary(data: Mapping[str, Any]) -> str:
    if data["nothing"]:
        return NOTHING
    noun = data["noun"]
    if not (data["changed"] or data["added"] or data["removed"] or data["others"]):
        return "No version differs; hashes or times of the lock do."
    parts = [
        f"{count(len(data['changed']), noun)} changed, {data['same']} did not",
        *([f"{len(data['added'])} new"] if data["added"] else []),
        *([f"{len(data['removed'])} gone"] if data["removed"] else []),
    ]
    text = ", ".join(parts) + "."
    if data["packages"]:
        text += f" {count(len(data['packages']), 'change')} of packages."
    elif data["changed"] and len(data["unknown"]) < len(data["changed"]):
        text += " No package changed."
    before, after = data["total"]
    if before or after:
        text += f" In all {amount(before)} → {amount(after)} ({_signed(after - before)})."
    return text


def _sections(data: Mapping[str, Any]) -> list[_Section]:
    """Those that have a row, what matters most first."""
    charts = [row for row in data["others"] if row["kind"] == "chart"]
    others = [row for row in data["others"] if row["kind"] != "chart"]
    targets = f"{data['noun']}s"
    moved = [("new", key) for key in data["added"]] + [("gone", key) for key in data["removed"]]
    found = [
        _Section(
            title="Packages",
            head=("ecosystem", "package", "was", "is", targets),
            rows=[(row["group"], _members(row), *_both(row), _in(row)) for row in data["packages"]],
        ),
        _Section(
            title="Lines and bases",
            head=("kind", "name", "was", "is"),
            rows=[(row["kind"], row["name"], *_both(row)) for row in others],
        ),
        _Section(title="New and gone", head=("what", data["noun"]), rows=moved),
        _sizes(data),
        _Section(
            title="Configuration",
            head=("setting", "was", "is", targets),
            rows=[(_setting(row), *_both(row), _in(row)) for row in data["config"]],
        ),
        _Section(
            title="Charts",
            head=("chart", "was", "is"),
            rows=[(row["name"], *_both(row)) for row in charts],
        ),
    ]
    return [part for part in found if part.rows]


def _both(row: Mapping[str, Any]) -> tuple[str, str]:
    """What was and what is, "" where there is nothing."""
    return row["before"] or "", row["after"] or ""


def _setting(row: Mapping[str, Any]) -> str:
    return f"{row['group']} {row['name']}".rstrip()


def _sizes(data: Mapping[str, Any]) -> _Section:
    """Of what each image adds, where lineages are known; else of whole images."""
    rows = data["links"] or data["sizes"]
    kept = [row["kept"] for row in data["sizes"] if row["kept"] is not None]
    is_whole = not data["links"] and kept
    return _Section(
        title="Size and layers" if is_whole else "Size and layers, of what each adds",
        head=("name", "MB", "layers", "same layers" if is_whole else f"in {data['noun']}s"),
        rows=[
            (
                row["name"],
                f"{_megabytes(row['size'][0])} → {_megabytes(row['size'][1])}"
                f" ({_signed(row['size'][1] - row['size'][0])})",
                _number(*row["layers"]),
                str(row["kept"] if is_whole else row["targets"]),
            )
            for row in rows
            if abs(row["size"][1] - row["size"][0]) >= _LEAST
            or row["layers"][0] != row["layers"][1]
        ],
    )


def _members(row: Mapping[str, Any]) -> str:
    """The source, and what was installed of it where that says more."""
    members = row["members"]
    if list(members) == [row["name"]]:
        return str(row["name"])
    shown = ", ".join(members[:_NAMES])
    rest = f" and {len(members) - _NAMES} more" if len(members) > _NAMES else ""
    return f"{row['name']}: {shown}{rest}"


def _in(row: Mapping[str, Any]) -> str:
    """How many have it, and of which images."""
    images = row["images"]
    rest = f" and {count(len(images) - _NAMES, 'image')} more" if len(images) > _NAMES else ""
    return f"{len(row['targets'])}: {', '.join(images[:_NAMES])}{rest}"


def _unknown(data: Mapping[str, Any]) -> list[str]:
    found = []
    for key, what in (("unknown", "packages"), ("unconfigured", "configuration")):
        names = data[key]
        if names:
            rest = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
            found.append(f"Not known, the {what} of: {', '.join(names[:_NAMES])}{rest}.")
    return ["", *found] if found else []


def _number(before: int, after: int) -> str:
    return str(after) if before == after else f"{before} → {after}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"


def _signed(size: int) -> str:
    return f"{size / 1e6:+.1f} MB"
