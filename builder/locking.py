"""The work of `builder lock`: what bases and lines are, this week."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from builder.errors import BuilderError, ConfigError, StepError, raise_all
from builder.fingerprint import own_values
from builder.lock import Lock
from builder.matrix import Expansion
from builder.model import AxisValue, Base, Catalog, Target
from builder.ports import BaseLock, BaseProvider, LineProvider
from builder.text import did_you_mean


def lock_catalog(
    *,
    catalog: Catalog,
    expansion: Expansion,
    held: Lock | None,
    bases: BaseProvider,
    providers: Mapping[str, LineProvider],
    today: str,
    note: Callable[[str], None],
) -> Lock:
    """A lock of the whole catalog. Raises every error of a base or a line together."""
    errors: list[BuilderError] = []

    def lock_base(base: Base) -> BaseLock | None:
        sources = catalog.matrix.value(base.axis, base.value).sources
        before = held.bases.get(base.id) if held else None
        note(f"{base.id}: looking")
        try:
            found = bases.lock(base, sources, before, today)
        except BuilderError as error:
            errors.append(error)
            return None
        kept = "unchanged" if before and before.content == found.content else "new"
        note(f"{base.id}: {kept}, {found.source}, {found.content[:19]}")
        return found

    needed = [base for base in expansion.bases.values() if _is_alive(base, catalog, today)]
    with ThreadPoolExecutor(max(1, len(needed))) as pool:
        locked = list(zip(needed, pool.map(lock_base, needed), strict=True))
    raise_all(errors)
    found = {base.id: item for base, item in locked if item is not None}
    lines = _resolve_all(catalog, expansion, found, providers)
    for line, version in lines.items():
        note(f"{line}: {version}")
    return Lock(bases=found, lines=lines, layers={})


def _resolve_all(
    catalog: Catalog,
    expansion: Expansion,
    bases: Mapping[str, BaseLock],
    providers: Mapping[str, LineProvider],
) -> dict[str, str]:
    """The exact version of every line that has a provider and a base that is locked."""
    errors: list[BuilderError] = []
    lines: dict[str, str] = {}
    for value, target in _lines(catalog, expansion):
        base = expansion.base_of(target)
        if base.id in bases:
            try:
                lines[value.id] = _resolve(value, target, base, bases[base.id], catalog, providers)
            except BuilderError as error:
                errors.append(error)
    raise_all(errors)
    return lines


def _is_alive(base: Base, catalog: Catalog, today: str) -> bool:
    end = catalog.matrix.value(base.axis, base.value).eol
    return not end or end >= today


def _lines(catalog: Catalog, expansion: Expansion) -> list[tuple[AxisValue, Target]]:
    """Every value that has a provider, with the first target whose recipe brings it."""
    found: dict[str, tuple[AxisValue, Target]] = {}
    for target in expansion.targets.values():
        for axis, name in own_values(target, expansion).items():
            value = catalog.matrix.value(axis, name)
            if value.provider is not None:
                found.setdefault(value.id, (value, target))
    return list(found.values())


def _resolve(
    value: AxisValue,
    target: Target,
    base: Base,
    lock: BaseLock,
    catalog: Catalog,
    providers: Mapping[str, LineProvider],
) -> str:
    name = value.provider or ""
    if name not in providers:
        raise ConfigError(
            f"{value.id}: unknown provider {name!r}", hint=did_you_mean(name, providers)
        )
    recipe = catalog.recipes[target.recipe]
    options = recipe.provides.get(value.axis, {}).get(name)
    if options is None:
        raise ConfigError(
            f"recipe {recipe.name} does not say what provides {value.axis} by {name}",
            hint=f"images/{recipe.name}/recipe.yaml: `provides: {{{value.axis}: {{{name}: …}}}}`",
        )
    version = providers[name].resolve(base, lock, options)
    if version != value.name and not version.startswith(f"{value.name}."):
        raise StepError(
            f"{value.id}: provider {name} has {version} on {base.id}",
            hint="name the line that it has, or require another base",
        )
    return version
