"""Writes a catalog that stands on others as one that stands alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from builder.app.pruned_data import without
from builder.catalog.merge import MergedDocument
from builder.catalog.models import ChartFile, FeatureFile, Matrix, RecipeFile, UpstreamChartFile
from builder.catalog.parser import layered
from builder.catalog.patch import KINDS
from builder.common.errors import ConfigError
from builder.common.yaml_writer import emitter
from builder.lock import lockfile
from builder.overlay.source_catalogs import MATRIX, CatalogFiles, FoundFile
from builder.project import Project

_OF_STACK = ("extends", "builder", "tests")
"""Keys that a catalog lacks that stands alone."""
_APPENDED = "Dockerfile.append.j2"
_FOLDERS = ("images", "charts")
MODELS = {
    "recipe.yaml": RecipeFile,
    "chart.yaml": ChartFile,
    "upstream.yaml": UpstreamChartFile,
    "feature.yaml": FeatureFile,
}


@dataclass(frozen=True, kw_only=True)
class FlatFile:
    """A file of the catalog that stands alone."""

    path: str
    data: bytes
    mode: int = 0o644


def flattened(project: Project, files: CatalogFiles) -> Iterator[FlatFile]:
    """Yield the files of a catalog that has the same targets, fingerprints and charts by itself.

    Raises ConfigError for a patch that selects by a catalog, of which there is one then.
    """
    matrix = layered(files.texts_of(MATRIX), MATRIX, Matrix)
    yield FlatFile(path=MATRIX, data=as_yaml(without(_alone(matrix), project.declared.pruned)))
    if project.lock is not None:
        lock = replace(project.lock, upstreams={}, replaces={})
        yield FlatFile(path=lockfile.FILE, data=lockfile.dump(lock).encode())
    for folder in _FOLDERS:
        found = {f"{folder}/{item.name}": item for item in files.walk(folder)}
        for path, item in found.items():
            if path.replace("/slots/+", "/slots/") in found and "/slots/+" in path:
                continue  # it is at the end of that slot
            data = _data(files, path, item, found.get(path.replace("/slots/", "/slots/+")))
            yield FlatFile(path=path, data=data, mode=item.catalog.checkout.mode(item.path))


def _data(files: CatalogFiles, path: str, item: FoundFile, added: FoundFile | None) -> bytes:
    """Return what one file has that does what those of all catalogs do."""
    name, model = item.path.name, MODELS.get(item.path.name)
    if model and files.is_merged(path) and len(texts := files.texts_of(path)) > 1:
        return as_yaml(layered(texts, name, model).data)
    if name == _APPENDED and len(item.parts) > 1:
        return b"".join(_apart(text) for text in item.texts())
    if added and added is not item:
        return item.read().strip() + b"\n" + added.read().strip() + b"\n"
    return item.read()


def _apart(template: bytes) -> bytes:
    """Return a template for a file of several: what it sets is seen in none of the others."""
    return b"{% with %}\n" + template.rstrip(b"\n") + b"\n{% endwith %}\n"


def _alone(matrix: MergedDocument) -> dict[str, Any]:
    """Return a matrix without what it stands on; patches of upper catalogs count as before."""
    data = {key: value for key, value in matrix.data.items() if key not in _OF_STACK}
    if "lock" in data:
        data["lock"] = {key: value for key, value in data["lock"].items() if key != "from"}
    patches = {}
    lowest = None
    for name, patch in data.get("patches", {}).items():
        catalog = matrix.catalog_of(("patches", name))
        lowest = catalog if lowest is None else lowest
        kind = next(kind for kind in KINDS if kind in patch)
        for key in (kind, "except"):
            if "from-catalog=" in str(patch.get(key, "")):
                raise ConfigError(
                    f"patch {name!r} selects by a catalog, and there is one then",
                    hint=f"select these {kind} by their names, recipes or features",
                    location=matrix.at(("patches", name, key)),
                )
        patches[name] = patch if catalog == lowest else {**patch, "override": True}
    return {**data, "patches": patches} if patches else data


def as_yaml(data: Any) -> bytes:
    """Return data as a file of a catalog; its names keep their order."""
    text, yaml = io.StringIO(), emitter()
    # The first of some names is the default. Stubs take the attribute for None.
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(data, text)
    return text.getvalue().encode()
