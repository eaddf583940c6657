"""Writes what a copied catalog has otherwise than its original, as a catalog on top of that."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from builder.app.first_catalog import plain
from builder.app.flattened import MODELS, as_yaml
from builder.app.load import load, upstreams
from builder.app.planning import fingerprints_of
from builder.app.source_address import extends_of
from builder.app.stacks import alone
from builder.catalog.charts import ValueSpec
from builder.catalog.difference import difference
from builder.catalog.merge import ORDER
from builder.catalog.models import Matrix
from builder.catalog.parser import layered
from builder.catalog.shared_changes import (
    Change,
    ChartPair,
    SharedPatch,
    changes_of_features,
    changes_of_values,
    said_by,
    shared_patches,
)
from builder.charts.next_version import files_of
from builder.charts.semver import FIRST
from builder.common.errors import ConfigError
from builder.common.files import write
from builder.common.limits import safe_join
from builder.common.mappings import mapping
from builder.lock.lockfile import Lock
from builder.lock.pinned import PinnedCatalog, is_exact
from builder.overlay.extends import Finding
from builder.overlay.source_catalogs import MATRIX, CatalogFiles
from builder.project import Project, Workspace

_FOLDERS = ("images", "charts")
_FETCHED = "original"
_CONTEXT = re.compile(r"(?P<folder>images/[^/]+/files)/(?P<name>.+)")
Documents = dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A catalog that was read, with its files."""

    project: Project
    files: CatalogFiles

    @property
    def matrix(self) -> dict[str, Any]:
        """Return what its matrix.yaml says, without what it stands on."""
        data = layered(self.files.texts_of(MATRIX), MATRIX, Matrix).data
        return {key: value for key, value in data.items() if key not in ("extends", "builder")}


@dataclass(frozen=True, kw_only=True)
class OtherFile:
    """A file of one of the two catalogs that is not merged by key."""

    path: str
    data: bytes
    mode: int


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """What was found: the files to write, and what they cannot say.

    `not_carried` are files that the copy removed, which no catalog on another one can.
    """

    files: Mapping[str, bytes]
    modes: Mapping[str, int]
    patches: int
    decisions: int
    not_carried: tuple[str, ...]


def opened(root: Path) -> Opened:
    """Read the catalog in a folder. Raises ConfigError with all that is wrong there."""
    project = load(root)
    return Opened(project=project, files=Workspace(project.root).files)


@dataclass(frozen=True, kw_only=True)
class Original:
    """The catalog that was copied. `extends` says where it is; `pin` what it was, if no folder."""

    catalog: Opened
    extends: Mapping[str, str]
    pin: PinnedCatalog | None = None


@contextmanager
def original(source: str, out: Path) -> Iterator[Original]:
    """Yield the catalog that was copied, from a folder, git or a registry: see `extends_of`.

    What is fetched is kept for the time of the block. Raises ConfigError where it cannot be read.
    """
    extends = extends_of(source, out)
    if "path" in extends:
        yield Original(catalog=opened(Path(source)), extends=extends)
        return
    with tempfile.TemporaryDirectory(prefix="original-") as temporary:
        root = Path(temporary).resolve()
        # A copy was made of any commit, released or not.
        said = {**extends, "name": _FETCHED, "follow": "commits"}
        write(root / MATRIX, _extends(said).encode(), lasting=False)
        workspace = Workspace(root, finding=Finding(upstreams=upstreams(root), pins=True))
        files = workspace.files
        below = files.below[-1]
        yield Original(
            catalog=Opened(
                project=alone(files, below),
                files=replace(files, catalogs=files.catalogs[: files.catalogs.index(below) + 1]),
            ),
            # An exact commit is pinned by the lock, so that `upstream update` can move on.
            extends={
                key: value for key, value in extends.items() if key != "ref" or not is_exact(value)
            },
            pin=files.pins[_FETCHED],
        )


def _extends(said: Mapping[str, str]) -> str:
    return f"extends: {{{', '.join(f'{key}: {plain(value)}' for key, value in said.items())}}}\n"


def extracted(below: Opened, copy: Opened, extends: Mapping[str, str]) -> Extracted:
    """Return the catalog that stands on `below`, where `extends` says, and is as the copy is."""
    matrix = difference(below.matrix, copy.matrix)
    documents, added, not_carried = _files(below, copy)
    pair = ChartPair(below=below.project.catalog, copy=copy.project.catalog)
    names = [name for name, chart in pair.copy.matrix.charts.items() if chart.upstream is None]
    changes = [*changes_of_values(pair, names), *changes_of_features(pair, names)]
    patches = shared_patches(changes, _facts(pair, names))
    said = [change for patch in patches for change in patch.changes]
    _take_out(said, matrix, documents, pair)
    taken = mapping(below.matrix, "patches")
    if patches:
        written = _patches(patches, below.project.catalog.matrix.name, taken)
        matrix["patches"] = {**written, **matrix.get("patches", {})}
    head = _extends({**extends, "name": _name_below(below, copy)})
    files = {MATRIX: head.encode() + (as_yaml(matrix) if matrix else b"")}
    files |= {item: as_yaml(data) for item, data in documents.items() if data}
    files |= {item.path: item.data for item in added}
    decisions = len(said) + len(added) + len(not_carried)
    leaves = {key: value for key, value in matrix.items() if key != "patches"}
    decisions += sum(map(_leaves, (leaves, *documents.values())))
    return Extracted(
        files=files,
        modes={item.path: item.mode for item in added},
        patches=len(patches),
        decisions=decisions,
        not_carried=tuple(not_carried),
    )


