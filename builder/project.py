"""The folders of a catalog: reads them, and writes the lock. `common.files` alone writes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

from builder.catalog import tags
from builder.catalog.ecosystem import EcosystemRules, Ecosystems
from builder.catalog.expansion import Expansion, expand
from builder.catalog.models import (
    Catalog,
    ChartFeature,
    ChartRecipe,
    File,
    Image,
    Matrix,
    Network,
    Recipe,
    RecipeFile,
)
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
from builder.catalog.recipe import check_chart_needs, check_mirrored, check_needs
from builder.catalog.services import TABLE, with_services
from builder.common import checkout
from builder.common.errors import BuilderError, ConfigError, Location, raise_all, reading
from builder.common.files import write
from builder.common.plugins import Plugins
from builder.common.process import Runner
from builder.common.state_dir import StateDir
from builder.common.text import did_you_mean, looks_like
from builder.lock import lockfile as locks
from builder.lock.lockfile import Lock
from builder.lock.optional import without_unlocked

MATRIX = "matrix.yaml"
_FEATURES = "charts/features"
_LARGEST = 64 << 20  # bytes of a file that is read as text
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
_TEXT_FOLDERS = ("templates/", "slots/", "ci/")
_TEXT_NAMES = (".yaml", ".tpl", ".md", ".j2")


@dataclass(frozen=True, kw_only=True)
class Project:
    """A catalog, read and expanded. `declared` has the optional inputs that are not locked, too."""

    root: Path
    catalog: Catalog
    declared: Expansion
    network: Network
    lock: Lock | None
    notes: tuple[str, ...] = ()  # what its maintainer may want to change

    @cached_property
    def expansion(self) -> Expansion:
        """What can be built with the lock."""
        return without_unlocked(self.catalog, self.declared, self.lock)


class Workspace:
    """A catalog's folder, and the folder that holds all that is derived: `build/` in it."""

    def __init__(self, root: Path, state: Path | None = None) -> None:
        self.root = root
        self.state = StateDir(state) if state else StateDir.of(root)

    def load(
        self, platforms: tuple[str, ...] = (), ecosystems: Plugins[_Rules] | None = None
    ) -> Project:
        """Read everything, for `platforms` or those of the matrix. Raises all mistakes together.

        Without the table of `ecosystems` names of ecosystems are not checked, and nothing can be
        locked or built.
        """
        checkout.check_folder(self.state.root)
        errors: list[BuilderError] = []
        notes: list[str] = []
        lock = self._lock(errors)
        file = self._matrix(errors, notes)
        declared_platforms = file.matrix.platforms
        file = replace(file, matrix=replace(file.matrix, chosen_platforms=platforms))
        recipes = self._recipes(file, errors, notes, ecosystems)
        charts = self._charts(file, CHARTS, errors, notes)
        upstream_charts = self._charts(file, UPSTREAM_CHARTS, errors, notes)
        features = self._features(errors, notes)
        expansion = self._expanded(file, declared_platforms, recipes, charts, errors)
        errors += self._pin_errors(file, ecosystems) if ecosystems else []
        raise_all(errors)
        assert expansion is not None
        catalog = Catalog(
            matrix=file.matrix,
            recipes=recipes,
            macros=self._macros(),
            charts=charts,
            upstream_charts=upstream_charts,
            library=self._library(),
            features=features,
            ecosystems=self._ecosystems(file.matrix, recipes, lock, ecosystems)
            if ecosystems
            else {},
        )
        raise_all(check_recipes(recipes.values(), catalog.ecosystems, self.read))
        return Project(
            root=self.root, catalog=catalog, declared=expansion, lock=lock, notes=tuple(notes),
            network=file.matrix.network,
        )  # fmt: skip

    def _expanded(
        self,
        file: ParsedMatrix,
        declared_platforms: tuple[str, ...],
        recipes: Mapping[str, Recipe],
        charts: Mapping[str, ChartRecipe],
        errors: list[BuilderError],
    ) -> Expansion | None:
        """Return the expansion of the matrix, None if it contradicts itself."""
        try:
            expansion = expand(file.matrix, file.document, declared_platforms)
            errors += tags.check(expansion, file.matrix, file.document)
            errors += check_needs(expansion, file.matrix, recipes, file.document)
            errors += check_chart_needs(file.matrix, charts, file.document)
        except BuilderError as error:
            errors.append(error)
            return None
        return expansion

    def read(self, path: str) -> str:
        """Return the text of a file of the catalog. Raises ConfigError if there is none."""
        file = self.root / path
        if not file.exists():
            raise ConfigError("no such file", location=Location(file=path))
        return checkout.text_of(checkout.Checkout(root=self.root).read(file, _LARGEST), path)

    def lock_text(self) -> str:
        """Return the text of matrix.lock, for positions in it; nothing where it is not there."""
        return self.read(locks.FILE) if (self.root / locks.FILE).is_file() else ""

    def write_lock(self, lock: Lock) -> bool:
        """Write matrix.lock; whether that changed it."""
        return write(self.root / locks.FILE, locks.dump(lock).encode())

    def _matrix(self, errors: list[BuilderError], notes: list[str]) -> ParsedMatrix:
        if not (self.root / MATRIX).is_file():
            raise ConfigError(
                f"no {MATRIX} in {self.root}",
                hint="name the folder of a catalog with --root, or begin one: `builder init DIR`",
            )
        with reading(MATRIX):
            file, matrix_errors = parse_matrix(self.read(MATRIX), MATRIX, notes.append)
        errors += matrix_errors
        if file is None:
            raise_all(errors)
        assert file is not None
        return file

    def _lock(self, errors: list[BuilderError]) -> Lock | None:
        if not (self.root / locks.FILE).is_file():
            return None
        try:
            with reading(locks.FILE):
                return locks.parse(self.read(locks.FILE))
        except BuilderError as error:
            errors.append(error)
            return None

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
        for name, image in file.matrix.images.items():
            if image.recipe in recipes:
                continue
            location = file.document.at(("images", name, "recipe"))
            if error := self._missing("images", image.recipe, _needed_files(image), location):
                errors.append(error)
                continue
            path = f"images/{image.recipe}/recipe.yaml"
            try:
                with reading(path):
                    parsed, recipe_errors = parse_recipe(
                        self.read(path), path, file.matrix.axes, notes.append, check
                    )
            except BuilderError as error:
                errors.append(error)
                continue
            errors += recipe_errors
            if parsed is None:
                continue
            try:
                errors += self._test_errors(f"images/{image.recipe}/tests")
                recipes[image.recipe] = recipe = self._recipe(image.recipe, parsed)
                errors += check_mirrored(recipe) if image.is_mirrored else ()
            except BuilderError as error:
                errors.append(error)
        return recipes

    def _check_ecosystem(self, ecosystems: Plugins[_Rules]) -> CheckName:
        def check(name: str, location: Location) -> None:
            ecosystems.check(name, catalog=self.root, location=location)

        return check

    def _pin_errors(self, file: ParsedMatrix, ecosystems: Plugins[_Rules]) -> list[BuilderError]:
        errors: list[BuilderError] = []
        for name, image in file.matrix.images.items():
            for ecosystem, limits in (image.pin.packages if image.pin else {}).items():
                path = ("images", name, "pin", ecosystem)
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
        ecosystems: Plugins[_Rules],
    ) -> Ecosystems:
        """Return the builder's ecosystems and those that the catalog names.

        Raises ToolError where the package that adds one does not work.
        """
        named_ecosystems = {name for recipe in recipes.values() for name in recipe.ecosystems}
        pins = [image.pin for image in matrix.images.values() if image.pin]
        named_ecosystems |= {name for pin in pins for name in pin.packages}
        if lock is not None:
            named_ecosystems |= {
                name for package_set in lock.package_sets.values() for name in package_set.packages
            }
        return ecosystems.chosen(named_ecosystems, catalog=self.root)

    def _recipe(self, name: str, file: RecipeFile) -> Recipe:
        folder = f"images/{name}"
        tests, dockerfile = self.root / folder / "tests", f"{folder}/Dockerfile.j2"
        return Recipe(
            **vars(file),
            name=name,
            dockerfile=self.read(dockerfile) if (self.root / dockerfile).is_file() else "",
            dockerfile_path=dockerfile,
            files=self._files(self.root / folder / "files"),
            tests=str(tests) if tests.is_dir() else "",
            tests_hash=self._hash(f"{folder}/tests"),
            has_tests=any(_is_test(name) for name in self._bytes(f"{folder}/tests")),
        )

    @cached_property
    def _checkout(self) -> checkout.Checkout:
        return checkout.read_checkout(self.root, Runner())

    def _files(self, folder: Path) -> tuple[File, ...]:
        files = []
        for path in self._checkout.files(folder):
            data = self._checkout.read(path)
            checkout.check_script(data, path.relative_to(self.root).as_posix())
            files.append(
                File(
                    path=f"files/{path.relative_to(folder).as_posix()}",
                    mode=self._checkout.mode(path),
                    sha256=hashlib.sha256(data).hexdigest(),
                    source=str(path),
                )
            )
        return tuple(files)

    def _test_errors(self, folder: str) -> list[BuilderError]:
        """Return what is no Python in a folder of tests: it is read here, and never run."""
        errors = [
            checkout.not_python(f"{folder}/{name}", data)
            for name, data in self._bytes(folder).items()
            if name.endswith(".py")
        ]
        return [error for error in errors if error is not None]

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
            errors += self._test_errors(f"{folder}/tests")
            path, tests = f"{folder}/{kind.file}", self.root / folder / "tests"
            with reading(path):
                parsed, chart_errors = kind.parse(self.read(path), path, notes.append)
            errors += chart_errors
            if parsed is not None:
                charts[chart.recipe] = kind.read(
                    **vars(parsed),
                    name=chart.recipe,
                    files=self._texts(folder),
                    tests=str(tests) if tests.is_dir() else "",
                )
        return charts

    # What the catalog does not have comes with the builder.

    def _macros(self) -> dict[str, str]:
        """Return the builder's macros, but files that the catalog has too, and then the catalog's.

        The later one wins where two files define a macro of the same name.
        """
        own_macros = self._texts("images/_macros", ".j2")
        shared, folder = _shared("macros")
        texts = shared._texts(folder, ".j2")
        shared_macros = {name: text for name, text in texts.items() if name not in own_macros}
        return {
            **{f"{shared.root / folder}/{name}": text for name, text in shared_macros.items()},
            **own_macros,
        }

    def _library(self) -> dict[str, bytes]:
        """Return the catalog's library, or the builder's: it is one chart, with one version."""
        shared, folder = _shared("library")
        files = self._bytes("charts/library") or shared._bytes(folder)
        for name, data in files.items():
            if _is_text(name):
                checkout.text_of(data, f"charts/library/{name}")
        return files

    def _features(self, errors: list[BuilderError], notes: list[str]) -> dict[str, ChartFeature]:
        """Return the features of the catalog, and those of the builder that it lacks."""
        own_names = self._folders(_FEATURES)
        shared, folder = _shared("features")
        has_own = (self.root / _FEATURES / TABLE).is_file()
        text = self.read(f"{_FEATURES}/{TABLE}") if has_own else shared.read(f"{folder}/{TABLE}")
        above = _FEATURES if has_own else str(shared.root / folder)
        table, table_errors = parse_services(text, f"{above}/{TABLE}")
        errors += table_errors
        features = [self._feature(_FEATURES, name, errors, notes) for name in own_names]
        for name in shared._folders(folder):
            if name not in own_names and (feature := shared._feature(folder, name, errors, notes)):
                features.append(replace(feature, folder=str(shared.root / feature.folder)))
        return with_services(filter(None, features), table)

    def _feature(
        self, folder: str, name: str, errors: list[BuilderError], notes: list[str]
    ) -> ChartFeature | None:
        path = f"{folder}/{name}"
        file = f"{path}/feature.yaml"
        parsed, feature_errors, feature_notes = parse_feature_once(self.read(file), file)
        errors += feature_errors
        notes += feature_notes
        if parsed is None:
            return None
        return ChartFeature(**vars(parsed), name=name, folder=path, files=self._texts(path))

    # Files.

    def _missing(
        self, kind: str, name: str, files: tuple[str, ...], location: Location
    ) -> ConfigError | None:
        """Return the error of a recipe that lacks one of these files, or None."""
        for file in files:
            if not (self.root / kind / name / file).is_file():
                return ConfigError(
                    f"recipe {name!r} has no {kind}/{name}/{file}",
                    hint=self._how_to_get(kind, name, file),
                    location=location,
                )
        return None

    def _how_to_get(self, kind: str, name: str, file: str) -> str:
        """Return the hint for a file that a recipe lacks: another name, or how to begin it."""
        others = [
            other for other in self._folders(kind) if (self.root / kind / other / file).is_file()
        ]
        if not (self.root / kind / name).is_dir() and looks_like(name, others):
            return did_you_mean(name, others)
        return f"create {kind}/{name}/{file}: {_BEGINNINGS[file]}"

    def _folders(self, path: str) -> list[str]:
        paths = (self.root / path).glob("[!._]*")
        return sorted(item.name for item in paths if item.is_dir())

    def _hash(self, path: str) -> str:
        """Return one hash of all files of a folder, or "" if there are none."""
        file_hashes = [
            f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in self._bytes(path).items()
        ]
        return hashlib.sha256("\n".join(file_hashes).encode()).hexdigest() if file_hashes else ""

    def _texts(self, path: str, suffix: str = "") -> dict[str, str]:
        """Return the texts of a folder; what is none, as a picture, is left out.

        Raises ConfigError where a file that is read is no text.
        """
        texts: dict[str, str] = {}
        for name, data in self._bytes(path).items():
            if name.endswith(suffix) and (_is_text(name) or _is_utf8(data)):
                texts[name] = checkout.text_of(data, f"{path}/{name}")
        return texts

    def _bytes(self, path: str) -> dict[str, bytes]:
        folder = self.root / path
        paths = self._checkout.files(folder)
        return {path.relative_to(folder).as_posix(): self._checkout.read(path) for path in paths}


def _needed_files(image: Image) -> tuple[str, ...]:
    return _RECIPE[:1] if image.is_mirrored else _RECIPE


def _shared(kind: str) -> tuple[Workspace, str]:
    """Return a folder that comes with the builder: where it lies, and its name there."""
    folder = (SHARED / kind).resolve()
    return _shared_workspace(folder.parent), folder.name


@lru_cache(maxsize=8)
def _shared_workspace(root: Path) -> Workspace:
    """Return one workspace for all catalogs of a process: it asks git once."""
    return Workspace(root)


def _is_test(path: str) -> bool:
    """Whether pytest looks for tests in a file."""
    name = path.rpartition("/")[2]
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def _is_text(name: str) -> bool:
    """Whether a file is read as text, by its name below the folder of a recipe or a feature."""
    return name.startswith(_TEXT_FOLDERS) or name.endswith(_TEXT_NAMES)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
