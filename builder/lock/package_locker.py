"""The packages of every target, for the lock: which layers are solved again, and which stay."""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from builder.catalog.expansion import Expansion
from builder.catalog.ids import ValueId
from builder.catalog.models import Matrix, Target
from builder.catalog.packages import LockedPackage
from builder.common.errors import BuilderError, Location, NoPackageError, StepError, refused
from builder.common.text import count
from builder.lock.interfaces import AncestorError, PackageResolver
from builder.lock.lockfile import Lock, PackageSet
from builder.lock.problems import Problem, named, same_reason
from builder.lock.requests import MOVED, PackageRequests

_AT_ONCE = 4
Note = Callable[[str], None]
Locate = Callable[[str, str], Location]
"""The place where a recipe names a package."""


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """What may move to something newer: everything, or what bears one of `names`.

    A name is a package, a recipe, an image, or an axis.
    """

    is_all: bool = False
    names: frozenset[str] = frozenset()

    def covers(self, target: Target) -> bool:
        """Whether every package of a target may move."""
        variant = target.variant
        return self.is_all or not self.names.isdisjoint(
            {target.recipe, variant.image, *variant.values}
        )

    def line(self, line: str) -> bool:
        """Whether a line, `axis=value`, may move to a newer version."""
        return self.is_all or not self.names.isdisjoint({line, ValueId(line).axis})

    def touches(self, layer: PackageSet) -> bool:
        """Whether a package of a layer may move."""
        return any(not self.names.isdisjoint(items) for items in layer.packages.values())


ALL = Upgrade(is_all=True)
NOTHING = Upgrade()