def _facts(pair: ChartPair, names: Sequence[str]) -> dict[str, dict[str, Sequence[str]]]:
    """Return what selectors ask of charts. They see the charts as they are before any patch."""
    return {
        name: {
            "recipe": (pair.copy.matrix.charts[name].recipe,),
            "image": (pair.copy.matrix.charts[name].image,),
            "feature": pair.features(name, pair.below),
        }
        for name in names
    }


def _leaves(data: object) -> int:
    """Return how many things a document says; a name that is new is one of them."""
    if not isinstance(data, dict):
        return 1
    return sum(map(_leaves, data.values()))


# Files.


def _files(below: Opened, copy: Opened) -> tuple[Documents, list[OtherFile], list[str]]:
    """Return what merged files say otherwise, the files that are new, and what is not carried."""
    documents: Documents = {}
    added: list[OtherFile] = []
    not_carried: list[str] = []
    old, new = dict(_walk(below.files)), dict(_walk(copy.files))
    for path, item in new.items():
        if path not in old:
            added.append(item)
        elif copy.files.is_merged(path):
            data = difference(_document(below.files, path), _document(copy.files, path))
            documents |= {path: data} if data else {}
        elif old[path] != item:
            added.append(item)  # it takes the place of the other one
    used = _used(copy)
    removed: dict[str, list[str]] = {}
    for path in old:
        match = _CONTEXT.fullmatch(path)
        if path in new or path.endswith("/README.md") or not path.startswith(used):
            continue
        if match:
            removed.setdefault(match["folder"], []).append(match["name"])
        else:
            not_carried.append(path)
    for folder, names in removed.items():
        lines = "".join(f"{name}\n" for name in names)
        added.append(OtherFile(path=f"{folder}/.removed", data=lines.encode(), mode=0o644))
    return documents, added, not_carried


def _used(opened: Opened) -> tuple[str, ...]:
    """Return the beginnings of the paths that a catalog uses: others may stay below unseen."""
    catalog = opened.project.catalog
    charts = {*catalog.charts, *catalog.upstream_charts}
    features = {
        feature
        for chart in catalog.matrix.charts.values()
        if chart.recipe in catalog.charts
        for feature in (*catalog.charts[chart.recipe].features, *chart.features)
    }
    return (
        *(f"images/{name}/" for name in ("_macros", *catalog.recipes)),
        *(f"charts/{name}/" for name in ("library", *charts)),
        *(f"charts/features/{name}/" for name in features),
    )


def _walk(files: CatalogFiles) -> Iterator[tuple[str, OtherFile]]:
    for folder in _FOLDERS:
        for item in files.walk(folder):
            path, mode = f"{folder}/{item.name}", item.catalog.checkout.mode(item.path)
            yield path, OtherFile(path=path, data=item.read(), mode=mode)


def _document(files: CatalogFiles, path: str) -> dict[str, Any]:
    name = PurePosixPath(path).name
    data = layered(files.texts_of(path), name, MODELS[name]).data
    return data if isinstance(data, dict) else {}


# What patches say is said nowhere else.


def _take_out(
    said: Iterable[Change], matrix: dict[str, Any], documents: Documents, pair: ChartPair
) -> None:
    """Take out of the differences of files what patches say of all charts that they concern."""
    for change in said:
        for name in change.charts:
            recipe = pair.copy.matrix.charts[name].recipe
            if change.key in ("features+", "features-"):
                _drop(matrix, ("charts", name), "features")
                _drop(documents.get(f"charts/{recipe}/chart.yaml", {}), (), "features")
                continue
            if change.key == "default":
                _drop(matrix, ("charts", name, "values"), change.path)
            for path, section, specs in _sources(pair, name):
                if change.path in specs and said_by(specs[change.path], change):
                    _drop(documents.get(path, {}), (section, change.path), change.key)


def _sources(pair: ChartPair, name: str) -> Iterator[tuple[str, str, Mapping[str, ValueSpec]]]:
    """Yield the files that describe the values of a chart, with what each section of them says."""
    recipe = pair.copy.matrix.charts[name].recipe
    yield f"charts/{recipe}/chart.yaml", "values", pair.copy.charts[recipe].values
    for item in pair.features(name, pair.copy):
        path, feature = f"charts/features/{item}/feature.yaml", pair.copy.features[item]
        yield path, "values", feature.values
        yield path, "changes", feature.changes


