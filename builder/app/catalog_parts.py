"""Finds which catalog brought each part of a target or of a chart, where one stands on others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from builder.catalog.merge import MergedDocument
from builder.catalog.models import Chart, ChartFile, Matrix, Path, Recipe, RecipeFile, Target
from builder.catalog.parser import layered
from builder.catalog.patch import Packages, Patch
from builder.catalog.recipe import BuildVariables, holds
from builder.common.errors import Location
from builder.common.skipped_tests import FILE, skipped_tests
from builder.overlay.replaced_files import lock_of
from builder.overlay.source_catalogs import MATRIX, CatalogFiles
from builder.overlay.suites import is_test
from builder.project import Project, shared_files

PACKAGES, FEATURES, FILES, LOCK, TESTS = SECTIONS = (
    "packages", "features", "files", "lock", "tests",
)  # fmt: skip
_NOT_BUILT = ("tests/", "README.md")


@dataclass(frozen=True, kw_only=True)
class CatalogPart:
    """A part of a target or a chart, and the catalog that brought it.

    `place` is where that says so, without the name of the catalog, and `note` what else is known.
    """

    section: str
    name: str
    catalog: str
    place: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class PartFinder:
    """Finds the parts of what a project has."""

    files: CatalogFiles
    project: Project

    def of_target(self, target: Target, variables: BuildVariables) -> Iterator[CatalogPart]:
        """Yield the parts of a target: what it adds to its parent, and the tests of its lineage."""
        recipe = self.project.catalog.recipes[target.recipe]
        if not target.is_mirrored:
            yield from self._packages(recipe, variables)
            yield from self._files(self.files, f"images/{recipe.name}")
        yield from self._locked(target)
        lineage = self.project.expansion.lineage(target)
        for name in dict.fromkeys(ancestor.recipe for ancestor in lineage):
            yield from self._tests(f"images/{name}/tests")

    def of_chart(self, chart: Chart) -> Iterator[CatalogPart]:
        """Yield the parts of a chart: its features, their files and its own, and its tests."""
        folder = f"charts/{chart.recipe}"
        if chart.upstream is None:
            features = list(self._features(chart))
            yield from features
            for name in dict.fromkeys(item.name for item in features):
                below = f"charts/features/{name}"
                files, above = self.files, below
                if not self.files.has(f"{below}/feature.yaml"):
                    files, shared = shared_files("features")
                    above = f"{shared}/{name}"
                yield from _as_one(list(self._files(files, above, below)), below)
        yield from self._files(self.files, folder)
        if self.project.lock and chart.name in self.project.lock.charts:
            yield self._entry("charts", chart.name)
        yield from self._tests(f"{folder}/tests")

    def _packages(self, recipe: Recipe, variables: BuildVariables) -> Iterator[CatalogPart]:
        texts = self.files.texts_of(f"images/{recipe.name}/recipe.yaml")
        document = layered(texts, "recipe.yaml", RecipeFile)
        blocks: list[tuple[Path, Packages]] = [((), recipe.packages)]
        blocks += [
            (("when", extra.condition), extra.packages)
            for extra in recipe.when
            if holds(extra.condition, variables)
        ]
        for above, packages in blocks:
            for ecosystem, names in packages.items():
                for name in names:
                    yield self._package(document, recipe, above, ecosystem, name)

    def _package(
        self, document: MergedDocument, recipe: Recipe, above: Path, ecosystem: str, name: str
    ) -> CatalogPart:
        """Return who asked for a package: a file of the recipe, or a patch."""
        shown = f"{ecosystem} {name}"
        path = (*above, "packages", ecosystem)
        listed = _at(document, path)
        if name in listed:
            return self._at(PACKAGES, shown, document.at((*path, listed.index(name))))
        matrix = self._matrix
        for patch in self._patches_of("recipes", recipe.name):
            for key in ("packages+", "packages"):
                path = ("patches", patch.name, *above, key, ecosystem)
                listed = _at(matrix, path)
                if name in listed:
                    place = matrix.at((*path, listed.index(name)))
                    return self._at(PACKAGES, shown, place, f"patch {patch.name}: {patch.why}")
        return CatalogPart(section=PACKAGES, name=shown, catalog=self.files.own.name)

    def _features(self, chart: Chart) -> Iterator[CatalogPart]:
        recipe = self.project.catalog.charts[chart.recipe]
        texts = self.files.texts_of(f"charts/{recipe.name}/chart.yaml")
        document = layered(texts, "chart.yaml", ChartFile)
        listed = _at(document, ("features",))
        for name in dict.fromkeys((*recipe.features, *chart.features)):
            if name in chart.dropped:
                continue
            if name in chart.features:
                adding = [
                    patch for patch in self._patches_of("charts", chart.name)
                    if name in patch.more_features
                ]  # fmt: skip
                note = f"patch {adding[-1].name}: {adding[-1].why}" if adding else ""
                yield self._at(FEATURES, name, chart.at("features", name), note)
            else:
                place = document.at(("features", listed.index(name)) if name in listed else ())
                yield self._at(FEATURES, name, place)

    def _files(self, files: CatalogFiles, folder: str, shown: str = "") -> Iterator[CatalogPart]:
        for item in files.walk(folder):
            if item.name.startswith(_NOT_BUILT):
                continue
            path = f"{folder}/{item.name}"
            if files.is_merged(path):
                names = [text.catalog for text in files.texts_of(path)]
            else:
                names = [catalog.name for catalog, _ in item.parts]
            note = f"in the place of that of {item.replaced[0].name}" if item.replaced else ""
            name = f"{shown or folder}/{item.name}"
            yield CatalogPart(section=FILES, name=name, catalog=", ".join(names), note=note)

    def _tests(self, folder: str) -> Iterator[CatalogPart]:
        for item in self.files.walk(folder):
            path = f"{folder}/{item.name}"
            if is_test(item.name):
                note = f"in the place of that of {item.replaced[0].name}" if item.replaced else ""
                yield CatalogPart(section=TESTS, name=path, catalog=item.catalog.name, note=note)
            if item.name == FILE:
                for text in self.files.texts_of(path):
                    for skip in skipped_tests(text.text):
                        place = Location(file=text.file, line=skip.line, column=1)
                        yield self._at(TESTS, skip.name, place, f"skipped: {skip.reason}")

    def _locked(self, target: Target) -> Iterator[CatalogPart]:
        """Yield the entries of the lock that a target needs beside those of its ancestors."""
        lock = self.project.lock
        if lock is None:
            return
        if target.is_root and target.parent in lock.bases:
            yield self._entry("bases", target.parent)
        for line in target.variant.value_ids:
            if line in lock.release_lines:
                yield self._entry("release_lines", line)
        if target.made_id in lock.package_sets:
            yield self._entry("package_sets", target.made_id)

    def _entry(self, section: str, key: str) -> CatalogPart:
        """Return an entry of the lock: of the uppermost catalog that has it as it counts."""
        counts = getattr(self.project.lock, section)[key]
        locks = {item: getattr(lock_of(item), section) for item in self.files.catalogs}
        having = [item for item in self.files.catalogs if locks[item].get(key) == counts]
        owner = having[-1] if having else self.files.own
        note = "own" if owner is self.files.own else "inherited"
        name = f"{section.replace('_', ' ')} {key}"
        return CatalogPart(section=LOCK, name=name, catalog=owner.name, note=note)

    def _at(self, section: str, name: str, location: Location, note: str = "") -> CatalogPart:
        """Return a part that a file asks for."""
        owners = (item for item in self.files.below if location.file.startswith(item.label))
        owner = next(owners, self.files.own)
        place = str(location).removeprefix(owner.label)
        return CatalogPart(section=section, name=name, catalog=owner.name, place=place, note=note)

    @property
    def _matrix(self) -> MergedDocument:
        return layered(self.files.texts_of(MATRIX), MATRIX, Matrix)

    def _patches_of(self, kind: str, name: str) -> list[Patch]:
        """Return the patches of a kind that selected an object, in their order."""
        matrix = self.project.catalog.matrix
        return [
            patch
            for patch in matrix.patches.values()
            if getattr(patch, kind) and name in matrix.matched.get(patch.name, ())
        ]


def _as_one(parts: list[CatalogPart], folder: str) -> list[CatalogPart]:
    """Return the files of a folder as one part, where one catalog has brought all of them."""
    if len(parts) < 2 or len({part.catalog for part in parts}) > 1:
        return parts
    return [replace(parts[0], name=f"{folder}/: {len(parts)} files")]


def _at(document: MergedDocument, path: Iterable[str | int]) -> list[object]:
    """Return the list at a path of a document, an empty one where there is none."""
    data = document.data
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data if isinstance(data, list) else []
