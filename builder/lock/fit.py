"""Whether the lock has what recipes ask for, known without network and engine. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from builder.catalog.expansion import Expansion
from builder.catalog.models import Catalog, Target
from builder.catalog.recipe import named_at
from builder.common.errors import BuilderError, ConfigError
from builder.common.text import count
from builder.lock.lockfile import FILE, Lock
from builder.lock.requests import PackageRequests

_RUN = "run `builder lock`"


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """A target whose recipe asks for packages that the lock does not have.

    `names` are the packages that the lock lacks; it is empty if a package was removed from the
    recipe or a pin changed. `is_edited`: the lock has packages for an earlier form of the recipe.
    Otherwise the target was never locked, for example because an index could not be reached.
    """

    target: str
    recipe: str
    names: tuple[str, ...]
    is_edited: bool

    @property
    def what(self) -> str:
        """The mismatch, without the target."""
        if not self.names:
            return f"recipe {self.recipe}, or a pin of its image, changed since {FILE} was made"
        verb = "is" if len(self.names) == 1 else "are"
        return f"recipe {self.recipe} names {', '.join(self.names)}, which {verb} not in {FILE}"

    @property
    def reason(self) -> str:
        """Why the target is not built, and the command that helps."""
        return f"{self.what}: {_RUN if self.is_edited else '`builder lock` says why'}"


def misfits(
    catalog: Catalog, expansion: Expansion, lock: Lock, targets: Iterable[str]
) -> dict[str, Misfit]:
    """Return those of `targets` (ids) whose recipe the lock does not fit, by id.

    Other packages of an ancestor, or another version of a release line, do not count: the locked
    packages are still what the recipe asks for.
    """
    package_requests = PackageRequests(catalog=catalog, expansion=expansion, lock=lock)
    misfits_by_id = {}
    for target_id in targets:
        target = expansion.targets[target_id]
        package_set = lock.package_sets.get(target.made_id)
        if not package_requests.can_lock(target):
            continue  # its base or a release line is not locked, which is reported elsewhere
        wanted = _wanted(catalog, package_requests, target)
        if package_set is None:
            is_fit = not wanted
        else:
            is_fit = package_requests.request_key(target, lock.package_sets).is_same_recipe(
                package_set.request
            )
        if is_fit:
            continue
        names = _missing(catalog, package_requests, target, lock, wanted)
        if not names and (package_set is None or "-" not in package_set.request):
            continue  # nothing is missing; the one hash of older locks also covers the ancestors
        misfits_by_id[target_id] = Misfit(
            target=target_id, recipe=target.recipe, names=names, is_edited=package_set is not None
        )
    return misfits_by_id


def refusals(misfits: Iterable[Misfit], read: Callable[[str], str]) -> list[BuilderError]:
    """Return an error, with location, for each package that a recipe names and the lock lacks."""
    misfits_by_name: dict[tuple[str, str], list[Misfit]] = {}
    for misfit in misfits:
        for name in misfit.names or ("",):
            misfits_by_name.setdefault((misfit.recipe, name), []).append(misfit)
    errors: list[BuilderError] = []
    for (recipe, name), group in misfits_by_name.items():
        problem = f"recipe {recipe} names {name}, which is not in {FILE}" if name else group[0].what
        others = f" and {count(len(group) - 1, 'other')}" if len(group) > 1 else ""
        location = named_at(read, recipe, name or "packages")
        errors.append(
            ConfigError(f"{problem}: {group[0].target}{others}", hint=_RUN, location=location)
        )
    return errors


def stale_package_sets(
    catalog: Catalog, expansion: Expansion, lock: Lock, targets: Iterable[str]
) -> list[str]:
    """Return those of `targets` (ids) whose package set a new lock would resolve again.

    Unlike `misfits`, changes of ancestors and release lines count.
    """
    package_requests = PackageRequests(catalog=catalog, expansion=expansion, lock=lock)
    stale = []
    for target_id in targets:
        target = expansion.targets[target_id]
        package_set = lock.package_sets.get(target.made_id)
        if package_set is None:
            is_stale = bool(
                _wanted(catalog, package_requests, target)
            ) and package_requests.can_lock(target)
        else:
            is_stale = not package_requests.request_key(target, lock.package_sets).is_same(
                package_set.request
            )
        if is_stale:
            stale.append(target_id)
    return stale


def _wanted(
    catalog: Catalog, package_requests: PackageRequests, target: Target
) -> dict[str, tuple[str, ...]]:
    """Return what the recipe of a target names of the ecosystems that are locked."""
    locked = {name for name, rules in catalog.ecosystems.items() if rules.is_locked}
    return {name: names for name, names in package_requests.names(target).items() if name in locked}


def _missing(
    catalog: Catalog,
    package_requests: PackageRequests,
    target: Target,
    lock: Lock,
    wanted: Mapping[str, tuple[str, ...]],
) -> tuple[str, ...]:
    """Return the packages that neither the target nor an ancestor has in the lock."""
    inherited = package_requests.inherited(target, lock.package_sets)
    package_set = lock.package_sets.get(target.made_id)
    missing: list[str] = []
    for ecosystem, names in wanted.items():
        own = package_set.packages.get(ecosystem, {}) if package_set else {}
        packages = {**inherited.get(ecosystem, ({}, {}))[0], **own}
        is_met = catalog.ecosystems[ecosystem].is_met
        missing += [name for name in names if not is_met(name, packages)]
    return tuple(missing)
