"""Asks the indexes again for what matrix.lock has of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from builder.app.app import App
from builder.catalog.models import Base
from builder.common.errors import BuilderError, StepError
from builder.common.text import count
from builder.lock.lockfile import BaseLock, Lock
from builder.lock.package_locker import alive_targets
from builder.lock.verify import Flaw, errors_of
from builder.resolvers.online import Asked, ask_packages, ask_release_lines

_HINT = (
    "if upstream replaced or withdrew it, `builder lock --upgrade NAME` takes what it has now;"
    " otherwise somebody else changed the lock: restore it from git"
)


@runtime_checkable
class _AsksRegistries(Protocol):
    """A source of bases that can ask again for what is locked."""

    def differing(self, base: Base, lock: BaseLock) -> str:
        """Return what a registry says of a base that it does not have as it is locked; or ""."""


def ask_again(app: App) -> list[BuilderError]:
    """Return an error for each entry of the selected targets that its index does not state so.

    What did not answer is the last errors. Raises ConfigError where the lock itself is wrong.
    """
    lock = app.locked()
    project, adapters = app.project, app.adapters
    alive = alive_targets(project.expansion, app.options.today)
    targets = [target_id for target_id in app.selected() if target_id in alive]

    def note(text: str) -> None:
        app.notify(f"lock: {text}")

    asked = (
        _ask_bases(app, lock, targets, note),
        ask_release_lines(
            catalog=project.catalog, expansion=project.expansion, lock=lock, targets=targets,
            providers=adapters.providers, note=note,
        ),
        ask_packages(
            catalog=project.catalog, expansion=project.expansion, lock=lock, targets=targets,
            resolvers=adapters.resolvers, note=note,
        ),
    )  # fmt: skip
    flaws = [flaw for part in asked for flaw in part.flaws]
    unanswered = [error for part in asked for error in part.errors]
    note(f"asked: {count(len(flaws), 'difference')}, {count(len(unanswered), 'error')}")
    return [*errors_of(flaws, app.workspace.lock_text(), _HINT), *unanswered]


def _ask_bases(app: App, lock: Lock, targets: list[str], note: Callable[[str], None]) -> Asked:
    expansion, source = app.project.expansion, app.adapters.bases
    bases = {base.id: base for base in (expansion.base_of(expansion.targets[it]) for it in targets)}
    flaws: list[Flaw] = []
    errors: list[BuilderError] = []
    for base in bases.values():
        base_lock = lock.bases.get(base.id)
        if base_lock is None or not isinstance(source, _AsksRegistries):
            continue
        note(f"{base.id}: asking {base_lock.source}")
        try:
            said = source.differing(base, base_lock)
        except StepError as error:
            errors.append(error)
            continue
        if said:
            flaws.append(Flaw(section="bases", subject=base.id, path=("content",), problem=said))
    return Asked(flaws=tuple(flaws), errors=tuple(errors))