def _drop(data: dict[str, Any], path: Sequence[str], key: str) -> None:
    """Take a key out of a nested mapping, with its operators, and mappings that this empties."""
    if path:
        inner = data.get(path[0])
        if isinstance(inner, dict):
            _drop(inner, path[1:], key)
            if not inner:
                del data[path[0]]
        return
    for name in (key, f"{key}+", f"{key}-", f"+{key}"):
        data.pop(name, None)
    if key in data.get(ORDER, ()):
        data[ORDER] = [name for name in data[ORDER] if name != key]
    if not data.get(ORDER, True):
        del data[ORDER]


def _patches(
    patches: Sequence[SharedPatch], below: str, taken: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Return patches as matrix.yaml has them, by a name that is free."""
    written: dict[str, dict[str, Any]] = {}
    for patch in patches:
        groups = {change.path.partition(".")[0] for change in patch.changes}
        stem = min(groups) if len(groups) == 1 else "shared"
        stem = "".join(letter if letter.isalnum() else "-" for letter in stem.lower()).strip("-")
        names = (stem, *(f"{stem}-{number}" for number in range(2, len(patches) + 2)))
        name = next(item for item in names if item not in written and item not in taken)
        entry: dict[str, Any] = {
            "charts": patch.selector,
            "why": f"otherwise than in {below}: say here why",
        }
        for change in patch.changes:
            if change.key in ("features+", "features-"):
                entry.setdefault(change.key, []).append(change.value)
            else:
                entry.setdefault("values", {}).setdefault(change.path, {})[change.key] = (
                    change.value
                )
        written[name] = entry
    return written


# Writing, and the proof.


def write_extracted(out: Path, below: Original, copy: Opened) -> tuple[Extracted, list[str]]:
    """Write the catalog to a folder, and return it with the paths that are not as in the copy.

    Raises ConfigError where the folder has something.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} is not empty", hint="name a new folder with --out")
    found = extracted(below.catalog, copy, below.extends)
    for path, data in found.files.items():
        write(safe_join(out, path), data, found.modes.get(path, 0o644), lasting=False)
    lock, chosen = copy.project.lock or Lock(), dict[str, PinnedCatalog]()
    if below.pin is not None:
        chosen = {_name_below(below.catalog, copy): replace(below.pin, source=_source(below))}
        lock = replace(lock, upstreams=chosen)
    finding = Finding(upstreams=upstreams(out.resolve()), chosen=chosen)
    # It guards files that are replaced.
    Workspace(out.resolve(), finding=finding).write_lock(lock)
    return found, different(opened(out), copy)


def _source(below: Original) -> dict[str, str]:
    return {key: value for key, value in below.extends.items() if key != "name"}


def _name_below(below: Opened, copy: Opened) -> str:
    """Return what the catalog below is called in the new one, which may have its name."""
    name = below.project.catalog.matrix.name
    return name if copy.project.catalog.matrix.name != name else "upstream"


def different(one: Opened, other: Opened) -> list[str]:
    """Return what two catalogs do not have alike: keys of the matrix, targets, files of charts."""
    said, copied = (_said(item.matrix) for item in (one, other))
    keys = sorted({*said, *copied})
    found = [f"{MATRIX}: {key}" for key in keys if said.get(key) != copied.get(key)]
    prints, others = (_prints(item.project) for item in (one, other))
    found += sorted(
        f"image {key}" for key in {*prints, *others} if prints.get(key) != others.get(key)
    )
    names = dict.fromkeys((*one.project.expansion.charts, *other.project.expansion.charts))
    for name in names:
        files, rest = (_chart(item.project, name) for item in (one, other))
        found += sorted(
            f"charts/{name}/{path}" for path in {*files, *rest} if files.get(path) != rest.get(path)
        )
    return found


def _said(matrix: Mapping[str, Any]) -> dict[str, str]:
    """Return what a matrix says, but of charts: those are held against one another as rendered."""
    said = {key: value for key, value in matrix.items() if key not in ("patches", "charts", "lock")}
    for axis, values in said.pop("axes", {}).items():
        said |= {f"axes.{axis}": values, f"the order of axes.{axis}": list(values)}
    said |= {f"images.{name}": value for name, value in said.pop("images", {}).items()}
    return {key: json.dumps(value, sort_keys=True, default=str) for key, value in said.items()}


def _prints(project: Project) -> dict[str, str]:
    found = fingerprints_of(project, project.lock or Lock())
    tests = {name: recipe.tests_hash for name, recipe in project.catalog.recipes.items()}
    targets = project.expansion.targets
    return {key: f"{item.digest} {tests[targets[key].recipe]}" for key, item in found.items()}


def _chart(project: Project, name: str) -> dict[str, bytes]:
    """Return the files of a chart of ours, nothing where there is none."""
    if name not in project.expansion.charts or project.catalog.matrix.charts[name].upstream:
        return {}
    image = project.catalog.matrix.repository_of(project.catalog.matrix.charts[name].image)
    return files_of(project.catalog, name, [image], FIRST)
