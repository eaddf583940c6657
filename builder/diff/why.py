"""Find why a package is in an image: since which release, and through which recipe."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from builder.catalog.ecosystem import Ecosystems, normalized
from builder.catalog.expansion import own_values
from builder.catalog.ids import TargetId
from builder.catalog.packages import PackageList
from builder.catalog.recipe import build_variables, packages_of
from builder.common.errors import SelectionError
from builder.common.text import did_you_mean
from builder.diff.history import History
from builder.lock.lockfile import Lock
from builder.project import Project
from builder.registry.release_record import Record, ReleasedTarget

_NAME = re.compile(r"@?[^\s\[<>=!~;@#(]+")  # a requirement begins with it


@dataclass(frozen=True, kw_only=True)
class Since:
    """The release in which a package first had its version, and its version before.

    `before` is "" if the package was not there, None if that is not known. `is_first`: there was
    no release before.
    """

    release: str
    before: str | None
    is_first: bool = False


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a target has a package. `introduced_by` is the first image of the lineage that has it.

    `recipe` is the recipe of that image, and `base` its parent if that is a base image, whose
    packages are not known by themselves. `changed` is the image that gave the package its version,
    if that is another. `named` are the recipes of the lineage that name it, ancestors first.
    `adopted` is the catalog and the release that the target was adopted from, if it was.
    """

    target: str
    image: str
    ecosystem: str
    package: str
    version: str
    since: Since
    introduced_by: str
    recipe: str
    base: str
    named: tuple[str, ...]
    changed: str = ""
    adopted: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A reason for each target that has the package. `unknown` are targets with no package list."""

    release: str
    reasons: tuple[Reason, ...]
    unknown: tuple[str, ...]


class Provenance:
    """Reads the current release, and those before it."""

    def __init__(self, *, project: Project, history: History) -> None:
        self._catalog = project.catalog
        self._expansion = project.expansion
        self._lock = project.lock or Lock()
        self._history = history

    def why(self, package: str, image: str | None = None) -> Answer:
        """Return why each target has a package, ancestors first.

        `image` is a glob over target ids or image names. Raises SelectionError if it matches
        nothing, or no target has the package.
        """
        record = self._history.record("current")
        targets = self._pick(record, image)
        self._history.prepare(targets)
        inventories: dict[str, PackageList] = {}
        for key, target in targets.items():
            packages = self._history.metadata(target).packages
            if packages is not None:
                inventories[key] = packages
        reasons = [
            self._reason(record, key, ecosystem, name)
            for key, packages in inventories.items()
            for ecosystem, name in _matching_packages(package, packages, self._catalog.ecosystems)
        ]
        if not reasons:
            raise _no_package(package, image, record, inventories)
        return Answer(
            release=record.release,
            reasons=tuple(reasons),
            unknown=tuple(key for key in targets if key not in inventories),
        )

    def _pick(self, record: Record, image: str | None) -> dict[str, ReleasedTarget]:
        chosen = {
            key: target
            for key, target in record.targets.items()
            if image is None or fnmatchcase(key, image) or fnmatchcase(target.image, image)
        }
        if not chosen:
            names = sorted({target.image for target in record.targets.values()})
            candidates = [*record.targets, *names] if "/" in str(image) else names
            raise SelectionError(
                f"release {record.release} has no image {image!r}",
                hint=did_you_mean(str(image), candidates),
            )
        return dict(sorted(chosen.items(), key=lambda item: (len(item[1].shares), item[0])))

    def _reason(self, record: Record, key: str, ecosystem: str, name: str) -> Reason:
        target = record.targets[key]
        chain = lineage(record, key)
        versions = {item: self._version(record, item, ecosystem, name) for item in chain}
        version = versions[key]
        introduced = next(item for item in chain if versions[item])
        last_changed = next(item for item in chain if versions[item] == version)
        return Reason(
            target=key,
            image=target.image,
            ecosystem=ecosystem,
            package=name,
            version=str(version),
            since=self._since(record, key, ecosystem, name),
            introduced_by=record.targets[introduced].image,
            recipe=self._recipe(record, introduced),
            base=self._base(record, introduced),
            named=tuple(
                dict.fromkeys(
                    self._recipe(record, item)
                    for item in chain
                    if self._names(item, ecosystem, name)
                )
            ),
            changed="" if last_changed == introduced else record.targets[last_changed].image,
            adopted=str(target.adopted or ""),
        )

    def _version(self, record: Record, key: str, ecosystem: str, name: str) -> str | None:
        """Return the version that a target has; None if it has none, or that is not known."""
        packages = self._history.metadata(record.targets[key]).packages or {}
        package = packages.get(ecosystem, {}).get(name)
        return package.version if package else None

    def _since(self, record: Record, key: str, ecosystem: str, name: str) -> Since:
        version = self._version(record, key, ecosystem, name)
        since = record
        for older in self._history.back(record):
            if key not in older.targets:
                return Since(release=since.release, before="")
            if self._history.metadata(older.targets[key]).packages is None:
                return Since(release=since.release, before=None)
            before = self._version(older, key, ecosystem, name)
            if before != version:
                return Since(release=since.release, before=before or "")
            since = older
        # What came before it, if anything, is gone from the registry.
        is_first = since.previous is None
        return Since(release=since.release, before="" if is_first else None, is_first=is_first)

    def _base(self, record: Record, key: str) -> str:
        """Return the parent of a target if that is a base image, else ""."""
        below = record.targets[key].shares[-2:-1]
        return below[0].target if below and not below[0].recipe else ""

    def _recipe(self, record: Record, key: str) -> str:
        target = record.targets[key]
        return target.shares[-1].recipe if target.shares else target.image

    def _names(self, key: str, ecosystem: str, name: str) -> bool:
        """Whether the recipe of a target names a package, as the catalog is now."""
        target = self._expansion.targets.get(key)
        if target is None:
            return False
        recipe = self._catalog.recipes[target.recipe]
        lines = self._lock.lines_of(target.variant.values)
        variables = build_variables(target, self._catalog.matrix, lines.versions, lines.providers)
        requirements = list(packages_of(recipe, variables).get(ecosystem, ()))
        for axis in own_values(target, self._expansion):
            version_source = recipe.provides.get(axis, {}).get(variables.providers[axis], {})
            requirements += [version_source["package"]] if "package" in version_source else []
        return any(
            _same(ecosystem, text, name, self._catalog.ecosystems)
            for text in _package_names(requirements)
        )


def lineage(record: Record, key: str) -> Sequence[str]:
    """Return a target's ancestors that the release has, and itself, the root first.

    The share of an ancestor has the id that it was built under: it may be under top recipes now.
    """
    links = [TargetId(share.target) for share in record.targets[key].shares[:-1]]
    ids = [it.under() if it.under() in record.targets and not it.is_under else it for it in links]
    return [*(item for item in ids if item in record.targets), key]


def _no_package(
    package: str, image: str | None, record: Record, inventories: Mapping[str, PackageList]
) -> SelectionError:
    subject = f"{image} of release {record.release}" if image else f"release {record.release}"
    if not inventories:
        return SelectionError(f"the packages of {subject} are not known")
    names = {
        name for packages in inventories.values() for items in packages.values() for name in items
    }
    hint = did_you_mean(package, sorted(names))
    return SelectionError(f"{subject} has no package {package!r}", hint=hint)


def _matching_packages(
    package: str, packages: PackageList, ecosystems: Ecosystems
) -> Iterator[tuple[str, str]]:
    for ecosystem, items in packages.items():
        for name in items:
            if _same(ecosystem, package, name, ecosystems):
                yield ecosystem, name


def _package_names(requirements: Iterable[str]) -> Iterator[str]:
    for text in requirements:
        if match := _NAME.match(text):
            yield match[0]


def _same(ecosystem: str, text: str, package: str, ecosystems: Ecosystems) -> bool:
    """Whether two names are of the same package, as the ecosystem spells them."""
    first, second = (normalized(name, ecosystem, ecosystems) for name in (text, package))
    return first == second
