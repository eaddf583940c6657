"""The Python API on a small catalog, with the real podman and a real registry."""

from __future__ import annotations

import signal

import builder
from tests.integration.cli.conftest import TODAY, Tiny

LATER = "2026-11-30"


def test_a_catalog_is_locked_built_released_and_compared(tiny: Tiny) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    app = builder.App(builder.load(tiny.root), engine="podman", today=TODAY)
    locked = app.lock(upgrade=None)
    assert locked.problems == ()
    assert not app.write_lock(locked.lock)  # the fixture has locked it

    planned = app.plan(select=["app"])
    assert set(planned.targets) == {"base/os=1", "tool/os=1", "app/os=1"}
    events: list[builder.Event] = []
    run = app.run(planned, on_event=events.append)
    assert run.exit_code == 0, run.results
    assert {result.status for result in run.results.values()} == {"done"}
    assert events

    everything = app.plan()
    assert everything.targets["app/os=1"].action == "reuse"
    first = app.release(app.run(everything))
    assert first.exit_code == 0
    assert first.results["release"].status == "done"

    tiny.dockerfile("other", "FROM {{ parent }}\nENV WORDS=many\nCOPY files/ /other/\n")
    later = builder.App(builder.load(tiny.root), engine="podman", today=LATER)
    second = later.release(later.run(later.plan()))
    assert second.exit_code == 0
    difference = later.diff("2026.11.23", "current")
    assert (difference.old, difference.new) == ("2026.11.23", "2026.11.30")
    assert difference.changed == ("other/os=1",)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
