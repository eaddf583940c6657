"""The folders of a catalog: reads them, and writes the lock. `common.files` alone writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

from builder.catalog.ecosystem import EcosystemRules, Ecosystems
from builder.catalog.evaluation import CatalogFolders, evaluated
from builder.catalog.expansion import Expansion
from builder.catalog.models import (
    Catalog,
    ChartFeature,
    Matrix,
    Network,
    Pin,
    Recipe,
    RecipeFile,
)
from builder.catalog.models import Path as KeyPath
from builder.catalog.own_places import own_places, with_own_places
from builder.catalog.package_names import check_recipes
from builder.catalog.parser import (
    CHARTS,
    UPSTREAM_CHARTS,
    AnyChart,
    ChartKind,
    CheckName,
    ParsedMatrix,
    parse_feature_once,
    parse_matrix,
    parse_recipe,
    parse_services,
)
from builder.catalog.pins import check_pins
from builder.catalog.recipe import check_mirrored
from builder.catalog.services import TABLE, with_services
from builder.common import checkout
from builder.common.errors import BuilderError, ConfigError, Location, raise_all, reading
from builder.common.files import write
from builder.common.plugins import Plugins
from builder.common.source_content import content_in
from builder.common.state_dir import StateDir
from builder.common.text import did_you_mean, looks_like
from builder.lock import lockfile as locks
from builder.lock.lockfile import Lock
from builder.lock.optional import without_unlocked
from builder.overlay.extends import KEPT, Finding, read_catalogs
from builder.overlay.lock import lock_in_force, own_lock
from builder.overlay.replaced_files import (
    ReplacedFile,
    errors_of_replaced,
    notes_of_replaced,
    replaced_files,
)
from builder.overlay.source_catalogs import MATRIX, CatalogFiles, SourceCatalog, is_text
from builder.overlay.suites import errors_of_tests, is_test, tests_of

_FEATURES = "charts/features"
_RECIPE = ("recipe.yaml", "Dockerfile.j2")
_BEGINNINGS = {
    "recipe.yaml": "`summary: …` is all that it needs",
    "Dockerfile.j2": "it begins with `FROM {{ parent }}`",
    "chart.yaml": "it has title, description, command, port and features",
    "upstream.yaml": "it has title and description",
}
_Rules = TypeVar("_Rules", bound=EcosystemRules)
SHARED = Path(__file__).parent / "shared"
"""Macros, the chart library and chart features that come with the builder. In a checkout these are
links to `images/_macros`, `charts/library` and `charts/features`; a wheel holds the files."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A catalog, read and expanded. `declared` has the optional inputs that are not locked, too."""

    root: Path
    catalog: Catalog
    declared: Expansion
    network: Network
    lock: Lock | None
    notes: tuple[str, ...] = ()  # what its maintainer may want to change
    finding: Finding = KEPT
    """How those were found that it stands on."""

    @cached_property
    def expansion(self) -> Expansion:
        """What can be built with the lock."""
        return without_unlocked(self.catalog, self.declared, self.lock)

    @cached_property
    def stack(self) -> tuple[tuple[str, str], ...]:
        """The names and contents of its catalogs; none for a catalog that stands alone."""
        catalogs = self.workspace().files.catalogs
        if len(catalogs) < 2:
            return ()
        return tuple((item.name, content_in(item.checkout)) for item in catalogs)

    def workspace(self, state: Path | None = None) -> Workspace:
        """Return its folder, and that of what is derived."""
        return Workspace(self.root, state, self.finding)


