"""Evaluates a recipe for one variant: the packages, files and budget that its conditions leave."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from builder.catalog.expansion import Expansion
from builder.catalog.ids import ValueId
from builder.catalog.matrix_check import Locations
from builder.catalog.models import ChartRecipe, Matrix, Path, Recipe, RemoteFile, Target, When
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.text import listed

Packages = dict[str, tuple[str, ...]]
URL = "url"
_CONDITION = re.compile(
    r"(?P<not>not\s+)?(?P<axis>[a-z][a-z0-9-]*)(?:=(?P<value>[^\s@]+)|@(?P<provider>[a-z0-9-]+))?"
)
_PART = re.compile(r"\{([a-z][a-z0-9]*)\.(major|minor|version)\}")
_NAME = re.compile(r"@?[A-Za-z0-9][\w./+-]*")
_KEY = re.compile(r"([a-z]+):")
_URL = re.compile(r"https?://[^\s\x00-\x1f\x7f]+$")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~%@=-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Term:
    """One term of a condition: the image has an axis, or a value of it, or one of a provider."""

    axis: str
    value: str | None
    provider: str | None
    wanted: bool


@dataclass(frozen=True, kw_only=True)
class BuildVariables:
    """The variables of a build: those of a variant on a platform.

    `providers` maps an axis to the provider of its release line, or "". `versions` maps an axis
    that has a provider to its exact version, or to `<release line>.*` as long as that is not
    locked. `locked` are the ecosystems whose packages the lock has, `inherited` those of which the
    ancestors have all that the recipe names. `sudo`: see `Settings`.
    """

    axes: Mapping[str, str]
    providers: Mapping[str, str]
    versions: Mapping[str, str]
    inputs: tuple[str, ...] = ()
    platform: str = "linux/amd64"
    locked: tuple[str, ...] = ()
    inherited: tuple[str, ...] = ()
    sudo: bool = False

    @property
    def arch(self) -> str:
        """The architecture as Debian and Docker call it."""
        return self.platform.split("/")[1]


def build_variables(
    target: Target, matrix: Matrix, versions: Mapping[str, str], locked: Mapping[str, str]
) -> BuildVariables:
    """Return the variables of a target.

    `versions` and `locked` map `axis=value` to the version and to the provider that a lock has.
    """
    values = target.variant.values
    providers = matrix.providers(values, locked)
    return BuildVariables(
        axes=values,
        providers=providers,
        versions={
            axis: versions.get(ValueId.of(axis, name)) or f"{matrix.value(axis, name).upstream}.*"
            for axis, name in values.items()
            if providers[axis]
        },
        inputs=tuple(name for name, _ in target.inputs),
        platform=target.platform,
        sudo=matrix.catalog.sudo,
    )


def parse_condition(text: str) -> tuple[Term, ...]:
    """Parse a condition of `when` to terms, all of which must hold.

    Terms are joined by commas: `r`, `not python`, `debian=12`, `r@apt, not python`. Raises
    ValueError on anything else.
    """
    terms = []
    for part in text.split(","):
        match = _CONDITION.fullmatch(part.strip())
        if not match:
            raise ValueError(text)
        terms.append(
            Term(
                axis=match["axis"],
                value=match["value"],
                provider=match["provider"],
                wanted=match["not"] is None,
            )
        )
    return tuple(terms)


def holds(condition: str, variables: BuildVariables) -> bool:
    """Whether a condition holds in a variant."""
    for term in parse_condition(condition):
        met = (
            term.axis in variables.axes
            and term.value in (None, variables.axes[term.axis])
            and term.provider in (None, variables.providers[term.axis])
        )
        if met is not term.wanted:
            return False
    return True


def packages_of(recipe: Recipe, variables: BuildVariables) -> Packages:
    """Return the packages that a recipe adds in a variant, by ecosystem, in the file's order.

    Where a package has the release line's version, a recipe writes `{axis.version}`; where a
    repository has the release line in the names of packages, `{axis.major}` and `{axis.minor}`:
    those of the exact version, or `*` for what is not known before the lock.
    """

    def part(match: re.Match[str]) -> str:
        if match[2] == "version":
            return variables.versions.get(match[1], match[0])
        numbers = variables.versions[match[1]].split(".") if match[1] in variables.versions else []
        index = ("major", "minor").index(match[2])
        return numbers[index] if index < len(numbers) else match[0]

    packages: dict[str, list[str]] = {}
    blocks = [recipe.packages, *(extra.packages for extra in _extras(recipe, variables))]
    for block in blocks:
        for ecosystem, names in block.items():
            packages.setdefault(ecosystem, []).extend(_PART.sub(part, name) for name in names)
    return {ecosystem: tuple(dict.fromkeys(names)) for ecosystem, names in packages.items()}


def named_at(
    read: Callable[[str], str],
    recipe: str,
    package: str,
    keys: tuple[str, ...] = ("packages", "when"),
) -> Location:
    """Return where a recipe names a package; its file, where `read` does not find it there.

    A version that stands in the file as `{axis.version}` is looked for by its name.
    """
    file = f"images/{recipe}/recipe.yaml"
    plain = _NAME.match(package)
    for text in dict.fromkeys((package, plain[0] if plain else package)):
        name, key = re.compile(rf"(?<![\w.-]){re.escape(text)}(?![\w.-])"), ""
        for number, line in enumerate(read(file).splitlines(), start=1):
            key = top[1] if (top := _KEY.match(line)) else key
            match = name.search(line.partition(" #")[0])
            if match and key in keys:
                return Location(file=file, line=number, column=match.start() + 1, source=line)
    return Location(file=file)


def budget_of(recipe: Recipe, variables: BuildVariables) -> int:
    """Return the compressed bytes that a recipe may add in a variant; 0 for no budget."""
    return recipe.budget + sum(extra.budget for extra in _extras(recipe, variables))


def tests_hash(recipes: Iterable[Recipe]) -> str:
    """Return the hash of the smoke tests of a lineage, 16 hex digits; the root comes first."""
    text = " ".join(recipe.tests_hash for recipe in recipes)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _extras(recipe: Recipe, variables: BuildVariables) -> list[When]:
    return [extra for extra in recipe.when if holds(extra.condition, variables)]


def remote_file(text: str, arch: str) -> RemoteFile:
    """Parse a package of the ecosystem `url`: `https://…/tool-{arch}.tar.gz#sha256=HEX`.

    Where the architectures differ, the fragment has a hash for each: `#amd64=HEX&arm64=HEX`.
    Raises ConfigError where there is no hash for `arch`.
    """
    address, _, fragment = text.partition("#")
    hashes = dict(parse_qsl(fragment))
    digest = hashes.get(arch) or hashes.get("sha256", "")
    if not _SHA256.fullmatch(digest):
        raise ConfigError(
            f"{address} has no hash for {arch}", hint="end it by #sha256=… or #amd64=…&arm64=…"
        )
    url = address.replace("{arch}", arch)
    name = urlsplit(url).path.rsplit("/", 1)[-1]
    if not _URL.match(url) or not _FILE.fullmatch(name):
        raise ConfigError(
            f"{address!r} is no URL of a file", hint="https://example.org/tool.tar.gz#sha256=…"
        )
    return RemoteFile(name=name, url=url, sha256=digest)


def check_tests(
    expansion: Expansion, recipes: Mapping[str, Recipe], targets: Iterable[str]
) -> list[BuilderError]:
    """Return an error for each image of `targets` (ids) that has no test.

    The tests of a recipe are run on its descendants too.
    """
    errors: dict[str, BuilderError] = {}
    for key in targets:
        target = expansion.targets[key]
        lineage = expansion.lineage(target)
        if target.variant.image in errors or any(
            recipes[ancestor.recipe].has_tests for ancestor in lineage
        ):
            continue
        recipe = target.recipe
        errors[target.variant.image] = ConfigError(
            f"image {target.variant.image} has no tests: neither recipe {recipe} nor an ancestor's"
            " recipe has any",
            hint=f"add images/{recipe}/tests/test_{recipe.replace('-', '_')}.py",
            location=Location(file=f"images/{recipe}"),
        )
    return list(errors.values())


def check_mirrored(recipe: Recipe) -> list[BuilderError]:
    """Return an error for each part of a mirrored image's recipe that would have to be built."""
    folder = f"images/{recipe.name}"
    given = {
        "Dockerfile.j2": recipe.dockerfile,
        "Dockerfile.append.j2": recipe.appended,
        "files": recipe.files,
        "recipe.yaml": recipe.ecosystems or recipe.provides or recipe.env,
    }
    return [
        ConfigError(
            f"image {recipe.name} is mirrored as it is, and its recipe says what to build",
            hint="it has summary, command, ports and tests; an image of `from` is built",
            location=Location(file=f"{folder}/{file}"),
        )
        for file, is_given in given.items()
        if is_given
    ]


