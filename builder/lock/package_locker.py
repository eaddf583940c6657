"""Lock the packages of every target: decide which package sets are resolved again."""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from builder.catalog.expansion import Expansion
from builder.catalog.ids import ServedId, ValueId
from builder.catalog.models import Matrix, Target
from builder.catalog.package_shape import is_former
from builder.catalog.packages import LockedPackage
from builder.common.errors import BuilderError, Location, NoPackageError, StepError, refused
from builder.common.text import count
from builder.lock.held import NOTHING_HELD, Held
from builder.lock.interfaces import AncestorError, PackageRequest, PackageResolver
from builder.lock.lockfile import Lock, PackageSet
from builder.lock.problems import Problem, named, same_reason
from builder.lock.requests import MOVED, PackageRequests

_AT_ONCE = 4
Note = Callable[[str], None]
Locate = Callable[[str, str], Location]
"""Returns the location at which a recipe names a package."""


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """What may move to a newer version: everything, or what has one of `names`.

    A name is a package, a recipe, an image, an axis or a release line, `axis=value`; or the latter
    with the provider that it shall come from, `axis=value@provider`.

    What is `held` is that of a catalog below, and never moves.
    """

    is_all: bool = False
    names: frozenset[str] = frozenset()
    held: Held = NOTHING_HELD

    def covers(self, target: Target) -> bool:
        """Whether every package of a target may move."""
        variant, names = target.variant, {target.recipe, target.variant.image}
        if self.holds(target):
            return False
        return self.is_all or not self.names.isdisjoint({*names, *variant.values})

    def holds(self, target: Target) -> bool:
        """Whether the packages of a target are those of a catalog below."""
        return target.made_id in self.held.package_sets

    def release_line(self, value_id: str) -> bool:
        """Whether a release line, `axis=value`, may move to a newer version."""
        names = {value_id, ValueId(value_id).axis}
        if value_id in self.held.values:
            return False
        return self.is_all or value_id in self.requested or not self.names.isdisjoint(names)

    @property
    def requested(self) -> dict[str, str]:
        """The providers that release lines shall come from now, by `axis=value`."""
        asked = [one for one in map(ServedId, self.names) if one.value not in self.held.values]
        return {one.value: one.provider for one in asked if one.provider}

    def touches(self, package_set: PackageSet) -> bool:
        """Whether a package of a package set may move."""
        return any(not self.names.isdisjoint(items) for items in package_set.packages.values())


ALL = Upgrade(is_all=True)
NOTHING = Upgrade()


