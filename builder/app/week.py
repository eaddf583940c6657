"""The weekly job: lock, plan, build, test, charts, release and report, one after another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from builder.app.app import App
from builder.app.inheritance import old_upstreams
from builder.app.run import Interrupted, Run
from builder.build.events import ReleaseResult, Result, detail_of
from builder.common.errors import BuilderError, StepError
from builder.common.files import write
from builder.diff.compare import Difference
from builder.lock.locker import LockResult
from builder.lock.lockfile import FILE
from builder.lock.problems import failures, not_locked
from builder.report import weekly
from builder.report.run_stats import read_bake

KINDS = ("base", "build", "chart", "release")


@dataclass(frozen=True, kw_only=True)
class WeekRun:
    """What a week came to. `report` is the file of its report, in Markdown."""

    locked: LockResult
    run: Run
    report: Path

    @property
    def failures(self) -> list[BuilderError]:
        """Return the errors of what could not be locked, as far as they count as failures."""
        return failures(self.locked.problems, reachable=self.run.reachable)

    @property
    def exit_code(self) -> int:
        """Return the exit code of the week."""
        # Whatever it was, it is one of many things by now.
        return self.run.exit_code or (StepError.exit_code if self.failures else 0)


def run_week(app: App) -> WeekRun:
    """Carry out a week, and write report.json and report.md to the state, also where it is stopped.

    What the new lock does not fit is blocked, and costs its own targets, not the week. Raises as
    `App.lock` and `App.run` do.
    """
    app = app.with_options(block_unlocked=True)
    with app.working():
        try:
            locked = relock(app)
            run = app.run(app.plan(lock=locked.lock), KINDS)
        except Interrupted as stop:
            report = _write_report(app, stop.run, locked, stopped=stop.reason)
            app.notify(f"the report so far: {report}")
            raise
        except (BuilderError, KeyboardInterrupt):
            if (report := app.state.report_markdown).exists():
                app.notify(f"{report} is from an earlier run")
            raise
        changes = _changes(app, run.results.get("release"))
    report = _write_report(app, run, locked, changes=changes)
    return WeekRun(locked=locked, run=run, report=report)


def relock(app: App, upgrade: tuple[str, ...] | None = None) -> LockResult:
    """Lock what is selected, and write matrix.lock where that changed it, whatever failed."""
    locked = app.lock(upgrade)
    is_changed = app.write_lock(locked.lock)
    app.notify(f"{FILE} {'written' if is_changed else 'is up to date'}")
    return locked


def _write_report(
    app: App,
    run: Run,
    locked: LockResult,
    *,
    changes: Difference | None = None,
    stopped: str = "",
) -> Path:
    """Write report.json and report.md, and return the path of the latter."""
    state = app.state
    data = weekly.report_of(
        run.plan,
        run.results,
        run.seconds,
        jobs=run.jobs,
        disk=run.disk,
        bake=read_bake(state.bake_measurement),
        changes=changes,
        stopped=stopped,
        not_locked=not_locked(locked.problems),
        old_upstreams=old_upstreams(app.project, app.options.today),
    )
    write(state.report_json, weekly.as_json(data).encode())
    write(state.report_markdown, weekly.as_markdown(data).encode())
    return state.report_markdown


def _changes(app: App, released: Result | None) -> Difference | None:
    """Return what differs from the release before; None where that is not known."""
    release = detail_of(released, ReleaseResult)
    if released is None or release is None:
        return None
    name, before = release.release, release.previous
    if released.status == "reused":  # of an earlier run: nothing has changed since
        before = name
    if before is None:
        return None
    history = app.adapters.history
    try:
        return history.compare(history.record(before), history.record(name))
    except BuilderError as error:  # what was released is, and is reported
        app.notify(f"what changed since {before} is not known: {error}")
        return None
