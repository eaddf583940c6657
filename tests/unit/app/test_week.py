"""The weekly job: its lock, its report, and what it leaves where it is stopped."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from builder.app.adapters import Adapters
from builder.app.app import App
from builder.app.options import Options
from builder.app.run import Interrupted, Watcher, unwatched
from builder.app.week import run_week
from builder.build.events import Event, Finished, Listener
from builder.common.errors import ConfigError, StepError
from builder.lock.lockfile import parse
from builder.plan.models import Step
from tests.fakes.bases import FakeLines
from tests.fakes.catalog import Week
from tests.fakes.layers import FakeLayers
from tests.fakes.locking import HAS, LINES, NoCheck


class Weekly:
    """Apps on a week whose packages come from a table; `notes` is what they said."""

    def __init__(self, week: Week, folder: Path) -> None:
        self.week = week
        self.apt = FakeLayers(folder, HAS)
        self.notes: list[str] = []
        week.smoke.installed = self.apt.installed

    def app(self, *, today: str = "2026-11-23", watcher: Watcher = unwatched) -> App:
        """Return an app for a day."""
        fakes = {
            **self.week.fakes,
            "resolvers": {"apt": self.apt},
            "providers": {"apt": FakeLines(LINES)},
            "package_check": NoCheck(),
        }
        return App(
            self.week.folder.load(),
            Options(today=today, jobs=1, retry_delay=0.0),
            adapters=partial(Adapters, **fakes),
            notify=self.notes.append,
            watcher=watcher,
        )


@pytest.fixture
def weekly(week: Week, tmp_path: Path) -> Weekly:
    """A catalog and what there is of apt."""
    return Weekly(week, tmp_path / "files")


@contextlib.contextmanager
def stops_at_once(_steps: Mapping[str, Step], stop: Callable[[str], None], /) -> Iterator[Listener]:
    """Stop a run when its first step has ended."""

    def listen(event: Event) -> None:
        if isinstance(event, Finished):
            stop("SIGTERM")

    yield listen


def lock_text(week: Week) -> str:
    return (week.folder.root / "matrix.lock").read_text()


def test_a_week_locks_builds_and_releases(weekly: Weekly) -> None:
    done = run_week(weekly.app())
    assert (done.exit_code, done.failures) == (0, [])
    assert parse(lock_text(weekly.week)).package_sets.keys() >= {"desk/os=1,lang=1.9"}
    assert done.run.results["release"].status == "done"
    assert done.run.planned.lock == done.locked.lock
    assert done.report.read_text().startswith("# Catalog 2026.11.23\n")
    assert "matrix.lock written" in weekly.notes
    weekly.notes.clear()
    run_week(weekly.app())
    assert "matrix.lock is up to date" in weekly.notes


def test_a_week_that_is_stopped_leaves_a_report(weekly: Weekly) -> None:
    app = weekly.app(watcher=stops_at_once)
    with pytest.raises(Interrupted) as raised:
        run_week(app)
    assert raised.value.reason == "SIGTERM"
    report = json.loads(app.state.report_json.read_text())
    assert report["stopped"] == "SIGTERM"
    assert weekly.notes[-1] == f"the report so far: {app.state.report_markdown}"


def test_a_week_that_comes_to_nothing_names_the_report_of_another(weekly: Weekly) -> None:
    run_week(weekly.app())
    weekly.week.folder.edit("images/base/Dockerfile.j2", "{{ parent }}", "{{ parnet }}")
    with pytest.raises(ConfigError):
        run_week(weekly.app())
    report = weekly.app().state.report_markdown
    assert weekly.notes[-1] == f"{report} is from an earlier run"


def test_what_could_not_be_locked_fails_the_week(weekly: Weekly) -> None:
    del weekly.apt.versions["legs"]
    done = run_week(weekly.app())
    assert done.exit_code == StepError.exit_code
    assert [error.exit_code for error in done.failures] == [5]
    assert done.run.results["release"].status == "done"


def test_what_the_new_lock_does_not_fit_is_blocked_and_the_rest_is_released(
    weekly: Weekly,
) -> None:
    run_week(weekly.app())
    weekly.week.folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [desk, tree]")
    done = run_week(weekly.app())
    blocked = [key for key, item in done.run.plan.targets.items() if item.action == "block"]
    assert blocked == ["desk/os=2,lang=1.10", "desk/os=1,lang=1.9"]
    assert done.exit_code == 5
