"""Writes a catalog that stands on others as one that stands alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from builder.catalog.merge import MergedDocument
from builder.catalog.models import ChartFile, FeatureFile, Matrix, RecipeFile, UpstreamChartFile
from builder.catalog.parser import layered
from builder.common.errors import ConfigError
from builder.common.yaml_writer import emitter
from builder.lock import lockfile
from builder.project import Project
from builder.source_catalogs import MATRIX, CatalogFiles

_OF_STACK = ("extends", "builder", "tests")
"""Keys that a catalog lacks that stands alone."""
_FOLDERS = ("images", "charts")
_MODELS = {
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
    yield FlatFile(path=MATRIX, data=_yaml(_alone(matrix)))
    if project.lock is not None:
        lock = replace(project.lock, upstreams={}, replaces={})
        yield FlatFile(path=lockfile.FILE, data=lockfile.dump(lock).encode())
    for folder in _FOLDERS:
        for name, catalog, path in files.walk(folder):
            shown, model = f"{folder}/{name}", _MODELS.get(path.name)
            data = catalog.checkout.read(path)
            if model and files.is_merged(shown) and len(texts := files.texts_of(shown)) > 1:
                data = _yaml(layered(texts, path.name, model).data)
            yield FlatFile(path=shown, data=data, mode=catalog.checkout.mode(path))


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
        for key in ("charts", "except"):
            if "from-catalog=" in str(patch.get(key, "")):
                raise ConfigError(
                    f"patch {name!r} selects by a catalog, and there is one then",
                    hint="select these charts by their names, recipes or features",
                    location=matrix.at(("patches", name, key)),
                )
        patches[name] = patch if catalog == lowest else {**patch, "override": True}
    return {**data, "patches": patches} if patches else data


def _yaml(data: Any) -> bytes:
    text, yaml = io.StringIO(), emitter()
    # The first of some names is the default. Stubs take the attribute for None.
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(data, text)
    return text.getvalue().encode()