class PackageLocker:
    """Locks the layers of a catalog. `today` is YYYY-MM-DD, the epoch of what is new."""

    def __init__(
        self,
        *,
        package_requests: PackageRequests,
        resolvers: Mapping[str, PackageResolver],
        upgrade: Upgrade,
        today: str,
        note: Note,
        locate: Locate,
    ) -> None:
        self._layering = package_requests
        self._resolvers = resolvers
        self._upgrade = upgrade
        self._epoch = calendar.timegm(time.strptime(today, "%Y-%m-%d"))
        self._note = note
        self._locate = locate
        self._freed: dict[str, frozenset[str]] = {}

    def lock(
        self, targets: Sequence[Target], held: Lock
    ) -> tuple[dict[str, PackageSet], tuple[Problem, ...]]:
        """Return the package sets of `targets`, by id, parents first, and the problems.

        Empty package sets are left out. A failure stops no other target: the failed one keeps its
        locked package set if that still fits its recipe, or else is left out with its children. If
        a target needs a package of an ancestor in another version, it is upgraded in the ancestor,
        and all descendants of that are resolved again.
        """
        layers, problems = self._pass(targets, held)
        while self._free(problems):
            held = replace(held, package_sets={**held.package_sets, **layers})
            layers, problems = self._pass(targets, held)
        self._tell(problems)
        return layers, problems

    def _free(self, problems: Sequence[Problem]) -> bool:
        """Let go what ancestors have in other versions than targets need; whether that is new."""
        before = dict(self._freed)
        for error in (one.error for one in problems):
            for owner, names in error.owners.items() if isinstance(error, AncestorError) else ():
                if names - self._freed.get(owner, frozenset()):
                    self._note(f"{owner}: {', '.join(sorted(names))} must move: {error.message}")
                    self._freed[owner] = self._freed.get(owner, frozenset()) | names
        return self._freed != before

    def _pass(
        self, targets: Sequence[Target], held: Lock
    ) -> tuple[dict[str, PackageSet], tuple[Problem, ...]]:
        """Return the package sets of `targets` that are not empty, by id, and the problems."""
        layers: dict[str, PackageSet] = {}
        problems: dict[str, Problem] = {}
        ended: dict[str, Future[None]] = {}

        def work(target: Target) -> None:
            if target.parent in ended:
                ended[target.parent].result()
            if not self._is_ready(target, layers):
                return
            try:
                layers[target.id] = self._layer(target, layers, held)
            except (BuilderError, OSError) as caught:
                error = refused(caught) if isinstance(caught, OSError) else caught
                if kept := self._kept(target, layers, held.package_sets.get(target.id)):
                    layers[target.id] = kept
                problems[target.id] = Problem(
                    subject=target.id, error=self._located(target, error), keeps=kept is not None
                )

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for target in targets:
                ended[target.id] = pool.submit(work, target)
            for future in ended.values():
                future.result()
        in_order = tuple(problems[it.id] for it in targets if it.id in problems)
        found = {
            target.id: layers[target.id]
            for target in targets
            if target.id in layers and layers[target.id].packages
        }
        return found, in_order

    def _kept(
        self, target: Target, layers: Mapping[str, PackageSet], held: PackageSet | None
    ) -> PackageSet | None:
        """Return the locked package set of a target if it still fits the recipe, or None.

        Packages that an ancestor has by now are left out.
        """
        if held is None or not self._layering.asked(target, layers).is_same_recipe(held.request):
            return None
        inherited = self._layering.inherited(target, layers)
        packages = {
            ecosystem: {
                name: it
                for name, it in items.items()
                if name not in inherited.get(ecosystem, ({},))[0]
            }
            for ecosystem, items in held.packages.items()
        }
        return held if packages == held.packages else replace(held, packages=packages)

    def _located(self, target: Target, error: BuilderError) -> BuilderError:
        """Add the location at which the recipe names the package to an error."""
        if not isinstance(error, NoPackageError) or error.location is not None:
            return error
        place = self._locate(target.recipe, error.package)
        return NoPackageError(error.message, package=error.package, hint=error.hint, location=place)

    def _tell(self, problems: Sequence[Problem]) -> None:
        """Say what stopped, by target, each reason once."""
        for group in same_reason(problems):
            what = "as they were" if group[0].keeps else "not locked"
            self._note(f"{named(group)}: packages {what}: {group[0].reason}")

    def _is_ready(self, target: Target, layers: Mapping[str, PackageSet]) -> bool:
        return self._layering.can_lock(target) and (target.is_root or target.parent in layers)

    def _layer(
        self, target: Target, layers: Mapping[str, PackageSet], before_all: Lock
    ) -> PackageSet:
        held = before_all.package_sets.get(target.id)
        asked = self._layering.asked(target, layers)
        is_same = held is not None and asked.is_same(held.request)
        covered = self._upgrade.covers(target)
        may_move = covered or (held is not None and self._upgrade.touches(held))
        stale = self._stale(target, layers, before_all) if held else set()
        if held and is_same and not may_move and not stale:
            return held
        packages: dict[str, Mapping[str, LockedPackage]] = {}
        names = self._layering.names(target)
        for ecosystem, resolver in self._resolvers.items():
            if ecosystem not in names:
                continue
            before = held.packages.get(ecosystem, {}) if held else {}
            fits = is_same and ecosystem not in stale
            if before and fits and not may_move:
                packages[ecosystem] = before
                continue
            stays = {} if covered else self._stays(target, before)
            request = self._layering.request(
                target, ecosystem, layers, own=packages, preferred=stays, locked=before
            )
            if before and fits and covered and resolver.is_newest(request, before):
                packages[ecosystem] = before
            else:
                packages[ecosystem] = resolver.resolve(request)
                self._check_replaced(before, packages[ecosystem])
        if held and packages == held.packages:
            is_marked = held.request.endswith(MOVED)
            return held if is_same and not is_marked else replace(held, request=str(asked))
        if packages:
            self._tell_chosen(target, held, packages)
        return PackageSet(epoch=self._epoch, request=str(asked), packages=packages)

    def _check_replaced(
        self, before: Mapping[str, LockedPackage], now: Mapping[str, LockedPackage]
    ) -> None:
        """Refuse a file that is another than it was, unless its package is named to move."""
        for name, package in now.items():
            old = before.get(name)
            if old is None or old.file != package.file or old.version != package.version:
                continue
            if old.digest != package.digest and name not in self._upgrade.names:
                raise StepError(
                    f"{package.file_name} is another file than the lock has:"
                    f" {package.digest}, and not {old.digest}",
                    hint="it was replaced upstream; where that is right,"
                    f" `builder lock --upgrade {name}` takes it",
                )

    def _stale(self, target: Target, layers: Mapping[str, PackageSet], before: Lock) -> set[str]:
        """Return the ecosystems of a target that must be resolved again, whatever its recipe says.

        Its ancestors have other versions there, or a child needs another version of a package.
        """
        held = before.package_sets[target.id]
        found = self._layering.moved(target, layers, before)
        if held.request.endswith(MOVED):
            found |= held.packages.keys()
        freed = self._freed.get(target.id, frozenset())
        return found | {name for name, items in held.packages.items() if freed & items.keys()}

    def _stays(
        self, target: Target, before: Mapping[str, LockedPackage]
    ) -> dict[str, LockedPackage]:
        moving = self._upgrade.names | self._freed.get(target.id, frozenset())
        return {name: it for name, it in before.items() if name not in moving}

    def _tell_chosen(
        self,
        target: Target,
        held: PackageSet | None,
        packages: Mapping[str, Mapping[str, LockedPackage]],
    ) -> None:
        number = sum(map(len, packages.values()))
        if held is None:
            self._note(f"{target.id}: {count(number, 'package')}")
            return
        moved = [
            name
            for ecosystem, items in packages.items()
            for name, it in items.items()
            if held.packages.get(ecosystem, {}).get(name) != it
        ]
        gone = [
            name
            for ecosystem, items in held.packages.items()
            for name in items
            if name not in packages.get(ecosystem, {})
        ]
        changes = [
            f", {word}: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
            for word, names in (("new", moved), ("gone", gone))
            if names
        ]
        self._note(f"{target.id}: {count(number, 'package')}{''.join(changes)}")


def alive_targets(expansion: Expansion, today: str) -> dict[str, Target]:
    """Return the targets that have not ended on the day, by id."""
    return {key: target for key, target in expansion.targets.items() if not target.has_ended(today)}


def with_what_they_need(
    ids: Collection[str], alive: Mapping[str, Target], expansion: Expansion
) -> list[Target]:
    """Targets and what they are built from, in the order of the expansion."""
    needs = expansion.needs
    found: set[str] = set()
    stack = [key for key in ids if key in alive]
    while stack:
        key = stack.pop()
        if key in alive and key not in found:
            found.add(key)
            stack += needs[key]
    return [target for key, target in alive.items() if key in found]


def overdue_pins(matrix: Matrix, today: str) -> list[str]:
    """Return in words which pins are older than they were meant to be."""
    found = []
    for image in matrix.images.values():
        if image.pin and image.pin.until < today:
            pinned = [
                f"{name} {limit}"
                for it in image.pin.packages.values()
                for name, limit in it.items()
            ]
            found.append(
                f"image {image.name} pins {', '.join(pinned)}, until {image.pin.until}:"
                f" {image.pin.reason}"
            )
    return found
