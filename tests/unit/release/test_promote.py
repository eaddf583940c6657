"""Releases: their order, what stops them, and what becomes of them when they are cut short."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from builder.build.events import Noted, ReleaseContents, ReleaseResult, Result, detail_of
from builder.charts.package import ChartPackage, pack
from builder.charts.repository.oci_artifact import chart_artifact
from builder.common.errors import ConflictError, DifferenceError, StepError, TransientError
from builder.oci.reference import Reference, parse
from builder.plan.image_metadata import DOCUMENT
from builder.plan.models import Plan
from builder.registry.interfaces import Artifact, Blob
from builder.registry.release_record import Record
from builder.release.promote import blocked_steps
from tests.fakes.catalog import LOCK, Folder, Week
from tests.fakes.planted import STRANGER, metadata, plant, restate
from tests.fakes.releases import RECORDS, change, offered, record
from tests.fakes.store import FakeStore

pytestmark = pytest.mark.slow

NEXT_WEEK = "2026-11-30"
DESK = "desk/os=1,lang=1.9"


def test_the_first_release(week: Week) -> None:
    results = week.go_by()
    assert {result.status for result in results.values()} == {"done"}
    found = record(week)
    assert (found.catalog, found.release, found.previous) == ("shop", "2026.11.23", None)
    assert found == record(week, "2026.11.23")
    assert found.blocked == {}
    assert list(found.targets) == sorted(found.targets)
    desk = found.targets[DESK]
    assert (desk.exact, desk.rolling, desk.since) == (
        "lang1.9.7", ("lang1.9.7", "lang1.9"), "2026.11.23",
    )  # fmt: skip
    assert desk.tests == {"passed": 2, "failed": 0, "skipped": 0}
    assert found.bases == {
        f"os={value}@linux/amd64": week.store.named[f"127.0.0.1:5999/shop-os:fp-{value * 32}"]
        for value in "12"
    }
    assert results["release"].detail == ReleaseResult(
        release="2026.11.23",
        previous=None,
        targets=8,
        charts={"desk": "1.0.0"},
        contents=ReleaseContents(
            images=(
                "127.0.0.1:5999/shop-base:latest",
                "127.0.0.1:5999/shop-speech:latest",
                "127.0.0.1:5999/shop-desk:latest",
            ),
            charts=("127.0.0.1:5999/shop-charts/desk:1.0.0",),
            embedded="127.0.0.1:5999",
        ),
    )
    assert results["release"].reason == "6 images, 1 chart"


def test_a_release_counts_what_is_new_in_it(week: Week) -> None:
    plan = week.plan()
    for step in plan.steps.values():
        if step.kind == "base":
            week.builds(plan).base(step)
        elif step.id == "build:base/os=2":
            week.builds(plan).target(step)
    assert week.go_by()["release"].reason == "6 images (1 built before), 1 chart"
    week.folder.edit("images/desk/Dockerfile.j2", "FROM", "# more\nFROM")
    again = week.go_by(today=NEXT_WEEK)["release"]
    assert again.reason == "2 images, 1 chart"
    release = detail_of(again, ReleaseResult)
    assert release is not None
    assert release.contents.images == (
        "127.0.0.1:5999/shop-desk:latest",
        "127.0.0.1:5999/shop-base:latest",
        "127.0.0.1:5999/shop-speech:latest",
    )


def test_every_tag_names_the_digest_that_was_tested(week: Week) -> None:
    week.go_by()
    found = record(week)
    names = {name.removeprefix("127.0.0.1:5999/shop-"): digest
             for name, digest in offered(week.store).items()}  # fmt: skip
    expected = {
        f"{item.image}:{tag}": item.digest
        for item in found.targets.values() if item.publish
        for tag in (*item.rolling, f"{item.exact}-2026.11.23")
    }  # fmt: skip
    chart = found.charts["desk"].listed["1.0.0"]["manifest"]
    assert names == {**expected, "charts/desk:1.0.0": chart}
    assert not any(name.startswith("tool:") for name in names)


def test_a_run_reads_the_current_record_no_more_often_than_it_must(week: Week) -> None:
    """It reads it for the plan, before it collects the release, and at the commit point."""
    week.go_by()
    week.store.calls.clear()
    change(week)
    week.go_by(today="2026-11-30")
    assert week.store.called("get").count(f"{RECORDS}:current") == 3


def test_the_record_comes_before_current_before_tags(week: Week) -> None:
    week.go_by()
    writes = [
        subject.split(" ")[-1].removeprefix("127.0.0.1:5999/shop-")
        for _, subject in week.store.writes
        if ":fp-" not in subject.split(" ")[-1]
    ]
    assert writes[:2] == ["releases:2026.11.23", "releases:current"]
    images = [name for name in writes[2:] if name.startswith("desk:")]
    assert sorted(images[:2]) == ["desk:lang1.10.4-2026.11.23", "desk:lang1.9.7-2026.11.23"]


def test_an_unchanged_image_gets_the_new_release_too(week: Week) -> None:
    week.go_by()
    before = dict(week.store.named)
    results = week.go_by(today=NEXT_WEEK)
    assert results["release"].status == "done"
    assert week.engine.called("build") == week.engine.called("build")[:8]
    found = record(week)
    assert (found.release, found.previous) == ("2026.11.30", "2026.11.23")
    assert found.targets[DESK].since == "2026.11.23"
    assert found.charts == record(week, "2026.11.23").charts
    name = "127.0.0.1:5999/shop-desk:lang1.9.7"
    assert week.store.named[f"{name}-2026.11.30"] == before[f"{name}-2026.11.23"]


def test_the_same_day_again_writes_nothing(week: Week) -> None:
    week.go_by()
    week.store.calls.clear()
    results = week.go_by()
    assert {result.status for result in results.values()} <= {"reused", "done"}
    assert results["release"].status == "reused"
    assert week.store.writes == []


def test_a_changed_image_has_a_new_since_and_its_chart_a_new_version(week: Week) -> None:
    week.go_by()
    change(week)
    week.go_by(today=NEXT_WEEK)
    found = record(week)
    assert found.targets[DESK].since == "2026.11.30"
    assert found.targets["base/os=1"].since == "2026.11.23"
    assert found.charts["desk"].version == "1.0.1"
    assert list(found.charts["desk"].listed) == ["1.0.0", "1.0.1"]
    assert found.charts["desk"].images[0].endswith("/shop-desk:lang1.10.4-2026.11.30")


def test_a_failed_chain_keeps_last_weeks_entry(week: Week) -> None:
    week.go_by()
    before = record(week)
    change(week)
    week.smoke.rejects = {"speech/os=1,lang=1.9"}
    results = week.go_by(today=NEXT_WEEK)
    assert [results[f"build:{item}"].status for item in ("speech/os=1,lang=1.9", DESK)] == [
        "failed", "blocked",
    ]  # fmt: skip
    assert results["release"].status == "done"
    found = record(week)
    for target in ("speech/os=1,lang=1.9", DESK):
        assert found.targets[target] == before.targets[target]
    other = "desk/os=2,lang=1.10"
    assert found.targets[other].digest != before.targets[other].digest
    name = "127.0.0.1:5999/shop-desk:lang1.9.7"
    assert week.store.named[name] == before.targets[DESK].digest
    assert week.store.named[f"{name}-2026.11.30"] == before.targets[DESK].digest
    assert found.charts == before.charts
    assert found.blocked == {
        "build:speech/os=1,lang=1.9": "speech/os=1,lang=1.9: 1 of 2 tests failed",
        f"build:{DESK}": "build:speech/os=1,lang=1.9 failed",
        "chart:desk": "build:speech/os=1,lang=1.9 failed",
    }


def test_and_is_caught_up_with_when_it_passes(week: Week) -> None:
    week.go_by()
    change(week)
    week.smoke.rejects = {"speech/os=1,lang=1.9"}
    week.go_by(today=NEXT_WEEK)
    week.smoke.rejects = set()
    week.go_by(today=NEXT_WEEK)
    found = record(week)
    assert found.release == "2026.11.30.1"
    assert found.blocked == {}
    assert found.targets[DESK].since == "2026.11.30.1"
    assert found.targets["desk/os=2,lang=1.10"].since == "2026.11.30"
    assert found.charts["desk"].images[1].endswith(":lang1.9.7-2026.11.30.1")


def test_nothing_passed(week: Week) -> None:
    week.smoke.rejects = {"base/os=1", "base/os=2"}
    results = week.go_by()
    assert (results["release"].status, results["release"].reason) == (
        "failed", "nothing passed, so there is nothing to release",
    )  # fmt: skip
    assert offered(week.store) == {}


def test_what_ended_leaves_the_release_and_its_tags_stay(week: Week) -> None:
    week.go_by()
    week.go_by(today="2027-02-01")
    found = record(week)
    assert DESK not in found.targets
    assert found.charts["desk"].images == ("127.0.0.1:5999/shop-desk:lang1.10.4-2026.11.23",)
    assert "127.0.0.1:5999/shop-desk:lang1.9.7" in week.store.named


def stray(store: FakeStore, name: str) -> str:
    """Something else under a name."""
    artifact = Artifact(kind="x/y", files={"x": Blob(kind="x/z", data=b"stray")})
    return store.put(artifact, parse(name))


@pytest.mark.parametrize(
    "name", ["desk:lang1.9.7-2026.11.23", "base:latest-2026.11.23", "charts/desk:1.0.0"]
)
def test_a_tag_that_never_moves_names_something_else(week: Week, name: str) -> None:
    place = f"127.0.0.1:5999/shop-{name}"
    digest = stray(week.store, place)
    results = week.go_by()
    assert results["release"].status == "failed"
    assert results["release"].exit_code == ConflictError.exit_code == 7
    text = results["release"].reason
    assert text.startswith(f"{place} exists with another digest: {digest[:19]}, not sha256:")
    assert text.endswith("\n  hint: it never moves; nothing was published")
    assert offered(week.store) == {place: digest}
    assert not any(item.startswith(RECORDS) for item in week.store.named)


def test_a_release_of_another_run_with_other_content(week: Week) -> None:
    stale = week.plan()
    week.go_by()
    change(week)
    plan = week.plan()
    for step in plan.steps.values():
        if step.kind == "build":
            week.builds(plan).target(step)
    before = offered(week.store)
    # Planned before the first release was made, with its name.
    mixed = week.promotion(type(plan)(**{**vars(plan), "release": stale.release}))
    with pytest.raises(ConflictError) as caught:
        mixed.release(stale.steps["release"], {})
    assert caught.value.exit_code == 7
    assert offered(week.store) == before


class Overtaken(FakeStore):
    """While `slow` looks at its tags, another run comes and goes."""

    def __init__(self, other: Callable[[], None]) -> None:
        super().__init__()
        self.other: Callable[[], None] | None = other

    def digest(self, reference: Reference) -> str | None:
        found = super().digest(reference)
        if reference.tag.startswith("lang1.10.4-") and self.other is not None:
            other, self.other = self.other, None
            other()
        return found


@pytest.mark.parametrize("same", [True, False])
def test_a_run_that_is_overtaken_moves_nothing(tmp_path: Path, *, same: bool) -> None:
    def overtake() -> None:
        if not same:
            change(fast)
        fast.go_by()
        left.update(offered(store))

    store = Overtaken(overtake)
    slow = Week(folder=Folder(tmp_path / "slow"), store=store)
    fast = Week(folder=Folder(tmp_path / "fast"), store=store)
    left: dict[str, str] = {}
    result = slow.go_by()["release"]
    assert left
    assert offered(store) == left
    if same:
        assert result.status == "done"
    else:
        assert (result.status, result.exit_code) == ("failed", 7)
        assert result.reason == (
            "release 2026.11.23 exists already, with other content\n"
            "  hint: another run made it meanwhile; plan again"
        )


def test_an_image_without_evidence_is_not_released(week: Week) -> None:
    plan = week.plan()
    for step in plan.steps.values():
        if step.kind in {"base", "build"}:
            getattr(week.builds(plan), {"base": "base", "build": "target"}[step.kind])(step)
    item = plan.targets[DESK]
    place = item.repository.with_tag(item.fingerprint.tag)
    del week.store.named[f"{place}.evidence"]
    with pytest.raises(StepError) as caught:
        week.promotion(plan).release(plan.steps["release"], {})
    assert str(caught.value) == (
        f"the registry has no test results for {place}\n  hint: builder build -s '{DESK}'"
    )
    assert offered(week.store) == {}


def test_every_registry_gets_the_tags(week: Week) -> None:
    week.folder.edit("matrix.yaml", "[embedded]", "[embedded, mirror.example.org/team]")
    week.go_by()
    found = record(week)
    mirror = Reference(registry="mirror.example.org", repository="team/shop-desk")
    assert week.store.named[str(mirror.with_tag("lang1.9"))] == found.targets[DESK].digest
    exact = mirror.with_tag("lang1.9.7-2026.11.23")
    assert week.store.named[str(exact)] == found.targets[DESK].digest


# Cut short.


def whole(root: Path) -> tuple[Week, Record, dict[str, str], int]:
    """A week without, then one with a change; how many writes the second took."""
    week = Week(folder=Folder(root))
    week.go_by()
    change(week)
    week.store.calls.clear()
    week.go_by(today=NEXT_WEEK)
    return week, record(week), offered(week.store), len(week.store.writes)


def rolling(names: dict[str, str]) -> dict[str, str]:
    """Without what holds the name of a release: its tags, and charts, which name those."""
    return {
        name: digest
        for name, digest in names.items()
        if "-2026." not in name and "shop-charts/" not in name
    }


@pytest.mark.slow
def test_a_week_that_dies_after_any_write_is_finished_by_the_next_run(tmp_path: Path) -> None:
    _, expected, names, writes = whole(tmp_path / "whole")
    assert writes > 20
    first = Week(folder=Folder(tmp_path / "cut"))
    first.go_by()
    old = record(first)
    change(first)
    held = (dict(first.store.named), dict(first.store.artifacts))
    for number in range(1, writes + 1):
        week = Week(folder=first.folder)
        week.store.named, week.store.artifacts = dict(held[0]), dict(held[1])
        week.store.known_layers = dict(first.store.known_layers)
        plan = week.plan(today=NEXT_WEEK)
        week.store.crash_after(number)
        week.carry_out(plan)
        week.store.revive()
        check_offers(week, old, expected, number)

        week.go_by(today=NEXT_WEEK)
        assert rolling(offered(week.store)) == rolling(names), number
        found = record(week)
        assert found.release.startswith("2026.11.30"), number
        assert {key: (item.digest, item.rolling) for key, item in found.targets.items()} == {
            key: (item.digest, item.rolling) for key, item in expected.targets.items()
        }, number
        for item in found.targets.values():
            if item.publish:
                name = f"127.0.0.1:5999/shop-{item.image}:{item.exact}-{found.release}"
                assert week.store.named[name] == item.digest, number
        chart = found.charts["desk"]
        assert chart.version == "1.0.1"
        place = "127.0.0.1:5999/shop-charts/desk:1.0.1"
        assert week.store.named[place] == chart.listed["1.0.1"]["manifest"]
        for image in chart.images:
            assert image in week.store.named, number


def check_offers(week: Week, old: Record, new: Record, number: int) -> None:
    """Nothing is offered that was not tested, and nothing before the record says so."""
    tested = {item.digest for item in (*old.targets.values(), *new.targets.values())}
    charts = {
        entry["manifest"] for item in (old, new) for entry in item.charts["desk"].listed.values()
    }
    assert set(offered(week.store).values()) <= tested | charts, number
    current = record(week)
    if current.release == old.release:
        moved = {item.digest for item in new.targets.values()}
        moved -= {item.digest for item in old.targets.values()}
        assert not moved.intersection(offered(week.store).values()), number
    for name in week.store.named:
        if ":fp-" in name and "shop-os:" not in name and "shop-charts/" not in name:
            assert f"{name.removesuffix('.evidence')}.evidence" in week.store.named, (number, name)


def test_a_release_survives_a_registry_that_fails_for_now(week: Week) -> None:
    week.store.fail("copy", TransientError("502"), on="current")
    week.store.fail("copy", TransientError("502"), on="shop-desk:latest")
    results = week.go_by()
    assert results["release"].status == "done"
    assert record(week).release == "2026.11.23"
    assert week.store.named["127.0.0.1:5999/shop-desk:latest"] == (
        record(week).targets["desk/os=2,lang=1.10"].digest
    )


def test_a_tag_that_cannot_be_moved_does_not_hide_that_the_release_is_current(week: Week) -> None:
    week.store.fail("copy", StepError("404"), on="shop-desk:latest")
    results = week.go_by()
    assert (results["release"].status, results["release"].exit_code) == ("failed", 5)
    assert results["release"].reason == (
        "release 2026.11.23 is current, but not all of its tags are moved: 404\n"
        "  hint: run the same command again: it moves the rest"
    )
    assert record(week).release == "2026.11.23"
    assert week.go_by()["release"].status == "reused"
    assert "127.0.0.1:5999/shop-desk:latest" in week.store.named


def test_who_may_not_move_a_tag_is_told_how_first(week: Week) -> None:
    week.store.fail("copy", StepError("401", hint="log in"), on="shop-desk:latest")
    reason = week.go_by()["release"].reason
    assert reason.endswith("  hint: log in; then run the same command again: it moves the rest")


def test_the_record_holds_the_lock(week: Week) -> None:
    week.go_by()
    lock = json.loads((week.folder.root / "matrix.lock").read_text())
    assert record(week).lock_data == lock
    assert record(week).lock == LOCK


def test_what_other_machines_did_not_build_is_recorded_as_blocked(week: Week) -> None:
    week.go_by()
    change(week)
    plan = week.plan(today=NEXT_WEEK)
    why = "not in the registry when this release was made"
    speech = "speech/os=1,lang=1.9"
    built = {key for key, item in plan.targets.items() if item.action == "build"}
    assert {speech, DESK} <= built
    assert blocked_steps(plan, {}) == {f"build:{key}": why for key in built}
    ended = {f"build:{speech}": Result(step=f"build:{speech}", status="failed", reason="a\nb")}
    assert blocked_steps(plan, ended)[f"build:{speech}"] == "a"
    week.promotion(plan).release(plan.steps["release"], blocked_steps(plan, {}))
    found = record(week)
    assert found.release == "2026.11.30"
    assert found.blocked[f"build:{DESK}"] == why
    assert found.targets[DESK].since == "2026.11.23"


# What is in the registry under a name that anybody can compute.


def built(week: Week) -> Plan:
    """Carry out all steps but the release; return their plan."""
    plan = week.plan()
    for step in plan.steps.values():
        if step.kind in {"base", "build"}:
            getattr(week.builds(plan), {"base": "base", "build": "target"}[step.kind])(step)
    return plan


def refuse(week: Week, plan: Plan) -> str:
    """Return why a release is refused, which changes nothing."""
    before = dict(week.store.named)
    with pytest.raises(DifferenceError) as caught:
        week.promotion(plan).release(plan.steps["release"], {})
    assert caught.value.exit_code == 8
    assert week.store.named == before
    return str(caught.value)


def test_an_image_that_was_replaced_since_its_tests_is_not_released(week: Week) -> None:
    plan = built(week)
    place = plan.targets[DESK].reference
    tested = week.store.named[str(place)]
    plant(week.store, place)
    assert refuse(week, plan) == (
        f"{place} is not believed: it is {STRANGER}, and its metadata is of {tested}\n"
        f"  hint: builder build -s '{DESK}'"
    )


def test_an_image_with_the_metadata_of_another_fingerprint_is_not_released(week: Week) -> None:
    plan = built(week)
    desk, other = plan.targets[DESK], plan.targets["desk/os=2,lang=1.10"]
    document = metadata(week.store, other.reference).files[DOCUMENT].data
    restate(week.store, desk.reference, document=document)
    assert refuse(week, plan) == (
        f"{desk.reference} is not believed: its metadata is of the fingerprint"
        f" {other.fingerprint.digest}, not of {desk.fingerprint.digest}\n"
        f"  hint: builder build -s '{DESK}'"
    )


@pytest.mark.parametrize("target", [DESK, "speech/os=1,lang=1.9"])
def test_what_was_built_in_a_chroot_is_not_released(week: Week, target: str) -> None:
    """Neither an image nor what stands on one: all on its machine was in reach of its build."""
    plan = built(week)
    place = plan.targets[target].reference
    restate(week.store, place, isolation="chroot", network="host")
    why = "it was built in a chroot, which keeps a build from nothing else on its machine"
    said = refuse(week, plan)
    assert f"{place} is not believed: {why}\n" in said
    assert f"  hint: builder build -s '{target}', where the kernel isolates builds" in said


def test_images_of_older_builders_are_released_with_a_note(week: Week) -> None:
    plan = built(week)
    for key in (DESK, "speech/os=1,lang=1.9"):
        restate(week.store, plan.targets[key].reference, isolation="")
    week.promotion(plan).release(plan.steps["release"], {})
    notes = [event.text for event in week.events if isinstance(event, Noted)]
    assert "2 images of older builders: how their builds were isolated is not known" in notes
    assert DESK in record(week).targets


def test_an_image_whose_parent_is_gone_is_not_released(week: Week) -> None:
    plan = built(week)
    place = plan.targets["tool/os=1"].reference
    del week.store.named[str(place)]
    assert f"its input tool {place} is not in the registry" in refuse(week, plan)


def test_an_image_that_a_release_keeps_is_held_against_its_metadata(week: Week) -> None:
    week.go_by()
    week.folder.edit("images/tool/Dockerfile.j2", "/tool", "/other")
    plan = week.plan("tool", today=NEXT_WEEK)
    for step in plan.steps.values():
        if step.kind == "build":
            week.builds(plan).target(step)
    old = record(week).targets[DESK]
    restate(week.store, parse("127.0.0.1:5999/shop-desk").with_tag(old.tag), digest=STRANGER)
    assert f"it is {old.digest}, and its metadata is of {STRANGER}" in refuse(week, plan)


def test_a_planted_image_fails_its_target_and_what_passed_is_released(week: Week) -> None:
    place = week.plan().targets[DESK].reference
    plant(week.store, place)
    results = week.go_by()
    step = results[f"build:{DESK}"]
    assert (step.status, step.exit_code) == ("failed", 8)
    assert f"{place} exists with another digest: {STRANGER}" in step.reason
    assert results["release"].status == "done"
    assert DESK not in record(week).targets
    assert STRANGER not in offered(week.store).values()
    assert week.store.named[str(place)] == STRANGER


def test_a_planted_parent_fails_what_stands_on_it(week: Week) -> None:
    plant(week.store, week.plan().targets["speech/os=1,lang=1.9"].reference)
    results = week.go_by()
    assert results["build:speech/os=1,lang=1.9"].exit_code == 8
    assert results[f"build:{DESK}"].status == "blocked"
    assert not {"speech/os=1,lang=1.9", DESK} & record(week).targets.keys()


def test_a_planted_chart_package_is_not_released(week: Week) -> None:
    chart = week.plan().charts["desk"]
    package = ChartPackage(data=pack("desk", {**chart.files, "templates/evil.yaml": b"kind: Pod"}))
    digest = week.store.put(chart_artifact(package), chart.reference)
    result = week.go_by()["chart:desk"]
    assert (result.status, result.exit_code) == ("failed", 8)
    assert f"{chart.reference} exists with another package: {package.digest}" in result.reason
    assert record(week).charts == {}
    assert week.store.named[str(chart.reference)] == digest


@pytest.mark.parametrize("data", [b"", b"no package"])
def test_what_is_no_chart_package_is_not_released(week: Week, data: bytes) -> None:
    chart = week.plan().charts["desk"]
    week.store.put(chart_artifact(ChartPackage(data=pack("desk", chart.files))), chart.reference)
    stored = week.store.get(chart.reference)
    assert stored is not None
    files = {name: replace(blob, data=data) for name, blob in stored.files.items()}
    week.store.put(replace(stored, files=files), chart.reference)
    assert week.go_by()["chart:desk"].exit_code == 8


def test_a_package_that_was_replaced_since_its_checks_is_not_released(week: Week) -> None:
    plan = built(week)
    chart = plan.charts["desk"]
    week.app().adapters.chart_actions(week.work(plan), week.store).chart(plan.steps["chart:desk"])
    package = ChartPackage(data=pack("desk", {**chart.files, "values.yaml": b"{}"}))
    week.store.put(chart_artifact(package), chart.reference)
    assert f"exists with another package: {package.digest}" in refuse(week, plan)


def test_a_chart_is_not_run_on_an_image_that_is_not_believed(week: Week) -> None:
    plan = built(week)
    chart = plan.charts["desk"]
    plant(week.store, plan.targets[chart.variants[0]].reference)
    actions = week.app().adapters.chart_actions(week.work(plan), week.store)
    with pytest.raises(DifferenceError, match=f"it is {STRANGER}"):
        actions.chart(plan.steps["chart:desk"])
    assert week.chart_runner.requests == []
    assert str(chart.reference) not in week.store.named
