"""Catalogs that stand on others: what a plan of one costs, and laying three together."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from builder.app.app import App
from builder.app.load import load
from builder.app.options import Options
from builder.catalog.merge import Layer, merge
from builder.catalog.models import Matrix
from builder.catalog.yaml_document import load as read
from builder.overlay.source_catalogs import MATRIX
from builder.project import Workspace
from tests.fakes.archive import CATALOGS, OLD_CATALOG


def ratio(timed: Callable[[Callable[[], object]], float]) -> float:
    """How much longer a plan takes where two lines stand on the catalog that it is of."""
    with tempfile.TemporaryDirectory() as folder:
        text = f"extends: {{path: {OLD_CATALOG}, name: below}}\ncatalog: {{name: two-lines}}\n"
        Path(folder, MATRIX).write_text(text)
        alone, above = (
            timed(lambda root=root: _plan(root)) for root in (OLD_CATALOG, Path(folder))
        )
    return above / alone


def _plan(root: Path) -> None:
    options = Options(today="2026-11-23", block_unlocked=True)
    App(load(root), options).plan(offline=True, to_run=False)


def merging() -> Callable[[], object]:
    """What lays the matrices of the school, of the office and of what these stand on together."""
    texts = Workspace(CATALOGS / "school").files.texts_of(MATRIX)
    layers = [Layer(catalog=it.catalog, document=read(it.text, it.file)[0]) for it in texts]
    assert len(layers) == 3
    return lambda: merge(layers, Matrix)
