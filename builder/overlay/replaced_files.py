"""The files of a catalog that stand in the place of files below: which, and what was accepted.

matrix.lock has the hash of each file that is replaced. Where the catalog below changes such a file,
the catalog is not read until somebody has looked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from builder.catalog.expansion import Expansion
from builder.catalog.models import Catalog
from builder.common.errors import BuilderError, ConfigError, Location, SelectionError, reading
from builder.common.files import write
from builder.common.hashing import digest_of
from builder.common.text import count, did_you_mean
from builder.lock import lockfile as locks
from builder.lock.lockfile import Lock
from builder.overlay.source_catalogs import CatalogFiles, SourceCatalog

SAME, CHANGED, GONE, EQUAL, NEW = (
    "same below", "changed below", "gone below", "now equal", "not recorded",
)  # fmt: skip
"""The states of a replaced file."""
_MACROS, _LIBRARY = "images/_macros/", "charts/library/"
_MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)")
_CALL = re.compile(r"\b(\w+)\s*\(")


@dataclass(frozen=True, kw_only=True)
class ReplacedFile:
    """A file of the own catalog that stands in the place of one below, or did.

    `below` is where that is, and `catalog` the name of its catalog; `label` begins its name in
    errors. `digest` is its hash now, "" where it is gone, and `recorded` that in matrix.lock, ""
    where it is not there.
    """

    path: str
    catalog: str = ""
    label: str = ""
    below: Path | None = None
    digest: str = ""
    recorded: str = ""
    is_equal: bool = False

    @property
    def state(self) -> str:
        """What became of the file below since it was accepted."""
        if not self.digest:
            return GONE
        if self.is_equal:
            return EQUAL
        if not self.recorded:
            return NEW
        return SAME if self.digest == self.recorded else CHANGED


def replaced_files(files: CatalogFiles) -> tuple[ReplacedFile, ...]:
    """Return the replaced files of the own catalog, sorted by path.

    Raises ConfigError for the own matrix.lock, and for a file that would replace another in vain.
    """
    if not files.below:
        return ()
    recorded = lock_of(files.own).replaces
    found = {item.path: item for item in _found(files, recorded)}
    for path in recorded:
        if path not in found and files.own.has(path):
            found[path] = ReplacedFile(path=path, recorded=recorded[path])
    return tuple(found[path] for path in sorted(found))


def _found(files: CatalogFiles, recorded: Mapping[str, str]) -> Iterator[ReplacedFile]:
    """Yield the files that replace one below, of the folders that the own catalog has."""
    for folder in _own_folders(files.own):
        for item in files.walk(folder):
            if item.replaced is None or item.catalog is not files.own:
                continue
            catalog, path = item.replaced
            data, name = catalog.checkout.read(path), f"{folder}/{item.name}"
            yield ReplacedFile(
                path=name,
                catalog=catalog.name,
                label=catalog.label,
                below=path,
                digest=digest_of(data),
                recorded=recorded.get(name, ""),
                is_equal=data == item.read(),
            )


def _own_folders(own: SourceCatalog) -> list[str]:
    """Return the folders of the recipes and features of a catalog, its macros and its library."""
    folders = [folder for top in ("images", "charts") for folder in (own.root / top).glob("*/")]
    folders += (own.root / "charts/features").glob("*/")
    names = {folder.relative_to(own.root).as_posix() for folder in folders}
    return sorted(names - {"charts/features"})


def errors_of_replaced(replaced: Iterable[ReplacedFile]) -> list[BuilderError]:
    """Return an error for each replaced file whose file below is another now, or is gone."""
    return [_error_of(item) for item in replaced if item.state in (CHANGED, GONE)]


def _error_of(item: ReplacedFile) -> ConfigError:
    location = Location(file=item.path)
    if item.state == GONE:
        return ConfigError(
            "this replaced a file of the catalog below, which no longer has it",
            hint="delete it; or keep it as a file of your own: `builder upstream accept --as-new"
            f" {item.path}`",
            location=location,
            id="E-REPLACED-GONE",
        )
    return ConfigError(
        f"this replaces a file of catalog {item.catalog}, which has changed it since",
        hint=f"see what is new in {item.label}{item.path}: `builder upstream show --three-way"
        f" {item.path}`; take over what you need; then `builder upstream accept {item.path}`",
        location=location,
        id="E-REPLACED-CHANGED",
    )


def to_record(replaced: Iterable[ReplacedFile]) -> dict[str, str]:
    """Return what matrix.lock is to have of replaced files: a new one is recorded unasked."""
    return {item.path: item.recorded or item.digest for item in replaced}


def accept_replaced(
    files: CatalogFiles, paths: Iterable[str], *, as_new: bool = False
) -> tuple[str, ...]:
    """Record in matrix.lock that files below are as they are now; return the paths of these.

    `as_new` says that files whose file below is gone are the catalog's own. Raises SelectionError
    for a path that replaces nothing, and ConfigError for one whose file below is gone.
    """
    replaced = {item.path: item for item in replaced_files(files)}
    lock = lock_of(files.own)
    recorded = dict(lock.replaces)
    chosen = tuple(dict.fromkeys(paths))
    for path in chosen:
        if path not in replaced:
            hint = did_you_mean(path, replaced) or "builder upstream status lists those that do"
            raise SelectionError(f"{path} replaces no file of a catalog below", hint=hint)
        item = replaced[path]
        if item.state == GONE and not as_new:
            raise _error_of(item)
        if item.state == GONE:
            del recorded[path]
        else:
            recorded[path] = item.digest
    write(files.own.root / locks.FILE, locks.dump(replace(lock, replaces=recorded)).encode())
    return chosen


def lock_of(catalog: SourceCatalog) -> Lock:
    """Return the lock of one catalog, an empty one where it has none. Raises ConfigError."""
    if not catalog.has(locks.FILE):
        return Lock()
    file = f"{catalog.label}{locks.FILE}"
    with reading(file):
        return locks.parse(catalog.text(locks.FILE), file)


def notes_of_replaced(
    replaced: Iterable[ReplacedFile], catalog: Catalog, expansion: Expansion
) -> Iterator[str]:
    """Yield what to know of replaced files: those of which many things are made, and new ones."""
    items = list(replaced)
    for item in items:
        about = f"{item.path} replaces a file of catalog {item.catalog}, and reaches"
        if item.path.startswith(_MACROS):
            reached = reached_by(PurePosixPath(item.path).name, catalog, expansion)
            yield f"{about} {len(reached)} of {count(len(expansion.targets), 'target')}"
        elif item.path.startswith(_LIBRARY):
            yield f"{about} all {count(len(catalog.matrix.charts), 'chart')}"
    if new := [item for item in items if item.state == NEW]:
        number = count(len(new), "replaced file")
        yield f"{locks.FILE} lacks the hash of {number}, as {new[0].path}: run `builder lock`"


def reached_by(file: str, catalog: Catalog, expansion: Expansion) -> set[str]:
    """Return the ids of the targets that are made with a file of macros, or stand on such a one."""
    defined = {name: set(_MACRO.findall(text)) for name, text in catalog.macros.items()}
    calls = {name: set(_CALL.findall(text)) for name, text in catalog.macros.items()}
    reaching = defined.get(file, set())
    while more := {
        macro
        for name, called in calls.items()
        if called & reaching
        for macro in defined[name] - reaching
    }:
        reaching = reaching | more
    using = {
        name
        for name, recipe in catalog.recipes.items()
        for text in (recipe.dockerfile, *recipe.appended.values())
        if reaching.intersection(_CALL.findall(text))
    }
    reached: set[str] = set()
    for key, target in expansion.targets.items():
        below = (target.parent, *(target_id for _, target_id in target.inputs))
        if (target.recipe in using and not target.is_mirrored) or reached.intersection(below):
            reached.add(key)
    return reached