class Workspace:
    """A catalog's folder, and the folder that holds all that is derived: `build/` in it.

    `finding` says how those are found that it stands on.
    """

    def __init__(self, root: Path, state: Path | None = None, finding: Finding = KEPT) -> None:
        self.root = root
        self._finding = finding
        self.state = StateDir(state) if state else StateDir.of(root)

    @cached_property
    def files(self) -> CatalogFiles:
        """The files of the catalog and of those that it stands on. Raises ConfigError."""
        with own_places(self.root):
            return read_catalogs(self.root, self._finding)

    def load(
        self,
        platforms: tuple[str, ...] = (),
        ecosystems: Plugins[_Rules] | None = None,
        *,
        tolerated: list[BuilderError] | None = None,
    ) -> Project:
        """Read everything, for `platforms` or those of the matrix. Raises all mistakes together.

        Without the table of `ecosystems` names of ecosystems are not checked, and nothing can be
        locked or built. Where `tolerated` is a list, mistakes that leave something to compare are
        added to it instead. A mistake of a catalog below has the place that stands on that, too.
        """
        found = list[BuilderError]()
        with own_places(self.root):
            project = self._load(platforms, ecosystems, None if tolerated is None else found)
        if tolerated is not None:
            tolerated += with_own_places(self.root, found)
        return project

    def _load(
        self,
        platforms: tuple[str, ...],
        ecosystems: Plugins[_Rules] | None,
        tolerated: list[BuilderError] | None,
    ) -> Project:
        checkout.check_folder(self.state.root)
        errors, notes = list[BuilderError](), list[str]()
        file = self._matrix(errors, notes)
        lock = lock_in_force(self.files, file.matrix.lock.origin, errors)
        folders = self._folders(file, platforms, errors, notes, ecosystems)
        if lock is not None and self.files.own.has(locks.FILE):
            accepted = {name: item.names for name, item in lock.patches.items()}
            folders = replace(folders, accepted=accepted)
        errors += self._pin_errors(file, ecosystems) if ecosystems else []
        replaced = self._replaced(errors)
        found = evaluated(folders, errors, tolerated)
        catalog = Catalog(
            matrix=found.matrix,
            recipes=found.recipes,
            macros=self._macros(),
            charts=folders.charts,
            upstream_charts=folders.upstream_charts,
            library=self._library(),
            features=found.features,
            ecosystems=self._ecosystems(found.matrix, found.recipes, lock, ecosystems),
        )
        notes += (*notes_of_replaced(replaced, catalog, found.expansion), *found.notes)
        checked = check_recipes(found.recipes.values(), catalog.ecosystems, self.read)
        raise_all(checked, tolerated)
        return Project(
            root=self.root, catalog=catalog, declared=found.expansion, lock=lock,
            notes=(*self.files.notes, *notes), network=file.matrix.network, finding=self._finding,
        )  # fmt: skip

    def _folders(
        self,
        file: ParsedMatrix,
        platforms: tuple[str, ...],
        errors: list[BuilderError],
        notes: list[str],
        ecosystems: Plugins[_Rules] | None,
    ) -> CatalogFolders:
        """Read the folders of a matrix, for `platforms` or those that it has."""
        return CatalogFolders(
            file=replace(file, matrix=replace(file.matrix, chosen_platforms=platforms)),
            platforms=file.matrix.platforms,
            recipes=self._recipes(file, errors, notes, ecosystems),
            charts=self._charts(file, CHARTS, errors, notes),
            upstream_charts=self._charts(file, UPSTREAM_CHARTS, errors, notes),
            features=self._features(errors, notes),
            own=self.files.own.name,
            declared_in=self._declared_in,
            check_ecosystem=self._check_ecosystem(ecosystems) if ecosystems else None,
        )

    def read(self, path: str) -> str:
        """Return the text of a file of the catalog. Raises ConfigError if there is none."""
        return self.files.read(path)

    def lock_text(self) -> str:
        """Return the text of matrix.lock, for positions in it; nothing where it is not there."""
        own = self.files.own
        return own.text(locks.FILE) if own.has(locks.FILE) else ""

    def write_lock(self, lock: Lock, keeps: Collection[str] | None = ()) -> bool:
        """Write matrix.lock, but what is inherited; whether that changed it.

        The targets `keeps` are locked here, whatever is below; None: everything is.
        """
        own = own_lock(self.files, lock, keeps)
        return write(self.root / locks.FILE, locks.dump(own).encode())

    def _matrix(self, errors: list[BuilderError], notes: list[str]) -> ParsedMatrix:
        if not (self.root / MATRIX).is_file():
            raise ConfigError(
                f"no {MATRIX} in {self.root}",
                hint="name the folder of a catalog with --root, or begin one: `builder init DIR`",
            )
        with reading(MATRIX):
            *below, own = self.files.texts_of(MATRIX)
            file, matrix_errors = parse_matrix(
                own.text, own.file, notes.append, tuple(below), own.left_out
            )
        errors += matrix_errors
        if file is None:
            raise_all(errors)
        assert file is not None
        has_own_suites = file.matrix.tests == "own"
        self._suites = (
            replace(self.files, catalogs=(self.files.own,)) if has_own_suites else self.files
        )
        return file

    def _replaced(self, errors: list[BuilderError]) -> tuple[ReplacedFile, ...]:
        """Return the files that stand in the place of others, of which all are to be accepted."""
        try:
            replaced = replaced_files(self.files)
        except BuilderError as error:
            errors += [error] if str(error) not in map(str, errors) else []
            return ()
        errors += errors_of_replaced(replaced)
        return replaced

    # Recipes.

    def _recipes(
        self,
        file: ParsedMatrix,
        errors: list[BuilderError],
        notes: list[str],
        ecosystems: Plugins[_Rules] | None,
    ) -> dict[str, Recipe]:
        check = self._check_ecosystem(ecosystems) if ecosystems else None
        recipes: dict[str, Recipe] = {}
        for name, place, is_mirrored in _named_recipes(file.matrix):
            if name in recipes:
                continue
            needed = _RECIPE[:1] if is_mirrored else _RECIPE
            location = file.document.at(place)
            if error := self._missing("images", name, needed, location):
                errors.append(error)
                continue
            path = f"images/{name}/recipe.yaml"
            try:
                *below, own = self.files.texts_of(path)
                removals = file.document if own.catalog == self.files.own.name else None
                with reading(own.file):
                    parsed, recipe_errors = parse_recipe(
                        own.text, own.file, file.matrix.axes, notes.append, check, tuple(below),
                        removals,
                    )  # fmt: skip
            except BuilderError as error:
                errors.append(error)
                continue
            errors += recipe_errors
            if parsed is None:
                continue
            try:
                errors += errors_of_tests(self._suites, f"images/{name}/tests")
                recipes[name] = recipe = self._recipe(name, parsed)
                errors += check_mirrored(recipe) if is_mirrored else ()
            except BuilderError as error:
                errors.append(error)
        return recipes

    def _check_ecosystem(self, ecosystems: Plugins[_Rules]) -> CheckName:
        def check(name: str, location: Location) -> None:
            ecosystems.check(name, catalog=self.root, location=location)

        return check

    def _pin_errors(self, file: ParsedMatrix, ecosystems: Plugins[_Rules]) -> list[BuilderError]:
        errors: list[BuilderError] = []
        pins: list[tuple[tuple[str, str], Pin]] = [
            ((section, name), item.pin)
            for section, items in (("images", file.matrix.images), ("patches", file.matrix.patches))
            for name, item in items.items()
            if item.pin
        ]
        for above, pin in pins:
            for ecosystem, limits in pin.packages.items():
                path = (*above, "pin", ecosystem)
                location = file.document.at_key(path)
                try:
                    rules = ecosystems.get(ecosystem, catalog=self.root, location=location)
                except ConfigError as error:
                    errors.append(error)
                else:
                    errors += check_pins(rules, limits, file.document, path)
        return errors

    def _ecosystems(
        self,
        matrix: Matrix,
        recipes: Mapping[str, Recipe],
        lock: Lock | None,
        ecosystems: Plugins[_Rules] | None,
    ) -> Ecosystems:
        """Return the builder's ecosystems and those that the catalog names, none without a table.

        Raises ToolError where the package that adds one does not work.
        """
        if ecosystems is None:
            return {}
        named_ecosystems = {name for recipe in recipes.values() for name in recipe.ecosystems}
        pins = [image.pin for image in matrix.images.values() if image.pin]
        named_ecosystems |= {name for pin in pins for name in pin.packages}
        if lock is not None:
            named_ecosystems |= {
                name for package_set in lock.package_sets.values() for name in package_set.packages
            }
        return ecosystems.chosen(named_ecosystems, catalog=self.root)

    def _recipe(self, name: str, file: RecipeFile) -> Recipe:
        folder, files = f"images/{name}", self.files
        dockerfile, tests = f"{folder}/Dockerfile.j2", f"{folder}/tests"
        more = f"{folder}/Dockerfile.append.j2"
        appended = files.texts_of(more) if files.has(more) else ()
        return Recipe(
            **vars(file),
            name=name,
            dockerfile=files.read(dockerfile) if files.has(dockerfile) else "",
            dockerfile_path=files.shown(dockerfile),
            appended={item.file: item.text for item in appended},
            files=files.context_files(f"{folder}/files"),
            **tests_of(self._suites, tests),
            tests_hash=self._suites.hash(tests),
            has_tests=any(is_test(name) for name in self._suites.bytes_of(tests)),
        )

    # Charts.

    def _charts(
        self,
        file: ParsedMatrix,
        kind: ChartKind[AnyChart],
        errors: list[BuilderError],
        notes: list[str],
    ) -> dict[str, AnyChart]:
        """Return the chart recipes of a kind, by their names."""
        charts: dict[str, AnyChart] = {}
        for name, chart in file.matrix.all_charts.items():
            if chart.recipe in charts or (chart.upstream is not None) is not kind.is_upstream:
                continue
            location = file.document.at(("charts", name, "recipe"))
            if error := self._missing("charts", chart.recipe, (kind.file,), location):
                errors.append(error)
                continue
            folder = f"charts/{chart.recipe}"
            errors += errors_of_tests(self._suites, f"{folder}/tests")
            *below, own = self.files.texts_of(f"{folder}/{kind.file}")
            with reading(own.file):
                parsed, chart_errors = kind.parse(own.text, own.file, notes.append, tuple(below))
            errors += chart_errors
            if parsed is not None:
                charts[chart.recipe] = kind.read(
                    **vars(parsed),
                    name=chart.recipe,
                    files=self.files.texts(folder),
                    **tests_of(self._suites, f"{folder}/tests"),
                )
        return charts

    def _declared_in(self, folder: str) -> str:
        """Return the name of the lowest catalog that has a folder, or of the builder."""
        having = (item.name for item in self.files.catalogs if (item.root / folder).is_dir())
        return next(having, "builder")

    # What the catalog does not have comes with the builder.

    def _macros(self) -> dict[str, str]:
        """Return the builder's macros, but files that the catalog has too, and then the catalog's.

        The later one wins where two files define a macro of the same name.
        """
        own_macros = self.files.texts("images/_macros", ".j2")
        shared, folder = shared_files("macros")
        texts = shared.texts(folder, ".j2")
        shared_macros = {name: text for name, text in texts.items() if name not in own_macros}
        return {
            **{f"{shared.own.root / folder}/{name}": text for name, text in shared_macros.items()},
            **own_macros,
        }

    def _library(self) -> dict[str, bytes]:
        """Return the catalog's library, or the builder's: it is one chart, with one version."""
        shared, folder = shared_files("library")
        files = self.files.bytes_of("charts/library") or shared.bytes_of(folder)
        for name, data in files.items():
            if is_text(name):
                checkout.text_of(data, f"charts/library/{name}")
        return files

    def _features(self, errors: list[BuilderError], notes: list[str]) -> dict[str, ChartFeature]:
        """Return the features of the catalog, and those of the builder that it lacks."""
        own_names = self.files.folders(_FEATURES)
        shared, folder = shared_files("features")
        has_own = self.files.has(f"{_FEATURES}/{TABLE}")
        files, above = (self.files, _FEATURES) if has_own else (shared, folder)
        text = files.read(f"{above}/{TABLE}")
        file = files.shown(f"{above}/{TABLE}") if has_own else f"{shared.own.root / folder}/{TABLE}"
        table, table_errors = parse_services(text, file)
        errors += table_errors
        features = [_feature(self.files, _FEATURES, name, errors, notes) for name in own_names]
        for name in shared.folders(folder):
            if name not in own_names and (feature := _feature(shared, folder, name, errors, notes)):
                features.append(replace(feature, folder=str(shared.own.root / feature.folder)))
        return with_services(filter(None, features), table)

    # Files.

    def _missing(
        self, kind: str, name: str, files: tuple[str, ...], location: Location
    ) -> ConfigError | None:
        """Return the error of a recipe that lacks one of these files, or None."""
        for file in files:
            if not self.files.has(f"{kind}/{name}/{file}"):
                return ConfigError(
                    f"recipe {name!r} has no {kind}/{name}/{file}",
                    hint=self._how_to_get(kind, name, file),
                    location=location,
                )
        return None

    def _how_to_get(self, kind: str, name: str, file: str) -> str:
        """Return the hint for a file that a recipe lacks: another name, or how to begin it."""
        others = [
            other for other in self.files.folders(kind) if self.files.has(f"{kind}/{other}/{file}")
        ]
        if self.files.owner(f"{kind}/{name}") is None and looks_like(name, others):
            return did_you_mean(name, others)
        return f"create {kind}/{name}/{file}: {_BEGINNINGS[file]}"