class PackageLocker:
    """Locks the package sets of a catalog. A new one gets the epoch of `today` (YYYY-MM-DD).

    `not_after` is that of its requests.
    """

    def __init__(
        self,
        *,
        package_requests: PackageRequests,
        resolvers: Mapping[str, PackageResolver],
        upgrade: Upgrade,
        today: str,
        note: Note,
        locate: Locate,
        not_after: str = "",
    ) -> None:
        self._not_after = not_after
        self._requests = package_requests
        self._resolvers = resolvers
        self._upgrade = upgrade
        self._epoch = calendar.timegm(time.strptime(today, "%Y-%m-%d"))
        self._note = note
        self._locate = locate
        self._must_move: dict[str, frozenset[str]] = {}

    def lock(
        self, targets: Sequence[Target], previous: Lock
    ) -> tuple[dict[str, PackageSet], tuple[Problem, ...]]:
        """Return the package sets of `targets` (parents first), as in a lock, and what failed.

        Targets that add nothing have none. A failure stops no other target: the previous package
        set stays if the recipe still asks for it; otherwise the target is left out, with its
        children. If a target needs another version of an ancestor's package, that package moves in
        the ancestor, and the ancestor's descendants are locked again.
        """
        package_sets, problems = self._lock_once(targets, previous)
        while self._allow_moves(problems):
            previous = replace(previous, package_sets={**previous.package_sets, **package_sets})
            package_sets, problems = self._lock_once(targets, previous)
        problems = tuple(map(self._with_held_ancestor, problems))
        self._report_problems(problems)
        return package_sets, problems

    def _with_held_ancestor(self, problem: Problem) -> Problem:
        """Return a problem with what to do where a package of a catalog below would have to move.

        Nobody but that catalog moves it.
        """
        error = problem.error
        owners = error.owners.keys() if isinstance(error, AncestorError) else set[str]()
        held_owners = sorted(owners & self._upgrade.held.package_sets)
        if not held_owners:
            return problem
        hint = (
            f"{held_owners[0]} is locked by the catalog below: add the package to its recipe by a"
            " patch of `recipes`, or say `lock: own` of that image"
        )
        return replace(problem, error=StepError(error.message, hint=hint))

    def _allow_moves(self, problems: Sequence[Problem]) -> bool:
        """Let ancestors' packages move that targets need in other versions; whether any is new."""
        already_moving = dict(self._must_move)
        for error in (problem.error for problem in problems):
            for owner, names in error.owners.items() if isinstance(error, AncestorError) else ():
                if owner in self._upgrade.held.package_sets:
                    continue
                if names - self._must_move.get(owner, frozenset()):
                    self._note(f"{owner}: {', '.join(sorted(names))} must move: {error.message}")
                    self._must_move[owner] = self._must_move.get(owner, frozenset()) | names
        return self._must_move != already_moving

    def _lock_once(
        self, targets: Sequence[Target], previous: Lock
    ) -> tuple[dict[str, PackageSet], tuple[Problem, ...]]:
        """Return the package sets of `targets` that add something, by id, and what failed."""
        package_sets: dict[str, PackageSet] = {}
        problems: dict[str, Problem] = {}
        futures: dict[str, Future[None]] = {}

        def work(target: Target) -> None:
            if target.parent in futures:
                futures[target.parent].result()
            if not self._is_ready(target, package_sets):
                return
            try:
                package_sets[target.made_id] = self._package_set(target, package_sets, previous)
            except (BuilderError, OSError) as caught:
                error = refused(caught) if isinstance(caught, OSError) else caught
                if still_valid := self._still_valid(
                    target, package_sets, previous.package_sets.get(target.made_id)
                ):
                    package_sets[target.made_id] = still_valid
                problems[target.id] = Problem(
                    subject=target.id,
                    error=self._located(target, error),
                    keeps=still_valid is not None,
                )

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for target in targets:
                futures[target.id] = pool.submit(work, target)
            for future in futures.values():
                future.result()
        in_order = tuple(problems[target.id] for target in targets if target.id in problems)
        nonempty = {
            target.made_id: package_sets[target.made_id]
            for target in targets
            if target.made_id in package_sets and package_sets[target.made_id].packages
        }
        return nonempty, in_order

    def _still_valid(
        self, target: Target, package_sets: Mapping[str, PackageSet], previous: PackageSet | None
    ) -> PackageSet | None:
        """Return the previous package set of a target, if its recipe still asks for the same.

        Packages that an ancestor has by now are left out.
        """
        if previous is None or not self._requests.request_key(target, package_sets).is_same_recipe(
            previous.request
        ):
            return None
        inherited = self._requests.inherited(target, package_sets)
        packages = {
            ecosystem: {
                name: package
                for name, package in owned.items()
                if name not in inherited.get(ecosystem, ({},))[0]
            }
            for ecosystem, owned in previous.packages.items()
        }
        return previous if packages == previous.packages else replace(previous, packages=packages)

    def _located(self, target: Target, error: BuilderError) -> BuilderError:
        """Return an error with the location at which the recipe names its package."""
        if not isinstance(error, NoPackageError) or error.location is not None:
            return error
        location = self._locate(target.recipe, error.package)
        return NoPackageError(
            error.message, package=error.package, hint=error.hint, location=location
        )

    def _report_problems(self, problems: Sequence[Problem]) -> None:
        """Print what failed, by target, each reason once."""
        for group in same_reason(problems):
            outcome = "as they were" if group[0].keeps else "not locked"
            self._note(f"{named(group)}: packages {outcome}: {group[0].reason}")

    def _is_ready(self, target: Target, package_sets: Mapping[str, PackageSet]) -> bool:
        return self._requests.can_lock(target) and self._requests.has_parent(target, package_sets)

    def _package_set(
        self, target: Target, package_sets: Mapping[str, PackageSet], previous_lock: Lock
    ) -> PackageSet:
        previous = previous_lock.package_sets.get(target.made_id)
        if previous and self._upgrade.holds(target):
            return previous
        request_key = self._requests.request_key(target, package_sets)
        is_same = previous is not None and request_key.is_same(previous.request)
        is_covered = self._upgrade.covers(target)
        may_move = is_covered or (previous is not None and self._upgrade.touches(previous))
        stale_ecosystems = (
            self._stale_ecosystems(target, package_sets, previous_lock) if previous else set()
        )
        if previous and is_same and not may_move and not stale_ecosystems:
            return previous
        packages: dict[str, Mapping[str, LockedPackage]] = {}
        names = self._requests.names(target)
        for ecosystem in (name for name in self._resolvers if name in names):
            previous_packages = previous.packages.get(ecosystem, {}) if previous else {}
            is_fresh = is_same and ecosystem not in stale_ecosystems
            if previous_packages and is_fresh and not may_move:
                packages[ecosystem] = previous_packages
            else:
                preferred = {} if is_covered else self._preferred(target, previous_packages)
                request = self._requests.request(
                    target, ecosystem, package_sets, own=packages, preferred=preferred,
                    locked=previous_packages,
                )  # fmt: skip
                packages[ecosystem] = self._resolved(
                    ecosystem, request, previous_packages, may_stay=is_fresh and is_covered
                )
        if previous and packages == previous.packages:
            stays = is_same and not previous.request.endswith(MOVED)
            return previous if stays else replace(previous, request=str(request_key))
        if packages:
            self._report_packages(target, previous, packages)
        return PackageSet(epoch=self._epoch, request=str(request_key), packages=packages)

    def _resolved(
        self,
        ecosystem: str,
        request: PackageRequest,
        previous: Mapping[str, LockedPackage],
        *,
        may_stay: bool,
    ) -> Mapping[str, LockedPackage]:
        """Return the packages of one ecosystem: the previous ones where nothing is newer."""
        resolver = self._resolvers[ecosystem]
        request = replace(request, not_after=self._not_after)
        if previous and may_stay and resolver.is_newest(request, previous):
            return previous
        packages = resolver.resolve(request)
        self._check_replaced(previous, packages)
        return packages

    def _check_replaced(
        self, previous: Mapping[str, LockedPackage], packages: Mapping[str, LockedPackage]
    ) -> None:
        """Refuse a file that is another than it was, unless its package is named to move."""
        for name, package in packages.items():
            previous_package = previous.get(name)
            if (
                previous_package is None
                or previous_package.file != package.file
                or previous_package.version != package.version
                or is_former(previous_package)
            ):
                continue
            if previous_package.digest != package.digest and name not in self._upgrade.names:
                raise StepError(
                    f"{package.file_name} is not the file that the lock has:"
                    f" it is {package.digest}, not {previous_package.digest}",
                    hint="the file was replaced upstream; if that is intended,"
                    f" `builder lock --upgrade {name}` locks the new one",
                )

    def _stale_ecosystems(
        self, target: Target, package_sets: Mapping[str, PackageSet], previous_lock: Lock
    ) -> set[str]:
        """Return the ecosystems of a target to resolve again, though its recipe did not change.

        Its ancestors have other versions by now, or a descendant needs another version.
        """
        previous = previous_lock.package_sets[target.made_id]
        ecosystems = self._requests.moved(target, package_sets, previous_lock)
        if previous.request.endswith(MOVED):
            ecosystems |= previous.packages.keys()
        must_move = self._must_move.get(target.made_id, frozenset())
        # An older builder had no resolver for these.
        names = self._requests.names(target)
        ecosystems |= {name for name in self._resolvers if name in names} - previous.packages.keys()
        return ecosystems | {
            name
            for name, packages in previous.packages.items()
            if must_move & packages.keys() or any(map(is_former, packages.values()))
        }

    def _preferred(
        self, target: Target, packages: Mapping[str, LockedPackage]
    ) -> dict[str, LockedPackage]:
        may_move = self._upgrade.names | self._must_move.get(target.made_id, frozenset())
        return {name: package for name, package in packages.items() if name not in may_move}

    def _report_packages(
        self,
        target: Target,
        previous: PackageSet | None,
        packages: Mapping[str, Mapping[str, LockedPackage]],
    ) -> None:
        number = sum(map(len, packages.values()))
        if previous is None:
            self._note(f"{target.id}: {count(number, 'package')}")
            return
        changed = [
            name
            for ecosystem, chosen in packages.items()
            for name, package in chosen.items()
            if previous.packages.get(ecosystem, {}).get(name) != package
        ]
        removed = [
            name
            for ecosystem, chosen in previous.packages.items()
            for name in chosen
            if name not in packages.get(ecosystem, {})
        ]
        changes = [
            f", {word}: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
            for word, names in (("new", changed), ("gone", removed))
            if names
        ]
        self._note(f"{target.id}: {count(number, 'package')}{''.join(changes)}")


