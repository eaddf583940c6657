"""The app: locks, plans, builds, releases and compares one catalog."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from builder.app import planning
from builder.app.adapters import AdapterFactory, Adapters, Notify, Setup
from builder.app.inheritance import kept_here
from builder.app.locking import choose_lock, upgrade_of
from builder.app.options import Options
from builder.app.planning import EnginePlatforms, Planned
from builder.app.run import (
    Run,
    RunLoop,
    Watcher,
    ignore,
    steps_of,
    unwatched,
    with_release,
    write_chart_index,
)
from builder.app.upstream_releases import Wanted
from builder.build.disk import Measure
from builder.build.events import Listener
from builder.build.image_steps import Action
from builder.build.run_context import RunContext
from builder.catalog.models import Catalog
from builder.catalog.selection import select as select_targets
from builder.common import checkout
from builder.common.filelock import run_lock
from builder.diff.compare import Difference
from builder.diff.operands import Comparison
from builder.lock.interfaces import BaseLocker
from builder.lock.locker import LockResult
from builder.lock.lockfile import Lock, parse
from builder.network.build_env import effective_network
from builder.plan.fingerprint import Fingerprint
from builder.plan.models import RegistryState, Step
from builder.plan.registry_state import read_registry_state
from builder.project import Project
from builder.registry.release_record import Record


def silent(_text: str) -> None:
    """Tell nobody."""


class App:
    """Locks, plans, builds, releases and compares a catalog.

    `registry`, `engine`, `state` and `today` (YYYY-MM-DD) are short for what `options` says.
    `adapters` makes the adapters; give `partial(Adapters, engine=…)` to replace some. `notify`
    takes lines for a person; `watcher` looks on while steps are carried out.
    """

    def __init__(
        self,
        project: Project,
        options: Options | None = None,
        *,
        registry: str = "",
        engine: str = "",
        state: Path | str | None = None,
        today: str = "",
        adapters: AdapterFactory = Adapters,
        notify: Notify = silent,
        watcher: Watcher = unwatched,
    ) -> None:
        options = options or Options()
        self.options = replace(
            options,
            registries=(registry,) if registry else options.registries,
            engine=engine or options.engine,
            state=Path(state).resolve() if state else options.state,
            today=today or options.today,
        )
        self._whole_project = project
        self._factory = adapters
        self._watcher = watcher
        self._depth = 0  # of `working`
        self.notify = notify
        self.project = _settled(project, self.options)
        self.workspace = project.workspace(self.options.state)
        self.state = self.workspace.state
        checkout.check_folder(self.state.root)
        self.adapters = adapters(
            Setup(
                project=self.project,
                options=self.options,
                state=self.state,
                notify=notify,
                stopping=threading.Event(),
            )
        )
        self._loop = RunLoop(self.adapters, watcher)

    @property
    def catalog(self) -> Catalog:
        """Return the catalog, with the registries that this app uses."""
        return self.project.catalog

    def with_options(self, **changes: Any) -> App:
        """Return an app on the same catalog with other options: the names are those of Options."""
        return App(
            self._whole_project,
            replace(self.options, **changes),
            adapters=self._factory,
            notify=self.notify,
            watcher=self._watcher,
        )

    def with_state(self, folder: Path) -> App:
        """Return an app whose derived files are in another folder.

        It runs programs with the runner of this one, and ends with it.
        """
        app = self.with_options(state=folder)
        setup = self.adapters.setup
        app.adapters = self._factory(
            replace(app.adapters.setup, stopping=setup.stopping, runner=self.adapters.runner)
        )
        app._loop = RunLoop(app.adapters, self._watcher)
        return app

    # Turns.

    @contextlib.contextmanager
    def working(self, *, beside: bool = False) -> Iterator[None]:
        """Keep the catalog's state for this app alone, and serve the registry `embedded`.

        Apps that work `beside` others share the state. What is called meanwhile need not wait for
        its turn. Raises ConflictError where another run of the builder is at work.
        """
        if self._depth:
            yield
            return
        with run_lock(self.state, beside=beside), self.adapters.registry():
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1

    @contextlib.contextmanager
    def registry(self, *, deletes: bool = False) -> Iterator[None]:
        """Serve the registry `embedded`, where the catalog uses it and it is not served yet.

        `deletes` says that what is in it may be deleted meanwhile.
        """
        with contextlib.nullcontext() if self._depth else self.adapters.registry(deletes=deletes):
            yield

    # The lock.

    def selected(self, select: Sequence[str] | None = None) -> Sequence[str]:
        """Return the ids of the targets that `select`, or the options, select.

        Raises SelectionError where there is none.
        """
        return select_targets(
            self.project.expansion, self.options.select if select is None else select
        )

    def locked(self) -> Lock:
        """Return matrix.lock. Raises ConfigError where there is none."""
        return planning.locked(self.project)

    def fitting_lock(self, select: Sequence[str] | None = None) -> Lock:
        """Return matrix.lock, for what is selected. Raises ConfigError where it does not fit."""
        return planning.fitting_lock(self.project, self.options, self.selected(select))

    def lock(
        self,
        upgrade: Iterable[str] | None = (),
        *,
        select: Sequence[str] | None = None,
        bases: BaseLocker | None = None,
        holds: bool = True,
    ) -> LockResult:
        """Return a new lock, which is not written: what still fits the catalog stays as it is.

        `upgrade` names the packages, recipes, images, axes or release lines that become newer;
        None is all. `bases` takes the place of where base images come from. What is inherited from
        the catalogs below moves only where `holds` is false. What could not be looked up is in its
        `problems`. Raises ConfigError for what is wrong with the catalog.
        """
        return choose_lock(
            self.project,
            self.adapters,
            self.selected(select),
            upgrade_of(upgrade),
            bases=bases,
            holds=holds,
        )

    def write_lock(self, lock: Lock) -> bool:
        """Write matrix.lock, and plan with it from now on; whether that changed the file."""
        self._whole_project = replace(self._whole_project, lock=lock)
        self.project = replace(self.project, lock=lock)
        return self.workspace.write_lock(lock, kept_here(self.project))

    # The plan.

    def fingerprints(self, lock: Lock) -> dict[str, Fingerprint]:
        """Return the fingerprint of every target, by id."""
        return planning.fingerprints_of(self.project, lock)

    def plan(
        self,
        select: Sequence[str] | None = None,
        *,
        offline: bool = False,
        to_run: bool = True,
        lock: Lock | None = None,
        reasons: Mapping[str, str] | None = None,
        as_declared: bool = False,
    ) -> Planned:
        """Return what would be done, and why.

        `offline` asks no registry: everything counts as missing there. `to_run` also blocks what
        the engine of this machine cannot build for, for which it looks for one; a plan that is
        only read needs none. `lock` is planned with instead of matrix.lock. With `reasons`, by
        target id, the plan is of these targets alone. `as_declared` plans all anew, also what was
        never locked. Raises ConfigError, SelectionError; StepError where a registry does not
        answer.
        """
        selected = self.selected(select)
        if lock is None:
            lock = planning.fitting_lock(self.project, self.options, selected)
        fingerprints = self.fingerprints(lock)
        is_for_engine = to_run and not offline
        return planning.make(
            self.project,
            self.options,
            lock=lock,
            fingerprints=fingerprints,
            registry_state=self._registry_state(
                lock, fingerprints, selected, offline=offline, is_patient=is_for_engine
            ),
            selected=selected,
            builds=EnginePlatforms(lambda: self.adapters.engine.platforms)
            if is_for_engine
            else None,
            reasons=reasons,
            as_declared=as_declared,
        )

    def _registry_state(
        self,
        lock: Lock,
        fingerprints: Mapping[str, Fingerprint],
        selected: Sequence[str],
        *,
        offline: bool,
        is_patient: bool,
    ) -> RegistryState:
        """Return what the first registry has and what can be adopted; nothing, offline."""
        if offline:
            return RegistryState(was_read=False)
        with self.registry():
            store = self.adapters.store_of_run if is_patient else self.adapters.store
            state = read_registry_state(
                store,
                self.project,
                lock,
                fingerprints,
                takes_chroot=self.options.takes_chroot,
                trust=self.adapters.trust,
            )
            wanted = Wanted(
                project=self.project,
                files=self.workspace.files,
                lock=lock,
                fingerprints=fingerprints,
                selected=selected,
                fingerprints_of=planning.fingerprints_of,
                is_any_builders=self.options.build_anyway,
            )
            # A registry below that does not answer is not waited for: what it has can be built.
            return wanted.with_adoptables(state, self.adapters.store)

    # The run.

    def context(self, planned: Planned, listen: Listener = ignore) -> RunContext:
        """Return what the steps of a plan are carried out on."""
        return self._loop.context(planned, listen)

    def run(
        self,
        planned: Planned,
        kinds: Collection[str] = ("base", "build", "chart"),
        *,
        only: Collection[str] = (),
        on_event: Listener = ignore,
    ) -> Run:
        """Carry out the steps of these kinds, and those with the ids `only`.

        Kinds are base, build, chart and release. A step that fails is in the results of the run,
        as those are that need it. Raises SelectionError for an unknown id, ConfigError where a
        target does not fit in the disk budget, ConflictError where another run is at work, and
        Interrupted where `stop` was called.
        """
        steps = steps_of(planned.plan, kinds, only)
        with self.working():
            return self._loop.carry_out(planned, steps, listen=on_event)

    def release(self, run: Run, *, on_event: Listener = ignore) -> Run:
        """Release what passed in a run: record, tags, charts, index. Return it with the run.

        What did not pass keeps what the last release had. Raises as `run` does.
        """
        steps = steps_of(run.plan, {"release"})
        with self.working():
            release = self._loop.carry_out(run.planned, steps, earlier=run.results, listen=on_event)
        return with_release(run, release)

    def perform(
        self,
        planned: Planned,
        steps: Mapping[str, Step],
        make: Callable[[Listener], Action],
        disk: Measure | None = None,
    ) -> Run:
        """Carry out steps that are not of the plan, with the action that `make` gives.

        `disk` is measured meanwhile. Raises Interrupted where `stop` was called.
        """
        return self._loop.perform(planned, steps, make, disk=disk)

    def stop(self, reason: str) -> None:
        """End what runs, and start nothing more: the run then raises Interrupted.

        It may be called from any thread and from a signal handler.
        """
        self._loop.stop(reason)

    def write_index(self, record: Record, keeps: Collection[str] | None = None) -> None:
        """Write the chart repository from the current record; `keeps`: see publish_index."""
        write_chart_index(self.adapters, record, keeps)

    # Releases.

    def diff(self, old: str, new: str = "current") -> Difference:
        """Return what changed between two releases, lock files, tags or digests.

        Starts and pulls nothing. Raises SelectionError for what is not there.
        """
        store = self.adapters.store
        comparison = Comparison(
            catalog=self.catalog,
            history=self.adapters.history,
            store=store,
            read_lock=_read_lock,
        )
        with self.registry():
            return comparison.compare(old, new)


def _settled(project: Project, options: Options) -> Project:
    """Return a project with the registries and the network that an app uses."""
    matrix = project.catalog.matrix
    if options.registries:
        matrix = matrix.with_registries(options.registries)
    return replace(
        project,
        catalog=replace(project.catalog, matrix=matrix),
        network=effective_network(project.network, os.environ, project.catalog.ecosystems),
    )


def _read_lock(path: str) -> Lock | None:
    file = Path(path)
    if not file.is_file():
        return None
    return parse(file.read_text(encoding="utf-8"), path)
