"""Makes plans: checks that the lock fits, and keeps together what a plan was made from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from builder.app.options import Options
from builder.catalog.recipe import check_tests
from builder.catalog.selection import select_charts
from builder.charts.next_version import check_charts, check_upstream_charts
from builder.common.errors import BuilderError, ConfigError, raise_all
from builder.lock.fit import Misfit, misfits, refusals
from builder.lock.lockfile import Lock
from builder.lock.package_locker import alive_targets
from builder.lock.verify import Flaw, errors_of, flaws
from builder.network.upstreams import UPSTREAM
from builder.plan.change import as_if_built, explained
from builder.plan.dockerfile import DockerfileRenderer
from builder.plan.fingerprint import Fingerprint, fingerprints
from builder.plan.models import ChartPlan, Plan, RegistryState, Step, TargetPlan
from builder.plan.planner import make_plan
from builder.project import Project
from builder.report.plan import FORMATS
from builder.resolvers.providers import url_starts


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan, and all that it was made from.

    `fingerprints` are by target id. `registry_state` is what the first registry had. `selected`
    are the ids of the targets that were asked for; the plan may need more.
    """

    project: Project
    lock: Lock
    fingerprints: Mapping[str, Fingerprint]
    registry_state: RegistryState
    plan: Plan
    selected: tuple[str, ...]

    @property
    def release(self) -> str:
        """Return the name of the release that the plan would make, e.g. 2026.11.23."""
        return self.plan.release

    @property
    def targets(self) -> Mapping[str, TargetPlan]:
        """Return what happens to each target, by id."""
        return self.plan.targets

    @property
    def charts(self) -> Mapping[str, ChartPlan]:
        """Return what happens to each chart, by name."""
        return self.plan.charts

    @property
    def steps(self) -> Mapping[str, Step]:
        """Return the steps by id, each after those that it needs."""
        return self.plan.steps

    def to_json(self) -> str:
        """Return the plan as `builder plan --format json` prints it."""
        return FORMATS["json"](self.plan)

    @property
    def in_registry(self) -> tuple[str, ...]:
        """Return the ids of the selected targets that the registry has."""
        return tuple(key for key in self.selected if self.plan.targets[key].digest)


class EnginePlatforms(Collection[str]):
    """The platforms that the engine of this machine builds for; one is looked for when asked."""

    def __init__(self, ask: Callable[[], Sequence[str]]) -> None:
        self._ask = ask

    def __contains__(self, platform: object) -> bool:
        return platform in self._ask()

    def __iter__(self) -> Iterator[str]:
        return iter(self._ask())

    def __len__(self) -> int:
        return len(self._ask())


def locked(project: Project) -> Lock:
    """Return matrix.lock. Raises ConfigError where there is none, and for each false entry."""
    if project.lock is None:
        raise ConfigError("there is no matrix.lock", hint="run `builder lock`")
    if found := flaws_of(project, project.lock):
        raise_all(errors_of(found, project.workspace().lock_text()))
    return project.lock


def flaws_of(project: Project, lock: Lock) -> tuple[Flaw, ...]:
    """Return what is wrong with a lock of a catalog; no index is asked."""
    return tuple(flaws(lock, project.catalog, url_starts(project.catalog, project.root)))


def fitting_lock(project: Project, options: Options, selected: Sequence[str]) -> Lock:
    """Return matrix.lock, for the selected targets.

    Raises ConfigError where a recipe asks for what it does not have, or brings no tests: what
    cannot come to a good end is refused before it begins.
    """
    lock = locked(project)
    if not options.block_unlocked:
        raise_all(check_tests(project.expansion, project.catalog.recipes, selected))
    _refuse(project, options, _misfits(project, options, lock, selected).values())
    return lock


def fingerprints_of(project: Project, lock: Lock) -> dict[str, Fingerprint]:
    """Return the fingerprint of every target, by id."""
    renderer = DockerfileRenderer(
        macros=project.catalog.macros, macros_path="images/_macros", sources=UPSTREAM
    )
    return fingerprints(project.catalog, project.expansion, lock, renderer)


def check(project: Project) -> None:
    """Raise what is wrong with recipes and charts: known in a moment, and so before a lock."""
    errors = check_charts(project.catalog, project.expansion.charts)
    errors += check_upstream_charts(project.catalog)
    try:
        fingerprints_of(project, project.lock or Lock(bases={}, release_lines={}))
    except BuilderError as error:
        errors.insert(0, error)
    raise_all(errors)


def make(
    project: Project,
    options: Options,
    *,
    lock: Lock,
    fingerprints: Mapping[str, Fingerprint],
    registry_state: RegistryState,
    selected: Sequence[str],
    builds: Collection[str] | None = None,
    reasons: Mapping[str, str] | None = None,
    as_declared: bool = False,
) -> Planned:
    """Make a plan, see `App.plan`; `builds` are platforms. Raises ConfigError for a stale lock."""
    unfit = _misfits(project, options, lock, project.expansion.targets)
    if as_declared:
        unfit = {key: misfit for key, misfit in unfit.items() if misfit.is_edited}
        registry_state = RegistryState(was_read=False, record=registry_state.record)
    if reasons is not None:
        registry_state = as_if_built(registry_state, fingerprints.keys() - reasons.keys())
    plan = make_plan(
        catalog=project.catalog, expansion=project.expansion, lock=lock, fingerprints=fingerprints,
        registry_state=registry_state, selected=selected, today=options.today, builds=builds,
        unlocked={key: misfit.reason for key, misfit in unfit.items()},
        upstream_charts=select_charts(project.expansion, options.select),
        reachable=options.reachable,
    )  # fmt: skip
    _refuse(project, options, (misfit for key, misfit in unfit.items() if key in plan.targets))
    return Planned(
        project=project,
        lock=lock,
        fingerprints=fingerprints,
        registry_state=registry_state,
        plan=plan if reasons is None else explained(plan, reasons),
        selected=tuple(selected),
    )


def _misfits(
    project: Project, options: Options, lock: Lock, targets: Iterable[str]
) -> dict[str, Misfit]:
    """Return which of `targets` the lock does not fit; those that have ended need none."""
    alive = alive_targets(project.expansion, options.today)
    to_check = [key for key in targets if key in alive]
    return misfits(project.catalog, project.expansion, lock, to_check)


def _refuse(project: Project, options: Options, unfit: Iterable[Misfit]) -> None:
    """Raise what was edited since it was locked; the rest is blocked by itself."""
    if not options.block_unlocked:
        edited = [misfit for misfit in unfit if misfit.is_edited]
        raise_all(refusals(edited, project.workspace().read))
