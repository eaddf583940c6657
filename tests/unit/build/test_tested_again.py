"""Tests of an image run again when their code changed, and only then."""

from __future__ import annotations

import json

from builder.plan.image_metadata import reference_of
from tests.fakes.catalog import Week

NEXT_WEEK, LATER = "2026-11-30", "2026-12-07"
TESTED = {
    "speech/os=2,lang=1.10", "speech/os=1,lang=1.9", "desk/os=2,lang=1.10", "desk/os=1,lang=1.9",
}  # fmt: skip


def edited(week: Week) -> None:
    """A first week; then the tests of speech change, which desk inherits."""
    week.go_by()
    week.folder.edit("images/speech/tests/test_speech.py", "...", "assert host")
    week.smoke.calls.clear()
    week.engine.calls.clear()


def test_who_inherits_other_tests_is_tested_and_not_built(week: Week) -> None:
    edited(week)
    plan = week.plan(today=NEXT_WEEK)
    found = {key: item.reason for key, item in plan.targets.items() if item.action == "test"}
    assert found == dict.fromkeys(TESTED, "its tests changed; the image did not")
    assert plan.steps["build:desk/os=2,lang=1.10"].needs == ()
    week.carry_out(plan)
    assert set(week.smoke.called("test")) == TESTED
    assert week.engine.called("build") == []


def test_the_evidence_says_so_and_it_is_not_done_twice(week: Week) -> None:
    edited(week)
    target = "speech/os=2,lang=1.10"
    week.go_by(today=NEXT_WEEK)
    item = week.plan(today=LATER).targets[target]
    assert item.action == "reuse"
    metadata = week.store.get(reference_of(item.repository.with_tag(item.fingerprint.tag)))
    assert metadata is not None
    config = json.loads(metadata.config)
    record = week.records().current()
    assert record is not None
    assert record.targets[target].tests_hash == config["tests_hash"]
    assert record.targets[target].since == "2026.11.23"
    assert (config["tests"], config["size"]) == ({"passed": 2, "failed": 0, "skipped": 0}, 1000)


def test_an_image_that_fails_other_tests_is_told_and_stays(week: Week) -> None:
    edited(week)
    target = "desk/os=2,lang=1.10"
    before = week.records().current()
    assert before is not None
    week.smoke.rejects.add(target)
    results = week.go_by(today=NEXT_WEEK)
    assert (results[f"build:{target}"].status, results[f"build:{target}"].exit_code) == (
        "failed",
        6,
    )
    after = week.records().current()
    assert after is not None
    assert after.targets[target].digest == before.targets[target].digest
    assert after.targets[target].tests_hash == before.targets[target].tests_hash
    assert after.blocked[f"build:{target}"] == f"{target}: 1 of 2 tests failed"
    assert week.plan(today=LATER).targets[target].action == "test"
