"""Whether the lock fits what recipes ask for: known without network and engine. Pure."""

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
    """A target whose recipe asks for what the lock does not have.

    `names` are those of its packages that the lock lacks; none, where something was taken out of
    the recipe or its image is held otherwise. `is_edited`: the lock has packages for it, chosen for
    the recipe as it was. They were never locked otherwise, be it that an index was not reached.
    """

    target: str
    recipe: str
    names: tuple[str, ...]
    is_edited: bool

    @property
    def what(self) -> str:
        """What does not fit, without the target."""
        if not self.names:
            return f"recipe {self.recipe}, or a pin of its image, changed since {FILE} was made"
        verb = "is" if len(self.names) == 1 else "are"
        return f"recipe {self.recipe} names {', '.join(self.names)}, which {verb} not in {FILE}"

    @property
    def reason(self) -> str:
        """Why the target is not built, and what mends that."""
        return f"{self.what}: {_RUN if self.is_edited else '`builder lock` says why'}"


def misfits(
    catalog: Catalog, expansion: Expansion, lock: Lock, targets: Iterable[str]
) -> dict[str, Misfit]:
    """Return what of `targets` (ids) the lock does not fit, by id.

    That an ancestor has other packages by now, or a line another version, is no reason: what was
    chosen for a recipe is still what it asks for.
    """
    package_requests = PackageRequests(catalog=catalog, expansion=expansion, lock=lock)
    found = {}
    for key in targets:
        target, layer = expansion.targets[key], lock.package_sets.get(key)
        if not package_requests.can_lock(target):
            continue  # its base or a line is not locked, which is told by itself
        wanted = _wanted(catalog, package_requests, target)
        if layer is None:
            is_fit = not wanted
        else:
            is_fit = package_requests.asked(target, lock.package_sets).is_same_recipe(layer.request)
        if is_fit:
            continue
        names = _lacking(catalog, package_requests, target, lock, wanted)
        if not names and (layer is None or "-" not in layer.request):
            continue  # there is all of it; older locks do not tell a recipe from what it stands on
        found[key] = Misfit(
            target=key, recipe=target.recipe, names=names, is_edited=layer is not None
        )
    return found


def refusals(found: Iterable[Misfit], read: Callable[[str], str]) -> list[BuilderError]:
    """Return an error for each package that a recipe names and the lock lacks, with its place."""
    places: dict[tuple[str, str], list[Misfit]] = {}
    for one in found:
        for name in one.names or ("",):
            places.setdefault((one.recipe, name), []).append(one)
    errors: list[BuilderError] = []
    for (recipe, name), items in places.items():
        what = f"recipe {recipe} names {name}, which is not in {FILE}" if name else items[0].what
        more = f" and {count(len(items) - 1, 'other')}" if len(items) > 1 else ""
        place = named_at(read, recipe, name or "packages")
        errors.append(ConfigError(f"{what}: {items[0].target}{more}", hint=_RUN, location=place))
    return errors


def stale_package_sets(
    catalog: Catalog, expansion: Expansion, lock: Lock, targets: Iterable[str]
) -> list[str]:
    """Return which of `targets` (ids) have another layer in the lock than a new one would have.

    Unlike `misfits` it minds what ancestors and lines are by now.
    """
    package_requests = PackageRequests(catalog=catalog, expansion=expansion, lock=lock)
    found = []
    for key in targets:
        target, layer = expansion.targets[key], lock.package_sets.get(key)
        if layer is None:
            is_stale = bool(
                _wanted(catalog, package_requests, target)
            ) and package_requests.can_lock(target)
        else:
            is_stale = not package_requests.asked(target, lock.package_sets).is_same(layer.request)
        if is_stale:
            found.append(key)
    return found


def _wanted(
    catalog: Catalog, package_requests: PackageRequests, target: Target
) -> dict[str, tuple[str, ...]]:
    """Return what the recipe of a target names of the ecosystems that are locked."""
    locked = {name for name, rules in catalog.ecosystems.items() if rules.is_locked}
    return {name: items for name, items in package_requests.names(target).items() if name in locked}


def _lacking(
    catalog: Catalog,
    package_requests: PackageRequests,
    target: Target,
    lock: Lock,
    wanted: Mapping[str, tuple[str, ...]],
) -> tuple[str, ...]:
    """Return what is named, and neither the target has in the lock nor an ancestor."""
    inherited = package_requests.inherited(target, lock.package_sets)
    layer = lock.package_sets.get(target.id)
    lacking: list[str] = []
    for ecosystem, names in wanted.items():
        own = layer.packages.get(ecosystem, {}) if layer else {}
        packages = {**inherited.get(ecosystem, ({}, {}))[0], **own}
        is_met = catalog.ecosystems[ecosystem].is_met
        lacking += [name for name in names if not is_met(name, packages)]
    return tuple(lacking)
