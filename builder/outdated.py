"""Which targets would change if they were locked anew: from indexes alone, nothing is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from builder.difference import Difference, compare, lock_side
from builder.errors import UnreachableError
from builder.fingerprint import Fingerprint
from builder.lock import Lock, as_data
from builder.matrix import Expansion
from builder.model import Base, Source
from builder.ports import BaseLock

_SECURITY = "-security"


@dataclass(frozen=True, kw_only=True)
class Outdated:
    """What a new lock would bring.

    `targets` maps the ids of those that would be built anew to why; `bases` the ids of bases to
    what is newer in them, `name old → new`; `ended` target ids to their last day.
    """

    difference: Difference
    targets: Mapping[str, str]
    security: tuple[str, ...]  # packages that would come from a security suite
    bases: Mapping[str, tuple[str, ...]]
    ended: Mapping[str, str]


class HeldBases:
    """Bases that stay what they are locked to: none is fetched to see whether it moved.

    `refresh` fetches the indexes of one.
    """

    def __init__(self, refresh: Callable[[Base, BaseLock], object]) -> None:
        self._refresh = refresh

    def lock(
        self, base: Base, sources: Sequence[Source], held: BaseLock | None, today: str
    ) -> BaseLock:
        """What is held. Raises UnreachableError where nothing is."""
        if held is None:
            raise UnreachableError(f"base {base.id} is not locked", hint="run `builder lock`")
        self._refresh(base, held)
        return held


def outdated(
    *,
    expansion: Expansion,
    selected: Sequence[str],
    held: Lock,
    found: Lock,
    prints: Callable[[Lock], Mapping[str, Fingerprint]],
    newer: Callable[[Base, BaseLock], tuple[str, ...]],
    today: str,
) -> Outdated:
    """Compare the lock that is `held` with one that was `found` without moving bases.

    `newer` says what an index has newer than a base.
    """
    below = [_base(key, expansion) for key in selected]
    under = {it.id: it for it in below if it.id in held.bases}
    bases = {key: moved for key, it in under.items() if (moved := newer(it, held.bases[key]))}
    before = prints(held)
    after = before if found == held else prints(found)
    targets: dict[str, str] = {}
    ended: dict[str, str] = {}
    for key in selected:
        target = expansion.targets[key]
        if target.eol and target.eol < today:
            ended[key] = target.eol
        elif (base := _base(key, expansion).id) in bases:
            targets[key] = f"base {base} has newer packages"
        elif before[key].digest != after[key].digest:
            own = held.layers.get(key) != found.layers.get(key)
            targets[key] = "its own packages" if own else f"its parent {target.parent} or an input"
    return Outdated(
        difference=compare(
            lock_side("matrix.lock", as_data(held)), lock_side("now", as_data(found))
        ),
        targets=targets,
        security=_security(held, found),
        bases=bases,
        ended=ended,
    )


def _base(target: str, expansion: Expansion) -> Base:
    return expansion.base_of(expansion.targets[target])


def _security(held: Lock, found: Lock) -> tuple[str, ...]:
    names = set()
    for key, layer in found.layers.items():
        before = held.layers[key].packages if key in held.layers else {}
        for ecosystem, packages in layer.packages.items():
            old = before.get(ecosystem, {})
            for name, package in packages.items():
                is_new = name not in old or old[name].version != package.version
                if is_new and package.source.endswith(_SECURITY):
                    names.add(name)
    return tuple(sorted(names))
