"""One run on one catalog: what it plans, and what it carries steps out with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from builder.app.adapters import Adapters
from builder.build.chart_steps import ChartActions
from builder.build.events import Listener
from builder.build.image_steps import BuildActions
from builder.build.patience import PatientStore
from builder.build.requests import Requests
from builder.build.run_context import RunContext, Toolbox
from builder.catalog.recipe import check_tests
from builder.catalog.selection import select
from builder.charts.next_version import check_charts
from builder.common.errors import BuilderError, ConfigError, raise_all
from builder.lock.fit import Misfit, misfits, refusals
from builder.lock.lockfile import Lock
from builder.lock.package_locker import alive_targets
from builder.network.upstreams import UPSTREAM
from builder.plan.dockerfile import DockerfileRenderer
from builder.plan.fingerprint import Fingerprint, fingerprints
from builder.plan.models import Plan, RegistryState, Step
from builder.plan.planner import make_plan
from builder.release.commit import Records
from builder.testing.images import Smoke


class App(Adapters):
    """A run: its catalog, lock and plan, with the adapters that its options ask for."""

    def locked(self) -> Lock:
        """matrix.lock. Raises ConfigError where there is none."""
        if self.project.lock is None:
            raise ConfigError("there is no matrix.lock", hint="run `builder lock`")
        return self.project.lock

    def fitting_lock(self) -> Lock:
        """Return matrix.lock, for what is selected.

        Raises ConfigError where a recipe asks for what it does not have, or brings no tests: what
        cannot come to a good end is refused before it begins.
        """
        lock, targets = self.locked(), self.selected()
        if not self.options.block_unlocked:
            raise_all(check_tests(self.project.expansion, self.catalog.recipes, targets))
        self._refuse(self._misfits(lock, targets).values())
        return lock

    def _misfits(self, lock: Lock, targets: Iterable[str]) -> dict[str, Misfit]:
        """Return which of `targets` the lock does not fit; those that have ended need none."""
        expansion = self.project.expansion
        alive = alive_targets(expansion, self.options.today)
        return misfits(self.catalog, expansion, lock, [key for key in targets if key in alive])

    def _refuse(self, unfit: Iterable[Misfit]) -> None:
        """Raise what was edited since it was locked; the rest is blocked by itself."""
        if not self.options.block_unlocked:
            edited = [misfit for misfit in unfit if misfit.is_edited]
            raise_all(refusals(edited, self.workspace.read))

    def fingerprints(self, lock: Lock) -> dict[str, Fingerprint]:
        """The fingerprint of every target."""
        renderer = DockerfileRenderer(
            macros=self.catalog.macros, macros_path="images/_macros", sources=UPSTREAM
        )
        return fingerprints(self.catalog, self.project.expansion, lock, renderer)

    def check(self) -> None:
        """Raise what is wrong with recipes and charts: known in a moment, and so before a lock."""
        errors = check_charts(self.catalog, self.project.expansion.charts)
        try:
            self.fingerprints(self.project.lock or Lock(bases={}, release_lines={}))
        except BuilderError as error:
            errors.insert(0, error)
        raise_all(errors)

    def selected(self) -> Sequence[str]:
        """The ids of the targets that the options select."""
        return select(self.project.expansion, self.options.select)

    def observed(
        self,
        lock: Lock,
        prints: Mapping[str, Fingerprint],
        store: PatientStore | None = None,
    ) -> RegistryState:
        """What the first registry holds, as `store` tells it, or the one for who looks."""
        from builder.plan.registry_state import read_registry_state

        return read_registry_state(
            store or self.store, self.catalog, self.project.expansion, lock, prints
        )

    def seen(
        self, lock: Lock, prints: Mapping[str, Fingerprint], *, offline: bool
    ) -> RegistryState:
        """What the first registry holds, for a command that only looks; nothing, offline."""
        if offline:
            return RegistryState(was_read=False)
        with self.registry():
            return self.observed(lock, prints)

    def plan(
        self,
        lock: Lock,
        prints: Mapping[str, Fingerprint],
        observed: RegistryState,
        builds: Sequence[str] | None = None,
        *,
        as_declared: bool = False,
    ) -> Plan:
        """The plan of this run; `builds` are the platforms that can be built for, None: any.

        `as_declared`: what was never locked is planned all the same.
        """
        unfit = self._misfits(lock, self.project.expansion.targets)
        if as_declared:
            unfit = {key: one for key, one in unfit.items() if one.is_edited}
        plan = make_plan(
            catalog=self.catalog,
            expansion=self.project.expansion,
            lock=lock,
            fingerprints=prints,
            registry_state=observed,
            selected=self.selected(),
            today=self.options.today,
            builds=builds,
            unlocked={key: one.reason for key, one in unfit.items()},
        )
        self._refuse(one for key, one in unfit.items() if key in plan.targets)
        return plan

    @property
    def records(self) -> Records:
        """The records of releases."""
        return Records(catalog=self.catalog, store=self.store)

    # Doing.

    def work(
        self, lock: Lock, prints: Mapping[str, Fingerprint], plan: Plan, listen: Listener
    ) -> RunContext:
        """What steps are carried out on."""
        return RunContext(
            project=self.project,
            lock=lock,
            fingerprints=prints,
            plan=plan,
            state=self.workspace.state,
            listen=listen,
            timeout=self.options.timeout,
        )

    def build_actions(self, work: RunContext, store: PatientStore | None = None) -> BuildActions:
        """What builds, with the registries of a step where they are given."""
        toolbox = Toolbox(
            engine=self.engine,
            store=store or self.store,
            bases=self.bases,
            files=self.downloads,
            smoke=Smoke(self.engine, self.runner),
            packages=self.resolvers,
        )
        return BuildActions(context=work, toolbox=toolbox)

    def chart_actions(self, work: RunContext, store: PatientStore) -> ChartActions:
        """What makes charts, with the registries of a step."""
        return ChartActions(context=work, store=store, helm=self.helm, runner=self.chart_runner)

    def commands(self, work: RunContext, steps: Mapping[str, Step]) -> Iterator[str]:
        """What the steps would run."""
        from builder.export.script import Commands

        return Commands(
            context=work,
            engine=self.engine,
            store=self.registries,
            bases=self.bases,
            requests=Requests(work),
            helm=self.helm,
        ).lines(steps)
