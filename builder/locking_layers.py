"""The packages of every target, for the lock: which layers are solved again, and which stay."""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from builder.errors import BuilderError, UnreachableError, raise_all
from builder.layering import Layering
from builder.lock import LayerLock, Lock
from builder.matrix import Expansion
from builder.model import Catalog, Matrix, Target
from builder.packages import LockedPackage
from builder.ports_layers import LayerResolver
from builder.text import count

_AT_ONCE = 4
Note = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """What may move to something newer: everything, or what bears one of `names`.

    A name is a package, a recipe, an image, or an axis.
    """

    is_all: bool = False
    names: frozenset[str] = frozenset()

    def covers(self, target: Target) -> bool:
        """Whether every package of a target may move."""
        cell = target.cell
        return self.is_all or not self.names.isdisjoint({target.recipe, cell.image, *cell.values})

    def line(self, line: str) -> bool:
        """Whether a line, `axis=value`, may move to a newer version."""
        return self.is_all or not self.names.isdisjoint({line, line.partition("=")[0]})

    def touches(self, layer: LayerLock) -> bool:
        """Whether a package of a layer may move."""
        return any(not self.names.isdisjoint(items) for items in layer.packages.values())


ALL = Upgrade(is_all=True)
NOTHING = Upgrade()


class LayerLocker:
    """Locks the layers of a catalog. `today` is YYYY-MM-DD, the epoch of what is new."""

    def __init__(
        self,
        *,
        layering: Layering,
        resolvers: Mapping[str, LayerResolver],
        upgrade: Upgrade,
        today: str,
        note: Note,
    ) -> None:
        self._layering = layering
        self._resolvers = resolvers
        self._upgrade = upgrade
        self._epoch = calendar.timegm(time.strptime(today, "%Y-%m-%d"))
        self._note = note

    def lock(
        self, targets: Sequence[Target], held: Mapping[str, LayerLock]
    ) -> dict[str, LayerLock]:
        """The layers of `targets`, parents first, by id, but those that add nothing.

        Raises all errors together. What cannot be asked for stays as it is held, or is left out.
        """
        layers: dict[str, LayerLock] = {}
        errors: dict[str, BuilderError] = {}
        ended: dict[str, Future[None]] = {}
        unasked: dict[str, str] = {}

        def work(target: Target) -> None:
            if target.parent in ended:
                ended[target.parent].result()
            if not self._is_ready(target, layers):
                return
            try:
                layers[target.id] = self._layer(target, layers, held.get(target.id))
            except UnreachableError as error:
                before, what = held.get(target.id), "not locked"
                if before and before.asked == self._layering.asked(target, layers):
                    layers[target.id], what = before, "as they were"
                unasked[target.id] = f"packages {what}: {error.message}"
            except BuilderError as error:
                # What several cells have in common is told once.
                errors.setdefault(error.message.replace(target.id, ""), error)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for target in targets:
                ended[target.id] = pool.submit(work, target)
            for future in ended.values():
                future.result()
        self._tell_unasked({it.id: unasked[it.id] for it in targets if it.id in unasked})
        raise_all(list(errors.values()))
        return {
            target.id: layers[target.id]
            for target in targets
            if target.id in layers and layers[target.id].packages
        }

    def _tell_unasked(self, reasons: Mapping[str, str]) -> None:
        """Say what could not be asked for, by target, each reason once."""
        for reason in dict.fromkeys(reasons.values()):
            first, *others = [key for key in reasons if reasons[key] == reason]
            more = f" and {len(others)} more" if others else ""
            self._note(f"{first}{more}: {reason}")

    def _is_ready(self, target: Target, layers: Mapping[str, LayerLock]) -> bool:
        return self._layering.can_lock(target) and (target.is_root or target.parent in layers)

    def _layer(
        self, target: Target, layers: Mapping[str, LayerLock], held: LayerLock | None
    ) -> LayerLock:
        asked = self._layering.asked(target, layers)
        is_same = held is not None and held.asked == asked
        covered = self._upgrade.covers(target)
        if held and is_same and not covered and not self._upgrade.touches(held):
            return held
        packages: dict[str, Mapping[str, LockedPackage]] = {}
        names = self._layering.names(target)
        for ecosystem, resolver in self._resolvers.items():
            if ecosystem not in names:
                continue
            before = held.packages.get(ecosystem, {}) if held else {}
            stays = {} if covered else self._stays(before)
            request = self._layering.request(
                target, ecosystem, layers, own=packages, keep=stays, held=before
            )
            if before and is_same and covered and resolver.is_newest(request, before):
                packages[ecosystem] = before
            else:
                packages[ecosystem] = resolver.resolve(request)
        if held and packages == held.packages:
            return replace(held, asked=asked)
        if packages:
            self._tell(target, held, packages)
        return LayerLock(epoch=self._epoch, asked=asked, packages=packages)

    def _stays(self, before: Mapping[str, LockedPackage]) -> dict[str, LockedPackage]:
        return {name: it for name, it in before.items() if name not in self._upgrade.names}

    def _tell(
        self,
        target: Target,
        held: LayerLock | None,
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
        more = ", …" if len(moved) > 5 else ""
        self._note(f"{target.id}: {count(number, 'package')}, new: {', '.join(moved[:5])}{more}")


def alive_targets(expansion: Expansion, today: str) -> dict[str, Target]:
    """The targets that have not ended on the day, by id."""
    return {
        key: target
        for key, target in expansion.targets.items()
        if not (target.eol and target.eol < today)
    }


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


def overdue_holds(matrix: Matrix, today: str) -> list[str]:
    """What is held longer than it was meant to be, in words."""
    found = []
    for image in matrix.images.values():
        if image.hold and image.hold.until < today:
            held = [
                f"{name} {limit}"
                for it in image.hold.packages.values()
                for name, limit in it.items()
            ]
            found.append(
                f"image {image.name} holds {', '.join(held)}, until {image.hold.until}:"
                f" {image.hold.reason}"
            )
    return found


def stale_layers(
    catalog: Catalog, expansion: Expansion, lock: Lock, ecosystems: Collection[str], today: str
) -> list[str]:
    """The ids of targets whose layer in the lock is not of what their recipes ask for now."""
    layering = Layering(catalog=catalog, expansion=expansion, lock=lock)
    found = []
    for target in alive_targets(expansion, today).values():
        names = [name for name in layering.names(target) if name in ecosystems]
        layer = lock.layers.get(target.id)
        if layer is None:
            is_stale = bool(names) and layering.can_lock(target)
        else:
            is_stale = layer.asked != layering.asked(target, lock.layers)
        if is_stale:
            found.append(target.id)
    return found