def check_needs(
    expansion: Expansion, matrix: Matrix, recipes: Mapping[str, Recipe], locations: Locations
) -> list[BuilderError]:
    """Return an error for each axis that a recipe needs and its image does not have.

    So there is for each top recipe that would bring a release line.
    """
    errors: list[BuilderError] = []
    for name, variants in expansion.variants.items():
        image, axes = matrix.images[name], variants[0].values if variants else {}
        used: list[tuple[str, str, Path]] = [(image.recipe, "build", ("images", name))]
        used += [(top, "put", ("images", name, "top")) for top in image.top]
        for recipe_name, verb, path in used:
            needs = recipes[recipe_name].needs if recipe_name in recipes else ()
            errors += [
                ConfigError(
                    f"recipe {recipe_name} needs {axis}, and image {name} has no axis {axis}",
                    hint=f"it has {', '.join(axes)}; {verb} it on an image that has {axis}",
                    location=locations.at_key(path),
                )
                for axis in needs
                if axis in matrix.axes and axis not in axes
            ]
        errors += [
            ConfigError(
                f"recipe {top} provides {listed(list(recipes[top].provides))}, and a top recipe"
                f" brings no release line to image {name}",
                hint=f"build an image with it: `from: {name}`",
                location=locations.at_key(("images", name, "top")),
                id="E-TOP-PROVIDES",
            )
            for top in image.top
            if top in recipes and recipes[top].provides
        ]
    return errors


