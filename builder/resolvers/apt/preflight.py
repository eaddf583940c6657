"""Find apt packages that recipes name and no archive has, with the location in the recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from builder.catalog.expansion import Expansion, own_values
from builder.catalog.models import Base, Catalog, Target
from builder.catalog.recipe import build_variables, named_at, packages_of
from builder.common.errors import BuilderError, NoPackageError, StepError
from builder.common.text import count
from builder.lock.interfaces import Provider, ReleaseLineRequest
from builder.lock.lockfile import Lock
from builder.lock.requests import is_known
from builder.resolvers.apt.missing import missing_package
from builder.resolvers.apt.providers import AptProvider
from builder.resolvers.apt.root import AptRoot


@dataclass(frozen=True, kw_only=True)
class Added:
    """A package that a recipe adds to a target."""

    package: str
    recipe: str
    target: Target


class PackageCheck:
    """Checks the names of apt packages in recipes.

    `root` returns apt's private root of a base, or None if it is not filled; `read` reads a file of
    the catalog, for the location of an error.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        expansion: Expansion,
        providers: Mapping[str, Provider],
        root: Callable[[Base], AptRoot | None],
        read: Callable[[str], str],
    ) -> None:
        self._catalog = catalog
        self._expansion = expansion
        self._providers = providers
        self._root = root
        self._read = read

    def check(self, lock: Lock, targets: Iterable[str]) -> Mapping[str, Sequence[BuilderError]]:
        """Return errors for missing packages of `targets` (ids) and their ancestors, by id.

        A target with an unlocked release line is left out, as its packages are not known.
        """
        lockable = [
            target for target in self._with_parents(targets) if self._is_known(target, lock)
        ]
        added = [item for target in lockable for item in self._added(target, lock)]
        missing = self._missing(added, lock)
        errors: dict[str, list[BuilderError]] = {}
        for (base, recipe, package), items in missing.items():
            error = self._error(base, recipe, package, items)
            for item in items:
                errors.setdefault(item.target.id, []).append(error)
        return errors

    def _with_parents(self, targets: Iterable[str]) -> list[Target]:
        chosen = [self._expansion.targets[key] for key in targets]
        all_ids = {ancestor.id for target in chosen for ancestor in self._expansion.lineage(target)}
        all_ids |= {key for target in chosen for _, key in target.inputs}
        return [target for key, target in self._expansion.targets.items() if key in all_ids]

    def _is_known(self, target: Target, lock: Lock) -> bool:
        return is_known(target, self._catalog.matrix, self._expansion, lock)

    def _added(self, target: Target, lock: Lock) -> Iterator[Added]:
        lines = lock.lines_of(target.variant.values)
        variables = build_variables(target, self._catalog.matrix, lines.versions, lines.providers)
        for name in packages_of(self._catalog.recipes[target.recipe], variables).get("apt", ()):
            if "{" not in name:
                yield Added(package=name, recipe=target.recipe, target=target)

    def _missing(
        self, added: Sequence[Added], lock: Lock
    ) -> dict[tuple[str, str, str], list[Added]]:
        """Return the missing packages, by base, recipe and package."""
        groups: dict[str, list[Added]] = {}
        for item in added:
            groups.setdefault(self._expansion.base_of(item.target).id, []).append(item)
        missing_items: dict[tuple[str, str, str], list[Added]] = {}
        for base, items in groups.items():
            root = self._root(self._expansion.bases[base])
            missing = set(root.missing(item.package for item in items) if root else ())
            for item in items:
                if item.package in missing and self._is_missing_beside(item, lock):
                    missing_items.setdefault((base, item.recipe, item.package), []).append(item)
        return missing_items

    def _is_missing_beside(self, item: Added, lock: Lock) -> bool:
        """Whether the repositories of the target's release lines lack it too."""
        return all(root.missing([item.package]) for root in self._beside(item.target, lock))

    def _beside(self, target: Target, lock: Lock) -> Iterator[AptRoot]:
        locked = lock.lines_of(target.variant.values).providers
        for ancestor in self._expansion.lineage(target):
            for axis, name in own_values(ancestor, self._expansion).items():
                value = self._catalog.matrix.value(axis, name).served(target.variant.values, locked)
                provider = self._providers.get(value.provider or "")
                options = self._catalog.recipes[ancestor.recipe].provides.get(axis, {})
                if not isinstance(provider, AptProvider) or value.provider == "apt":
                    continue
                base = self._expansion.base_of(target)
                request = ReleaseLineRequest(
                    line=value.upstream, base=base, lock=lock.bases[base.id],
                    options=options.get(value.provider or "", {}), axis=axis,
                )  # fmt: skip
                try:
                    yield provider.root(request)
                except StepError:  # it cannot be reached, which is reported elsewhere
                    continue

    def _error(
        self, base: str, recipe: str, package: str, items: Sequence[Added]
    ) -> NoPackageError:
        others = f" and {count(len(items) - 1, 'other')}" if len(items) > 1 else ""
        root = self._root(self._expansion.bases[base])
        assert root is not None
        return missing_package(
            root=root, name=package, base=base, recipe=recipe,
            target=f"{items[0].target.id}{others}",
            location=named_at(self._read, recipe, package),
            elsewhere=self._elsewhere(package, self._expansion.bases[base]),
        )  # fmt: skip

    def _elsewhere(self, name: str, base: Base) -> tuple[str, ...]:
        """Return the other values of a base's axis, as `axis=value`, that have a package."""
        values = []
        for other in self._expansion.bases.values():
            is_kin = (other.axis, other.platform) == (base.axis, base.platform)
            root = self._root(other) if is_kin and other.id != base.id else None
            if root and not root.missing([name]):
                values.append(other.value_id)
        return tuple(values)
