"""Compares the images of a catalog with what the lock says of them. Nothing in them is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from builder.app.app import App
from builder.app.planning import fingerprints_of
from builder.app.sbom import Sboms
from builder.catalog.models import Target
from builder.catalog.packages import Package
from builder.catalog.selection import find
from builder.plan.models import reference
from builder.sbom.cross_check import CrossCheck, cross_check
from builder.sbom.layer_packages import LayerPackages, read_packages


def compare(app: App, text: str) -> CrossCheck:
    """Compare the image of a target with the lock. Raises StepError where it is not built yet."""
    target = find(app.project.expansion, text)
    sbom = Sboms(app).locked(target)
    found = read_packages(_layers(app, target))
    return cross_check(sbom, found, _expected(app, target, found))


def _layers(app: App, target: Target) -> Iterator[Path]:
    """Yield the layers of an image, the lowest first; each is fetched once."""
    fingerprint = fingerprints_of(app.project, app.locked())[target.id]
    image = reference(target, app.catalog, fingerprint)
    store = app.adapters.store
    with app.registry():
        for layer in store.layers(image):
            file = app.state.registry_blob(layer.digest)
            if not file.is_file():
                store.blob(image, layer, file)
            yield file


def _expected(app: App, target: Target, found: LayerPackages) -> dict[str, set[str]]:
    """Return what an image may have beside the lock: by its recipes, or with its languages."""
    expansion, catalog = app.project.expansion, app.catalog
    expected: dict[str, set[str]] = {}
    for owner in expansion.lineage(target):
        for ecosystem, names in catalog.recipes[owner.recipe].expects.items():
            expected.setdefault(ecosystem, set()).update(names)
    for item in found.installed:
        rules = catalog.ecosystems.get(item.ecosystem)
        if rules and rules.is_own(item.name, Package(version=item.version, size=1)):
            expected.setdefault(item.ecosystem, set()).add(item.name)
    return expected
