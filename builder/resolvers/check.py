"""What can be known of packages before anything is built: that they are there, and agree.

Every package of apt and npm that a recipe names must be there for the target that it is added to,
and what the recipes of a lineage want of pip must fit together on its Python and platform.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from builder.config.parse import Network
from builder.errors import BuilderError, Location, StepError, UnreachableError
from builder.fingerprint import own_values
from builder.lock import Lock
from builder.matrix import Expansion
from builder.model import Catalog, Target
from builder.ports import LineProvider, LineRequest
from builder.process import Runner
from builder.recipes import packages_of, setting
from builder.resolvers.apt import AptRoot
from builder.resolvers.check_pip import PipCheck, Wanted
from builder.resolvers.npm import NpmPackages
from builder.resolvers.pypi import platform_tag
from builder.resolvers.repositories import AptLines
from builder.text import count

_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Added:
    """A package that a recipe adds to a target."""

    ecosystem: str
    package: str
    recipe: str
    target: Target


class PackageCheck:
    """Asks apt, uv and npm.

    `roots` are the private roots of apt, by base; `read` reads a file of the catalog, for the place
    of an error; below `folder` is remembered what fitted.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        expansion: Expansion,
        providers: Mapping[str, LineProvider],
        roots: Mapping[str, AptRoot],
        runner: Runner,
        network: Network,
        folder: Path,
        read: Callable[[str], str],
    ) -> None:
        self._catalog = catalog
        self._expansion = expansion
        self._providers = providers
        self._roots = roots
        self._read = read
        self._npm = NpmPackages(runner=runner, network=network)
        self._pip = PipCheck(
            runner=runner, network=network, folder=folder, locate=partial(location, read)
        )

    def check(
        self, lock: Lock, targets: Iterable[str], today: str, without: Collection[str] = ()
    ) -> tuple[BuilderError, ...]:
        """What is wrong with `targets` (ids) and what they stand on, `without` some ecosystems.

        A target with a line that is not locked is left out, as its packages are not known.
        """
        known = [target for target in self._with_parents(targets) if self._is_known(target, lock)]
        added = [item for target in known for item in self._added(target, lock)]
        return (
            *(self._apt(added, lock) if "apt" not in without else ()),
            *self._npm_packages(added),
            *(self._pip.check(self._wanted(known, lock), today) if "pip" not in without else ()),
        )

    def _with_parents(self, targets: Iterable[str]) -> list[Target]:
        chosen = [self._expansion.targets[key] for key in targets]
        all_ids = {one.id for target in chosen for one in self._expansion.lineage(target)}
        all_ids |= {key for target in chosen for _, key in target.inputs}
        return [target for key, target in self._expansion.targets.items() if key in all_ids]

    def _is_known(self, target: Target, lock: Lock) -> bool:
        values = target.cell.values.items()
        needed = [self._catalog.matrix.value(axis, name) for axis, name in values]
        root = self._expansion.base_of(target).id in lock.bases
        return root and all(value.id in lock.lines for value in needed if value.provider)

    def _added(self, target: Target, lock: Lock) -> Iterator[Added]:
        where = setting(target, self._catalog.matrix, lock.versions)
        found = packages_of(self._catalog.recipes[target.recipe], where)
        for ecosystem, names in found.items():
            for name in names:
                if "{" not in name:
                    yield Added(
                        ecosystem=ecosystem, package=name, recipe=target.recipe, target=target
                    )

    # apt and npm: is it there?

    def _apt(self, added: Sequence[Added], lock: Lock) -> Iterator[BuilderError]:
        groups: dict[str, list[Added]] = {}
        for item in added:
            if item.ecosystem == "apt":
                groups.setdefault(self._expansion.base_of(item.target).id, []).append(item)
        gone: dict[tuple[str, str, str], list[Added]] = {}
        for base, items in groups.items():
            missing = set(self._roots[base].missing(_plain(item.package) for item in items))
            for item in items:
                name = _plain(item.package)
                if name in missing and self._is_missing_beside(name, item.target, lock):
                    gone.setdefault((base, item.recipe, name), []).append(item)
        for (base, recipe, name), items in gone.items():
            yield self._error(f"there is no package {name} for {base}", recipe, name, items)

    def _is_missing_beside(self, name: str, target: Target, lock: Lock) -> bool:
        """Whether the repositories that the lines of a target bring have it neither."""
        return all(root.missing([name]) for root in self._beside(target, lock))

    def _beside(self, target: Target, lock: Lock) -> Iterator[AptRoot]:
        for one in self._expansion.lineage(target):
            for axis, name in own_values(one, self._expansion).items():
                value = self._catalog.matrix.value(axis, name)
                provider = self._providers.get(value.provider or "")
                options = self._catalog.recipes[one.recipe].provides.get(axis, {})
                if not isinstance(provider, AptLines) or value.provider == "apt":
                    continue
                base = self._expansion.base_of(target)
                request = LineRequest(
                    line=value.upstream, base=base, lock=lock.bases[base.id],
                    options=options.get(value.provider or "", {}), axis=axis,
                )  # fmt: skip
                try:
                    yield provider.root(request)
                except UnreachableError:
                    continue

    def _npm_packages(self, added: Sequence[Added]) -> Iterator[BuilderError]:
        groups: dict[str, list[Added]] = {}
        for item in added:
            if item.ecosystem == "npm":
                name = item.package[:1] + item.package[1:].partition("@")[0]
                groups.setdefault(name, []).append(item)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            reasons = list(pool.map(self._why_not, groups))
        for (name, items), reason in zip(groups.items(), reasons, strict=True):
            if reason:
                yield self._error(f"npm has no package {name}", items[0].recipe, name, items)

    def _why_not(self, package: str) -> str:
        try:
            self._npm.released(package)
        except UnreachableError:
            return ""
        except StepError as error:
            return error.message
        return ""

    # pip: does it fit?

    def _wanted(self, targets: Sequence[Target], lock: Lock) -> Iterator[Wanted]:
        for target in targets:
            lineage = self._expansion.lineage(target)
            pip = [
                (item.recipe, item.package)
                for one in lineage
                for item in self._added(one, lock)
                if item.ecosystem == "pip"
            ]
            if any(recipe == target.recipe for recipe, _ in pip):
                base = self._expansion.base_of(target)
                python = lock.versions.get(f"python={target.cell.values.get('python')}", "")
                yield Wanted(
                    target=target.id,
                    python=python,
                    platform=platform_tag(target.platform.split("/")[1], base.value),
                    requirements=tuple(pip),
                )

    def _error(
        self, message: str, recipe: str, package: str, items: Sequence[Added]
    ) -> BuilderError:
        others = f" and {count(len(items) - 1, 'other')}" if len(items) > 1 else ""
        return StepError(
            f"{message}, which recipe {recipe} adds to {items[0].target.id}{others}",
            hint="is its name right, and should it stand under a condition of `when`?",
            location=location(self._read, recipe, package),
        )


def location(read: Callable[[str], str], recipe: str, package: str) -> Location:
    """Where a recipe names a package."""
    file = f"images/{recipe}/recipe.yaml"
    name = re.compile(rf"(?<![\w.-]){re.escape(package)}(?![\w.-])")
    for number, line in enumerate(read(file).splitlines(), start=1):
        if found := name.search(line.partition(" #")[0]):
            return Location(file=file, line=number, column=found.start() + 1, source=line)
    return Location(file=file)


def _plain(package: str) -> str:
    """The name of a package, without the version, suite or architecture that is asked for."""
    return re.split(r"[=/:]", package)[0]