def _feature(
    files: CatalogFiles,
    folder: str,
    name: str,
    errors: list[BuilderError],
    notes: list[str],
) -> ChartFeature | None:
    path = f"{folder}/{name}"
    parsed, feature_errors, feature_notes = parse_feature_once(
        files.texts_of(f"{path}/feature.yaml")
    )
    errors += feature_errors
    notes += feature_notes
    if parsed is None:
        return None
    return ChartFeature(
        **vars(parsed), name=name, folder=files.shown(path), files=files.texts(path)
    )


def _named_recipes(matrix: Matrix) -> Iterator[tuple[str, KeyPath, bool]]:
    """Yield each recipe of images, where it is named, and whether it mirrors an image."""
    for image in matrix.images.values():
        yield image.recipe, ("images", image.name, "recipe"), image.is_mirrored
        for index, top in enumerate(image.top):
            yield top, ("images", image.name, "top", index), False
    for patch in matrix.patches.values():
        for index, top in enumerate(patch.more_top):
            yield top, ("patches", patch.name, "top+", index), False


def shared_files(kind: str) -> tuple[CatalogFiles, str]:
    """Return a folder that comes with the builder: where it lies, and its name there."""
    folder = (SHARED / kind).resolve()
    return _shared_files(folder.parent), folder.name


@lru_cache(maxsize=8)
def _shared_files(root: Path) -> CatalogFiles:
    """Return the same files for all catalogs of a process: git is asked once."""
    return CatalogFiles(catalogs=(SourceCatalog(name="builder", root=root),))
