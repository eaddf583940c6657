"""Chooses the lock of a catalog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from builder.app.adapters import Adapters
from builder.app.folder_releases import FolderReleases
from builder.app.inheritance import inheritance
from builder.app.planning import check, flaws_of
from builder.catalog.recipe import named_at
from builder.catalog.selection import select_charts
from builder.ci.systems import CI_SYSTEMS
from builder.common.errors import BuilderError, StepError
from builder.common.text import count
from builder.lock.accepted import accepted_patches, changes_of_patches
from builder.lock.containers import lock_containers
from builder.lock.interfaces import BaseLocker
from builder.lock.locker import LockResult, lock_catalog
from builder.lock.lockfile import Lock, is_of_line
from builder.lock.optional import forgiven
from builder.lock.package_locker import ALL, NOTHING, Note, Upgrade, overdue_pins
from builder.lock.problems import Problem
from builder.lock.verify import Flaw, without
from builder.oci.reference import parse
from builder.project import Project
from builder.registry.interfaces import Registry
from builder.resolvers.cooldown import without_dates


def upgrade_of(names: Iterable[str] | None) -> Upgrade:
    """Return what is taken newer: what `names` says, nothing where it is empty, all for None."""
    if names is None:
        return ALL
    requested = frozenset(names)
    return Upgrade(is_all=False, names=requested) if requested else NOTHING


def choose_lock(
    project: Project,
    adapters: Adapters,
    selected: Sequence[str],
    upgrade: Upgrade,
    *,
    bases: BaseLocker | None = None,
    holds: bool = True,
) -> LockResult:
    """Return the lock of the selected targets, not written; its `problems` are what is missing.

    `bases` takes the place of where base images come from. `holds`: what is inherited from the
    catalogs below stays as it is. Raises ConfigError for what is wrong with recipes and charts.
    """

    note = partial(_note, adapters)
    note(f"{count(len(selected), 'target')}: looking at bases, release lines and packages")
    _tell(project, today := adapters.setup.options.today, note)
    if holds:
        project, upgrade = _holding(project, upgrade, today, note)
    result = lock_catalog(
        catalog=project.catalog,
        expansion=project.declared,
        previous=_without_flaws(project, note),
        bases=bases or adapters.bases,
        providers=adapters.providers,
        today=today,
        note=note,
        locate=partial(named_at, project.workspace().read),
        targets=selected,
        upgrade=upgrade,
        resolvers=adapters.resolvers,
        explain=lambda lock: adapters.package_check.check(lock, selected),
    )
    result = replace(result, problems=forgiven(result.problems, project.declared, selected))
    result = _believed(result, flaws_of(project, result.lock))
    result = _with_accepted(result, project, adapters, note)
    result = _with_charts(result, project, adapters, upgrade, note)
    return _with_containers(result, project, adapters, upgrade, note)


def _note(adapters: Adapters, text: str) -> None:
    adapters.setup.notify(f"lock: {text}")


def _holding(project: Project, upgrade: Upgrade, today: str, note: Note) -> tuple[Project, Upgrade]:
    """Return a project and an upgrade where what is inherited stays as it is below."""
    inherits = inheritance(project)
    if inherits is None:
        return project, upgrade
    if upgrade != NOTHING and (said := inherits.said(today)):
        note(said)
    pins = (project.lock or Lock()).upstreams  # those that are new are in no file yet
    lock = replace(inherits.in_force, upstreams=pins)
    return replace(project, lock=lock), replace(upgrade, held=inherits.held)


def _tell(project: Project, today: str, note: Note) -> None:
    """Note what of a catalog somebody who locks it should know. Raises what is wrong with it."""
    check(project)
    if unheld := without_dates(project.catalog, project.root):
        note(f"{unheld}: the newest versions are taken, as no dates of them are known")
    matrix = project.catalog.matrix
    for text in (*overdue_pins(matrix, today), *changes_of_patches(project.lock or Lock(), matrix)):
        note(text)


def _without_flaws(project: Project, note: Note) -> Lock | None:
    """Return matrix.lock without the entries that are not believed."""
    if project.lock is None:
        return None
    found = flaws_of(project, project.lock)
    for flaw in found:
        note(f"not believed, and looked up again: {flaw.message}")
    return without(project.lock, found)


def _believed(result: LockResult, found: Sequence[Flaw]) -> LockResult:
    """Return a new lock without the entries for which an index gave a false name, URL or hash."""
    problems = [
        Problem(
            subject=flaw.subject,
            error=StepError(f"an index is not believed: {flaw.problem}"),
            keeps=False,
        )
        for flaw in found
    ]
    return replace(result, lock=without(result.lock, found), problems=(*result.problems, *problems))


def _with_accepted(
    result: LockResult, project: Project, adapters: Adapters, note: Note
) -> LockResult:
    """Return a new lock with what the old one says of catalogs below, and what patches do now.

    Of folders it says which release has their images.
    """
    old, patches = project.lock or Lock(), accepted_patches(project.catalog.matrix)
    lock = replace(result.lock, upstreams=old.upstreams, replaces=old.replaces, patches=patches)
    releases = FolderReleases(project=project, store=lambda: adapters.store, note=note)
    lock, problems = releases.pinned(lock)
    return replace(result, lock=lock, problems=(*result.problems, *problems))


def _with_charts(
    result: LockResult, project: Project, adapters: Adapters, upgrade: Upgrade, note: Note
) -> LockResult:
    """Return a new lock with the selected charts of upstreams; the others stay as they are."""
    charts = project.catalog.matrix.upstream_charts
    previous = project.lock.charts if project.lock else {}
    locked = {name: item for name, item in previous.items() if name in charts}
    problems: list[Problem] = []
    for name in select_charts(project.declared, adapters.setup.options.select):
        upstream, before = charts[name].upstream, locked.get(name)
        assert upstream is not None
        may_move = name not in upgrade.held.charts and (upgrade.is_all or name in upgrade.names)
        if before and not may_move and is_of_line(before.version, upstream.release_line):
            continue
        note(f"chart {name}: asking {upstream.repository}")
        try:
            locked[name] = adapters.upstreams.locker(adapters.helm).lock(name)
            note(f"chart {name}: {locked[name].version}, pinned by {locked[name].pin}")
        except BuilderError as error:
            problems.append(Problem(subject=f"chart {name}", error=error, keeps=before is not None))
            stays = f"stays {before.version}" if before else "not locked"
            note(f"chart {name}: {stays}: {problems[-1].reason}")
    lock = replace(result.lock, charts=locked)
    return LockResult(lock=lock, problems=(*result.problems, *problems))


def _with_containers(
    result: LockResult, project: Project, adapters: Adapters, upgrade: Upgrade, note: Note
) -> LockResult:
    """Return a new lock with the digests of the images that the jobs of a CI system run in."""
    previous = project.lock.containers if project.lock else {}
    if adapters.setup.options.only_looks:
        return replace(result, lock=replace(result.lock, containers=previous))
    containers, problems = lock_containers(
        containers_of(project.root),
        previous=previous,
        upgrade=upgrade,
        read_digest=partial(_read_digest, adapters.store),
        note=note,
    )
    lock = replace(result.lock, containers=containers)
    return replace(result, lock=lock, problems=(*result.problems, *problems))


def containers_of(root: Path) -> Iterator[str]:
    """Yield the images that jobs run in, of the CI systems whose files a catalog has."""
    for name in CI_SYSTEMS.built_in:
        system = CI_SYSTEMS.get(name)
        if any((root / path).is_file() for path in system.workflows(1)):
            yield from system.containers


def _read_digest(store: Registry, image: str) -> str:
    reference = parse(f"docker.io/library/{image}")
    if (digest := store.digest(reference)) is None:
        raise StepError(f"{reference} is not in its registry")
    return digest
