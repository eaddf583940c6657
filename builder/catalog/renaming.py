"""Gives images and charts of a catalog below the names that one above says by `as`. Pure."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from builder.catalog.models import Path
from builder.common.errors import Location
from builder.common.mappings import mapping

KEY = "as"
SECTIONS = ("images", "charts")


@dataclass(frozen=True, kw_only=True)
class Renamed:
    """An image or a chart that a catalog calls otherwise than those below; where it says so."""

    section: str
    old: str
    new: str
    catalog: str
    location: Location

    def __str__(self) -> str:
        return f"it is called {self.new} here ({self.location})"


def names_by_as(data: object, section: str) -> dict[str, str]:
    """Return the new names that a matrix says by `as`, by the old ones."""
    return {
        name: entry[KEY]
        for name, entry in mapping(data, section).items()
        if isinstance(entry, dict) and isinstance(entry.get(KEY), str)
    }


def renamed_data(data: dict[str, Any], item: Renamed, is_below: Callable[[Path], bool]) -> None:
    """Rename an entry of a merged matrix, and what names it in files of catalogs below.

    `is_below` is whether what is at a path was said by a catalog below. The entry keeps its recipe,
    and Dockerfiles that copy from it call it as before.
    """
    entries = data[item.section]
    data[item.section] = {
        item.new if name == item.old else name: _entry(entry, item) if name == item.old else entry
        for name, entry in entries.items()
    }
    for name, entry in list(data.get("images", {}).items()):
        if item.section != "images" or not isinstance(entry, dict):
            continue
        path: Path = ("images", name)
        changed = dict(entry)
        if entry.get("from") == item.old and is_below((*path, "from")):
            changed["from"] = item.new
        if isinstance(entry.get("inputs"), list):
            changed["inputs"] = [
                _input(one, item) if is_below((*path, "inputs", index)) else one
                for index, one in enumerate(entry["inputs"])
            ]
        data["images"][name] = changed
    for name, entry in list((data.get("charts") or {}).items()):
        is_of_it = isinstance(entry, dict) and entry.get("image") == item.old
        if item.section == "images" and is_of_it and is_below(("charts", name, "image")):
            data["charts"][name] = {**entry, "image": item.new}


def _entry(entry: Any, item: Renamed) -> dict[str, Any]:
    """Return an entry without `as`, with the recipe that it had by its old name."""
    kept = {key: value for key, value in entry.items() if key != KEY}
    return kept if kept.get("recipe") else {**kept, "recipe": item.old}


def _input(one: Any, item: Renamed) -> Any:
    """Return an input by its new name; its Dockerfile calls it by the old one."""
    if one == item.old:
        return {"image": item.new, "name": item.old}
    if isinstance(one, dict) and one.get("image") == item.old:
        return {**one, "image": item.new, "name": one.get("name") or item.old}
    return one


def renamed_keys(positions: MutableMapping[Path, Any], item: Renamed) -> None:
    """Give what is known by the paths of an entry its new paths."""
    above: Path = (item.section, item.old)
    moved = [path for path in positions if path[:2] == above]
    found = {path: positions.pop(path) for path in moved}
    for path, value in found.items():
        if path[2:3] != (KEY,):
            positions[(item.section, item.new, *path[2:])] = value