def check_chart_needs(
    matrix: Matrix, charts: Mapping[str, ChartRecipe], locations: Locations
) -> list[BuilderError]:
    """Return an error for each chart whose image is made without a recipe that its own needs."""
    errors: list[BuilderError] = []
    for name, chart in matrix.charts.items():
        if chart.image not in matrix.images or chart.recipe not in charts:
            continue  # which is an error of its own
        made_with = lineage_recipes(chart.image, matrix)
        for recipe in charts[chart.recipe].needs:
            if recipe not in made_with:
                fitting_images = [
                    image for image in matrix.images if recipe in lineage_recipes(image, matrix)
                ]
                hint = f"build {chart.image} on {fitting_images[0]}, or " if fitting_images else ""
                own_hint = f"take {recipe} out of `needs` in charts/{name}/chart.yaml"
                if chart.recipe != name:
                    own_hint = f"give the chart a recipe of its own, charts/{name}/chart.yaml"
                errors.append(
                    ConfigError(
                        f"chart {name}: its recipe {chart.recipe} needs an image that is made with "
                        f"the recipe {recipe}, and {chart.image} is made with "
                        f"{listed(made_with)}",
                        hint=hint + own_hint,
                        location=locations.at(("charts", name, "image")),
                    )
                )
    return errors


def lineage_recipes(image: str, matrix: Matrix) -> list[str]:
    """Return the recipes that an image is made with, the last first; its parents form no cycle."""
    recipes = list(reversed(matrix.images[image].top)) if image in matrix.images else []
    while image in matrix.images:
        recipes.append(matrix.images[image].recipe)
        image = matrix.images[image].parent
    return recipes
