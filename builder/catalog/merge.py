"""Lays the files of one catalog over those of another one, by key. Pure.

The result is one document: its data is merged, and each part of it has the location where it was
written, in whichever file. `origins` says what each value was before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from builder.catalog.models import Path
from builder.catalog.patch import APPENDING
from builder.catalog.renaming import KEY, SECTIONS, Renamed, names_by_as, renamed_data, renamed_keys
from builder.catalog.schema_check import is_required
from builder.catalog.yaml_document import Document
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.mappings import mapping
from builder.common.text import did_you_mean, listed

ORDER, REPLACE, REST = "$order", "$replace", "*"
_THINGS = {"axes": "axis", "images": "image", "charts": "chart"}
_OPERATORS = ("+", "-")
_PATCHES: Path = ("patches",)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A file as one catalog has it; `catalog` is the name of that catalog in messages."""

    catalog: str
    document: Document


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A place where a value was set. `rule` is set, merged, appended, put first or removed."""

    catalog: str
    location: Location
    rule: str
    value: Any


class _Place(NamedTuple):
    """A position in the document of a layer."""

    layer: Layer
    line: int
    column: int

    @property
    def location(self) -> Location:
        return self.layer.document.location(self.line, self.column)


@dataclass(frozen=True, kw_only=True)
class MergedDocument(Document):
    """A document that several catalogs have a part in."""

    places: Mapping[Path, _Place] = field(default_factory=dict)
    key_places: Mapping[Path, _Place] = field(default_factory=dict)
    touched: Mapping[Path, tuple[Origin, ...]] = field(default_factory=dict)
    top: str = ""  # the name of the own catalog, as that of its layer
    renamed: tuple[Renamed, ...] = ()

    def at(self, path: Path) -> Location:
        """Return the location of the value at `path`, or of the mapping or list around it."""
        return self._found(path, self.places)

    def at_key(self, path: Path) -> Location:
        """Return the location of the key of `path`."""
        return self._found(path, self.key_places)

    def _found(self, path: Path, places: Mapping[Path, _Place]) -> Location:
        place = places.get(path)
        while place is None and path:
            path = path[:-1]
            place = self.key_places.get(path) or self.places.get(path)
        return place.location if place else Location(file=self.file)

    def removed(self, path: Path) -> Location | None:
        """Return where a catalog removed what was at `path`, if one did."""
        last = self.touched[path][-1] if path in self.touched else None
        return last.location if last and last.rule == "removed" else None

    def removed_names(self, path: Path) -> tuple[str, ...]:
        """Return the keys that a catalog took out of the mapping at `path`."""
        return tuple(str(key[-1]) for key in self.touched if key[:-1] == path and self.removed(key))

    def own(self, path: Path) -> Location | None:
        """Return where the own catalog says something of what is at `path`, or of what is around
        it, if it does.
        """
        while path:
            place = self.key_places.get(path) or self.places.get(path)
            if place is not None and place.layer.catalog == self.top:
                return place.location
            if path in self.touched:
                own = [origin for origin in self.touched[path] if origin.catalog == self.top]
                return own[-1].location if own else None
            if place is not None:
                return None
            path = path[:-1]
        return None

    def called(self, section: str, name: str) -> str:
        """Return a hint where a catalog calls an image or a chart of this name otherwise."""
        found = [item for item in self.renamed if (item.section, item.old) == (section, name)]
        return str(found[-1]) if found else ""

    def former_names(self, section: str, name: str) -> tuple[str, ...]:
        """Return the names by which catalogs below know an image or a chart."""
        names: list[str] = []
        for item in reversed(self.renamed):
            if item.section == section and item.new == (names[-1] if names else name):
                names.append(item.old)
        return tuple(names)

    def catalog_of(self, path: Path) -> str:
        """Return the lowest catalog that declares what is at `path`."""
        return next((origin.catalog for origin in self.origins(path)), "")

    def origins(self, path: Path) -> tuple[Origin, ...]:
        """Return the places that set the value at `path`, the lowest catalog first."""
        if path in self.touched:
            return self.touched[path]
        place = self.places.get(path)
        if place is None:
            return ()
        value = _value_at(self.data, path)
        return (
            Origin(catalog=place.layer.catalog, location=place.location, rule="set", value=value),
        )


def merge(
    layers: Sequence[Layer], model: type, *, own_keys: Sequence[str] = ()
) -> tuple[MergedDocument, list[BuilderError]]:
    """Return the documents of several catalogs as one, the lowest first, and what is wrong.

    `own_keys` are keys at the top that say something of one catalog only: the last one's count.
    """
    merger = _Merger(layers[0], model)
    for layer in layers[1:]:
        for key in own_keys:
            merger.data.pop(key, None)
        known = {section: set(mapping(merger.data, section)) for section in SECTIONS}
        merger.lay(layer)
        merger.rename(known)
    document = MergedDocument(
        file=layers[-1].document.file,
        lines=layers[-1].document.lines,
        data=merger.data,
        raw=merger.raw,
        places=merger.places,
        key_places=merger.key_places,
        touched={path: tuple(origins) for path, origins in merger.touched.items()},
        top=layers[-1].catalog,
        renamed=tuple(merger.renamed),
    )
    return document, merger.errors


class _Merger:
    """A document to which others are added."""

    def __init__(self, lowest: Layer, model: type) -> None:
        document = lowest.document
        self._model = model
        self._layer = lowest
        self.data: Any = dict(document.data) if isinstance(document.data, dict) else {}
        self.places = {path: _Place(lowest, *at) for path, at in document.values.items()}
        self.key_places = {path: _Place(lowest, *at) for path, at in document.keys.items()}
        self.raw = dict(document.raw)
        self.touched: dict[Path, list[Origin]] = {}
        self.renamed: list[Renamed] = []
        self.errors: list[BuilderError] = []

    def lay(self, layer: Layer) -> None:
        """Lay the document of one more catalog over what there is."""
        self._layer = layer
        if not isinstance(layer.document.data, dict):
            self._fail("E-MERGE-TYPE", "not a mapping", ())
            return
        self.places[()] = self._place(())
        self.data = self._mapping(self.data, layer.document.data, ())

    def rename(self, known: Mapping[str, Collection[str]]) -> None:
        """Give what the last document calls otherwise its new names; `known` are those below."""
        for section in SECTIONS:
            for old, new in names_by_as(self._layer.document.data, section).items():
                path: Path = (section, old, KEY)
                if old not in known[section]:
                    message = f"there is no {_thing((section,))} {old!r} below to call otherwise"
                    hint = did_you_mean(old, known[section])
                    self._fail("E-MERGE-NOTHING", message, path, hint)
                elif new in self.data[section]:
                    message = f"there is {_thing((section,))} {new!r} already"
                    self._fail("E-MERGE-PRESENT", message, path, "give it another name")
                else:
                    self._rename(section, old, new)

    def _rename(self, section: str, old: str, new: str) -> None:
        item = Renamed(
            section=section,
            old=old,
            new=new,
            catalog=self._layer.catalog,
            location=self._layer.document.at((section, old, KEY)),
        )
        self.renamed.append(item)
        for positions in (self.places, self.key_places, self.raw, self.touched):
            renamed_keys(positions, item)
        self.data = dict(self.data)

        def is_below(path: Path) -> bool:
            place = self.places.get(path)
            return place is not None and place.layer is not self._layer

        renamed_data(self.data, item, is_below)

    # Mappings.

    def _mapping(self, below: dict[str, Any], above: dict[str, Any], path: Path) -> dict[str, Any]:
        merged = dict(below)
        if REPLACE in above:
            self._check_replace(below, above[REPLACE], path)
            merged = {}
        for key, value in above.items():
            if key in (ORDER, REPLACE):
                continue
            name = None if _is_said_so(path, key) else _operand(key)
            if name is None or not isinstance(value, list | dict):
                self._member(merged, key, value, (*path, key))
            elif name in above:
                message = f"{name!r} and {key!r} are both here: one replaces what the other changes"
                self._fail("E-MERGE-BOTH", message, (*path, key), "keep one of them")
            else:
                self._operate(merged, key, name, value, path)
        return self._ordered(merged, above[ORDER], path) if ORDER in above else merged

    def _member(self, merged: dict[str, Any], key: str, value: Any, path: Path) -> None:
        """Set, merge or remove one member of a mapping."""
        if key not in merged:
            if value is None and merged:
                self._fail_nothing(path, merged)
                return
            if isinstance(value, dict) and REPLACE in value:
                self._check_replace({}, value[REPLACE], path)
                return
            merged[key] = value
            self._take(value, path, path, "set")
            return
        old = merged[key]
        if value is None:
            self._remove(merged, path)
        elif isinstance(value, dict) and (isinstance(old, dict) or old is None):
            self.key_places.setdefault(path, self._key_place(path))
            merged[key] = self._mapping(old or {}, value, path)
            self._note(path, "merged", merged[key], old)
        elif isinstance(value, dict) or isinstance(old, dict):
            kinds = f"{_kind(old)} below, and {_kind(value)} here"
            self._fail(
                "E-MERGE-TYPE", f"{_shown(path)} is {kinds}", path, f"below: {self._at(path)}"
            )
        else:
            self._take(value, path, path, "set", old)
            merged[key] = value

    def _remove(self, merged: dict[str, Any], path: Path) -> None:
        if is_required(self._model, path):
            message = f"{_shown(path)} is required, and cannot be removed"
            self._fail("E-MERGE-REQUIRED", message, path)
            return
        self._note(path, "removed", None, merged.pop(str(path[-1])))

    def _check_replace(self, below: dict[str, Any], value: Any, path: Path) -> None:
        if value is not True:
            self._fail("E-MERGE-TYPE", f"{REPLACE} must be true", (*path, REPLACE))
        elif not below:
            message = f"there is nothing below {_shown(path)} to replace"
            self._fail("E-MERGE-NOTHING", message, (*path, REPLACE))

    def _ordered(self, merged: dict[str, Any], order: Any, path: Path) -> dict[str, Any]:
        if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
            self._fail("E-MERGE-TYPE", f"{ORDER} must be a list of names", (*path, ORDER))
            return merged
        for index, name in enumerate(order):
            if name not in merged and name != REST:
                hint = did_you_mean(name, merged)
                message = f"there is no {_thing(path)} {name!r} to order"
                self._fail("E-NAME-UNKNOWN", message, (*path, ORDER, index), hint)
        rest = [name for name in merged if name not in order]
        cut = order.index(REST) if REST in order else len(order)
        names = [*order[:cut], *rest, *order[cut + 1 :]]
        return {name: merged[name] for name in names if name in merged}

    # Operators: `key+`, `key-` and `+key`.

    def _operate(self, merged: dict[str, Any], key: str, name: str, value: Any, path: Path) -> None:
        target, source = (*path, name), (*path, key)
        old = merged.get(name)
        if isinstance(value, dict):
            if key != f"{name}+" or not isinstance(old, dict | None):
                message = f"{key!r} is for lists, and {_shown(target)} is {_kind(old)}"
                self._fail("E-MERGE-TYPE", message, source)
                return
            merged[name] = {**(old or {}), **value}
            for member, item in value.items():
                self._take(
                    item, (*target, member), (*source, member), "set", (old or {}).get(member)
                )
            return
        if not isinstance(old, list | None):
            kind = f"{key!r} is for lists, and {_shown(target)} is {_kind(old)}"
            self._fail("E-MERGE-TYPE", kind, source, f"below: {self._at(target)}")
            return
        old = old or []
        if key.endswith("-"):
            self._cut(merged, name, value, path)
            return
        added = [(index, item) for index, item in enumerate(value) if item not in old]
        if not added:
            has = listed([str(item) for item in value])
            message = f"{_shown(target)} has {has} already"
            self._fail("E-MERGE-PRESENT", message, source, "take this line out")
            return
        before = self._items(old, target)
        new = [(item, self._layer, (*source, index)) for index, item in added]
        is_first = key.startswith("+")
        self._note(target, "put first" if is_first else "appended", value, old, source)
        merged[name] = self._placed([*new, *before] if is_first else [*before, *new], target)

    def _cut(self, merged: dict[str, Any], name: str, value: list[Any], path: Path) -> None:
        """Remove items of a list."""
        target, source = (*path, name), (*path, f"{name}-")
        old = merged.get(name) or []
        for index, item in enumerate(value):
            if item not in old:
                hint = did_you_mean(str(item), [one for one in old if isinstance(one, str)])
                message = f"{_shown(target)} has no {item!r} to remove"
                self._fail("E-MERGE-ABSENT", message, (*source, index), hint)
        kept = [entry for entry in self._items(old, target) if entry[0] not in value]
        self._note(target, "removed", value, old, source)
        merged[name] = self._placed(kept, target)

    def _items(self, items: list[Any], path: Path) -> list[tuple[Any, Any, Path]]:
        """Return the items of a list with where they are now, so that they may move."""
        return [
            (
                item,
                {
                    below: (
                        self.places.get((*path, index, *below)),
                        self.raw.get((*path, index, *below)),
                    )
                    for below in _paths(item)
                },
                (*path, index),
            )
            for index, item in enumerate(items)
        ]

    def _placed(self, entries: list[tuple[Any, Any, Path]], path: Path) -> list[Any]:
        """Return the items of a list, each of whose parts has its place by its new index."""
        for index, (item, where, source) in enumerate(entries):
            if isinstance(where, Layer):
                self._take(item, (*path, index), source, "appended")
                continue
            for below, (place, raw) in where.items():
                if place is not None:
                    self.places[(*path, index, *below)] = place
                if raw is not None:
                    self.raw[(*path, index, *below)] = raw
        return [item for item, _, _ in entries]

    # Places.

    def _take(self, value: Any, path: Path, source: Path, rule: str, old: Any = None) -> None:
        """Note that a value, with all below it, comes from this document: there at `source`."""
        self._note(path, rule, value, old, source)
        document = self._layer.document
        for below in _paths(value):
            self.places[(*path, *below)] = self._place((*source, *below))
            self.key_places[(*path, *below)] = self._key_place((*source, *below))
            if (*source, *below) in document.raw:
                self.raw[(*path, *below)] = document.raw[(*source, *below)]

    def _note(
        self, path: Path, rule: str, value: Any, old: Any, source: Path | None = None
    ) -> None:
        """Note one more origin of a value; the first one is that of the catalog below."""
        origins = self.touched.setdefault(path, [])
        if not origins and path in self.places and old is not None:
            place = self.places[path]
            origins.append(
                Origin(catalog=place.layer.catalog, location=place.location, rule="set", value=old)
            )
        is_gone = rule == "removed" and source is None
        place = self._key_place(path) if is_gone else self._place(source or path)
        location = place.location
        origins.append(
            Origin(catalog=self._layer.catalog, location=location, rule=rule, value=value)
        )

    def _place(self, path: Path) -> _Place:
        document = self._layer.document
        return _Place(
            self._layer, *(document.values.get(path) or document.keys.get(path) or (1, 1))
        )

    def _key_place(self, path: Path) -> _Place:
        document = self._layer.document
        return _Place(
            self._layer, *(document.keys.get(path) or document.values.get(path) or (1, 1))
        )

    def _at(self, path: Path) -> Location | str:
        return self.places[path].location if path in self.places else "nothing"

    def _fail(self, id: str, message: str, path: Path, hint: str = "") -> None:
        document = self._layer.document
        is_item = bool(path) and isinstance(path[-1], int)
        location = document.at(path) if is_item else document.at_key(path)
        self.errors.append(ConfigError(message, hint=hint, location=location, id=id))

    def _fail_nothing(self, path: Path, there: Mapping[str, Any]) -> None:
        message = f"there is no {_thing(path[:-1])} {path[-1]!r} to remove"
        called = [it for it in self.renamed if (it.section, it.old) == path]
        hint = str(called[-1]) if called else did_you_mean(str(path[-1]), there)
        self._fail("E-MERGE-NOTHING", message, path, hint)


def _is_said_so(path: Path, key: str) -> bool:
    """Whether a key that looks like an operator is one of what patches, or heads of charts, say."""
    return key in APPENDING and (path[:1] == _PATCHES or path[-1:] == ("head",))


def _operand(key: str) -> str | None:
    """Return the key that an operator changes; None for a key that is none."""
    if key.startswith("+"):
        return key[1:]
    return key[:-1] if key.endswith(_OPERATORS) else None


def _paths(value: Any) -> Iterator[Path]:
    """Yield the path of a value itself, `()`, and of each part of it."""
    yield ()
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        for below in _paths(item):
            yield (key, *below)


def _value_at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _thing(path: Path) -> str:
    """Return what a key of the mapping at `path` is called in messages."""
    if len(path) == 2 and path[0] == "axes":
        return "value"
    return _THINGS.get(str(path[0]), "key") if len(path) == 1 else "key"


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else "a single value"


def _shown(path: Path) -> str:
    return ".".join(map(str, path)) or "the file"