def alive_targets(expansion: Expansion, today: str) -> dict[str, Target]:
    """Return the targets that have not reached their end of life on the day, by id."""
    return {key: target for key, target in expansion.targets.items() if not target.has_ended(today)}


def with_dependencies(
    target_ids: Collection[str], alive: Mapping[str, Target], expansion: Expansion
) -> list[Target]:
    """Return targets with all that they are built from, in the order of the expansion."""
    dependencies = expansion.needs
    needed_ids: set[str] = set()
    pending = [target_id for target_id in target_ids if target_id in alive]
    while pending:
        target_id = pending.pop()
        if target_id in alive and target_id not in needed_ids:
            needed_ids.add(target_id)
            pending += dependencies[target_id]
    return [target for target_id, target in alive.items() if target_id in needed_ids]


def overdue_pins(matrix: Matrix, today: str) -> list[str]:
    """Return a sentence for each pin, and each patch, whose review date has passed."""
    overdue = []
    for image in matrix.images.values():
        if image.pin and image.pin.until < today:
            pinned = [
                f"{name} {limit}"
                for limits in image.pin.packages.values()
                for name, limit in limits.items()
            ]
            overdue.append(
                f"image {image.name} pins {', '.join(pinned)}, until {image.pin.until}:"
                f" {image.pin.reason}"
            )
    overdue += [
        f"patch {patch.name} is to be looked at again since {patch.until}: {patch.why}"
        for patch in matrix.patches.values()
        if patch.until and patch.until < today
    ]
    return overdue
