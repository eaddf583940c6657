"""report.json and report.md, and the lines that are printed meanwhile."""

from __future__ import annotations

import json

import pytest

from builder.build.events import Event, Finished, Noted, Result, Retried, Started
from builder.report import weekly
from builder.report.document import Report
from builder.report.progress import Board, line, shown
from tests.fakes.catalog import ARM, BOTH, Folder, Week
from tests.fakes.report import check_report


def report(week: Week) -> Report:
    plan = week.plan()
    found = weekly.report_of(plan, week.carry_out(plan), 12.345, jobs=2)
    check_report(weekly.as_json(found))
    return found


def test_what_was_done_and_why(week: Week) -> None:
    data = json.loads(weekly.as_json(report(week)))
    assert (data["format"], data["seconds"]) == (5, 12.3)
    (target,) = [item for item in data["targets"] if item["id"] == "base/os=2"]
    image, seconds = target.pop("image"), target.pop("seconds")
    assert seconds >= 0
    assert target == {
        "id": "base/os=2",
        "action": "build",
        "status": "done",
        "reason": "new: no release has it; packages not locked",
        "memory": None,
        "disk": None,
    }
    assert image.pop("digest").startswith("sha256:")
    assert [share["target"] for share in image.pop("chain")] == ["os=2@linux/amd64", "base/os=2"]
    assert image == {
        "size": 1000,
        "tests": {"passed": 2, "failed": 0, "skipped": 0},
        "isolation": "kernel",
        "network": "private",
        "log": str(week.state / "logs" / "build-base_os=2.log"),
    }
    (chart,) = data["charts"]
    assert chart["version"] == "1.0.0"
    assert data["release"]["release"]["release"] == "2026.11.23"


def test_for_people(week: Week) -> None:
    week.smoke.rejects = {"tool/os=1"}
    text = weekly.as_markdown(report(week))
    head, _, rest = text.partition("## Images")
    assert head.splitlines()[:4] == [
        "# Catalog 2026.11.23",
        "",
        "8 targets: 6 built, 0 unchanged, 2 failed or blocked; 1 chart; 12 s.",
        "Released 2026.11.23: 5 images",
    ]
    assert "| `tool/os=1` | failed |" in rest
    assert "build:tool/os=1 failed" in rest
    assert "### tool/os=1: failed\n\n```\ntool/os=1: 1 of 2 tests failed\n```" in rest
    assert "### desk/os=1,lang=1.9: blocked" in rest


def test_a_second_week_is_unchanged(week: Week) -> None:
    week.go_by()
    text = weekly.as_markdown(report(week))
    assert "8 targets: 0 built, 8 unchanged, 0 failed or blocked" in text
    assert "What did not pass" not in text


def test_what_waits_for_a_platform_is_named(folder: Folder) -> None:
    folder.for_platforms("linux/amd64", ARM)
    week = Week(folder=folder, lock=BOTH)
    week.smoke.rejects = {f"desk/os=1,lang=1.9@{ARM}"}
    text = weekly.as_markdown(report(week))
    assert text.endswith(
        "## What waits for a platform\n\n"
        "- `desk/os=1,lang=1.9`: linux/arm64 did not pass; it is not published\n"
    )


EVENTS: list[tuple[Event, str]] = [
    (Started(step="a"), "a: started"),
    (Noted(step="a", text="building"), "a: building"),
    (
        Retried(step="a", attempt=1, delay=6.0, reason="502\nmore"),
        "a: try 1 failed (502); again in 6 s",
    ),
    (
        Finished(result=Result(step="a", status="done", seconds=1.25, reason="new")),
        "✓ a: done in 1.2 s — new",
    ),
    (
        Finished(result=Result(step="a", status="failed", seconds=2, reason="it broke\nhere")),
        "✗ a: failed in 2.0 s — it broke",
    ),
    (Finished(result=Result(step="a", status="reused", reason="there")), "= a: reused — there"),
    (Finished(result=Result(step="a", status="blocked", reason="b failed")),
     "- a: blocked — b failed"),
    (Finished(result=Result(step="a", status="skipped")), "- a: skipped"),
    (Finished(result=Result(step="a", status="stopped", seconds=25.1, reason="go on")),
     "- a: stopped after 25 s; go on"),
    (Finished(result=Result(step="a", status="retired")), "· a: retired"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "text"), EVENTS)
def test_an_event_is_a_line(event: Event, text: str) -> None:
    assert line(event) == text


def test_a_log_is_told_nothing_of_what_passes_by(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with shown({}) as listen:
        listen(Noted(step="a", text="building"))
        listen(Noted(step="a", text="building, instruction 1/2", passing=True))
    assert capsys.readouterr().err.endswith(" a: building\n")


def test_what_the_kernel_did_not_isolate_is_named(week: Week) -> None:
    week.engine.isolation = "pod"
    text = weekly.as_markdown(report(week))
    said = "\n\nBuilt in a chroot of a pod that does nothing else and cannot write: "
    assert "`base/os=1`" in text.partition(said)[2].partition("\n")[0]
    assert "no release takes them" not in text


def test_a_run_that_was_stopped_says_so(week: Week) -> None:
    plan = week.plan()
    found = weekly.report_of(plan, {}, 2.0, jobs=2, stopped="SIGINT")
    check_report(weekly.as_json(found))
    text = weekly.as_markdown(found)
    assert "\n\nStopped by SIGINT; the next run goes on from here.\n\n" in text


def test_the_board_knows_what_runs_and_what_is_next(week: Week) -> None:
    steps = week.plan().steps
    board = Board(steps)
    first, second, *_ = steps
    for event in (Started(step=first), Noted(step=first, text="fetching"), Started(step=second)):
        board(event)
    assert [row[:2] for row in board.rows()] == [(first, "fetching"), (second, "")]
    assert list(board.following()) == list(steps)[2:5]
    board(Retried(step=first, attempt=1, delay=2.0, reason="x"))
    assert board.rows()[0][1] == "waits 2 s to try again"
    board(Finished(result=Result(step=first, status="done")))
    assert [row[0] for row in board.rows()] == [second]
