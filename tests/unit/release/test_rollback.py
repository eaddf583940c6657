"""Rollbacks: what is offered again, what stays, and what becomes of one that is cut short."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.charts.next_version import chart_reference
from builder.charts.package import ChartPackage, pack
from builder.charts.repository.oci_artifact import chart_artifact, released_package
from builder.common.errors import DifferenceError, SelectionError, StepError
from builder.oci.reference import parse
from builder.registry.release_record import Record
from tests.fakes.catalog import Folder, Week
from tests.fakes.planted import STRANGER, restate
from tests.fakes.releases import change, offered, record
from tests.fakes.store import Crash

FIRST, SECOND, THIRD = "2026.11.23", "2026.11.30", "2026.12.07"
DESK, CHART = "desk/os=2,lang=1.10", "127.0.0.1:5999/shop-charts/desk"
LATEST = "127.0.0.1:5999/shop-desk:latest"


def play(week: Week) -> Week:
    """One week, then one in which desk changed."""
    week.go_by()
    change(week)
    week.go_by(today="2026-11-30")
    return week


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Week:
    """Both weeks."""
    return play(Week(folder=Folder(tmp_path_factory.mktemp("weeks") / "catalog")))


@pytest.fixture
def two_weeks(played: Week, tmp_path: Path) -> Week:
    """The same two weeks, for one test to change."""
    return played.twin(tmp_path / "catalog")


def back(week: Week, name: str = FIRST, today: str = "2026-12-07") -> Record:
    """Offer a release again."""
    rollback = week.rollback()
    return rollback.carry_out(rollback.prepare(name, today), lambda text: None)


def test_it_is_a_new_release_of_the_old_digests(two_weeks: Week) -> None:
    week = two_weeks
    old = record(week, FIRST)
    assert record(week).targets[DESK].digest != old.targets[DESK].digest
    made = back(week)
    assert made == record(week) == record(week, THIRD)
    assert (made.release, made.previous, made.blocked) == (THIRD, SECOND, {})
    assert (made.targets, made.bases, made.lock) == (old.targets, old.bases, old.lock)
    assert week.store.named[LATEST] == old.targets[DESK].digest


def test_tags_that_never_move_are_where_they_were(two_weeks: Week) -> None:
    week = two_weeks
    before = dict(week.store.named)
    made = back(week)
    fixed = {name: digest for name, digest in before.items() if "-2026." in name or ":fp-" in name}
    assert {name: week.store.named[name] for name in fixed} == fixed
    target = made.targets[DESK]
    assert week.store.named[f"127.0.0.1:5999/shop-desk:{target.exact}-{THIRD}"] == target.digest


def test_a_chart_gets_a_higher_version_with_what_the_old_one_held(two_weeks: Week) -> None:
    week = two_weeks
    old = record(week, FIRST).charts["desk"]
    made = back(week).charts["desk"]
    assert (old.version, record(week, SECOND).charts["desk"].version) == ("1.0.0", "1.0.1")
    assert (made.version, made.images, made.fingerprint) == ("1.0.2", old.images, old.fingerprint)
    assert list(made.listed) == ["1.0.0", "1.0.1", "1.0.2"]
    assert made.listed["1.0.2"]["created"] == "2026-12-07T00:00:00Z"
    assert week.store.named[f"{CHART}:1.0.2"] == made.listed["1.0.2"]["manifest"]
    matrix = week.folder.load().catalog.matrix
    then, now = (
        released_package("desk", chart, matrix=matrix, store=week.store) for chart in (old, made)
    )
    assert (now.version, now.digest) == ("1.0.2", made.listed["1.0.2"]["digest"])
    same = set(then.files) - {"Chart.yaml", "CHANGELOG.md"}
    assert {path: now.files[path] for path in same} == {path: then.files[path] for path in same}
    assert now.files["CHANGELOG.md"].startswith(b"# Changes of desk\n\n## 1.0.2\n")
    for image in made.images:
        assert image in week.store.named


def test_a_chart_that_did_not_change_keeps_its_version(week: Week) -> None:
    week.go_by()
    week.go_by(today="2026-11-30")
    made = back(week)
    assert made.charts == record(week, SECOND).charts


def test_a_version_that_was_ever_taken_is_not_taken_again(two_weeks: Week) -> None:
    week = two_weeks
    back(week)
    week.store.copy(week.records().repository.with_tag("current"), parse(f"{CHART}:1.4.0"))
    assert back(week, SECOND, "2026-12-14").charts["desk"].version == "1.4.1"


def test_what_came_since_stays_offered(week: Week) -> None:
    week.folder.edit("matrix.yaml", "  desk: {from: speech, inputs: [tool]}\n", "")
    week.folder.edit("matrix.yaml", "charts:\n  desk: {image: desk}\n", "")
    week.go_by()
    week.folder.edit(
        "matrix.yaml",
        "  speech: {from: base, axes: [lang]}\n",
        "  speech: {from: base, axes: [lang]}\n  desk: {from: speech, inputs: [tool]}\n\n"
        "charts:\n  desk: {image: desk}\n",
    )
    week.folder.edit("images/speech/Dockerfile.j2", "FROM", "# more\nFROM")
    week.go_by(today="2026-11-30")
    before, old = record(week), record(week, FIRST)
    made = back(week)
    speech = "speech/os=2,lang=1.10"
    assert made.targets[speech] == old.targets[speech] != before.targets[speech]
    assert made.targets[DESK] == before.targets[DESK]
    assert made.charts == before.charts


def test_a_tag_that_both_would_have_is_the_older_ones(week: Week) -> None:
    line = '    "1.10": {provider: apt, requires: {os: "2"}, tag: "lang{version}"}\n'
    week.folder.edit("matrix.yaml", line, "")
    week.go_by()
    old = record(week)
    assert week.store.named[LATEST] == old.targets["desk/os=1,lang=1.9"].digest
    week.folder.edit("matrix.yaml", "  lang:\n", f"  lang:\n{line}")
    week.go_by(today="2026-11-30")
    assert week.store.named[LATEST] == record(week).targets[DESK].digest
    made = back(week)
    assert week.store.named[LATEST] == old.targets["desk/os=1,lang=1.9"].digest
    assert made.targets[DESK].rolling == ("lang1.10.4", "lang1.10")
    assert made.targets[DESK].digest == record(week, SECOND).targets[DESK].digest


def test_the_next_week_goes_forward_again(two_weeks: Week) -> None:
    week = two_weeks
    newer = record(week).targets[DESK].digest
    back(week)
    week.engine.calls.clear()
    week.go_by(today="2026-12-14")
    assert week.engine.called("build") == []
    found = record(week)
    assert found.targets[DESK].digest == newer
    assert found.charts["desk"].version == "1.0.3"


def test_the_release_that_is_current(two_weeks: Week) -> None:
    week = two_weeks
    week.store.calls.clear()
    to = week.rollback().prepare(SECOND, "2026-12-07")
    assert to.is_current
    assert week.rollback().carry_out(to, lambda text: None) == record(week, SECOND)
    assert week.store.writes == []


def test_the_same_rollback_again(two_weeks: Week) -> None:
    week = two_weeks
    back(week)
    week.store.calls.clear()
    assert back(week, FIRST, "2026-12-08").release == THIRD
    assert week.store.writes == []


def test_a_release_that_is_none(week: Week) -> None:
    with pytest.raises(SelectionError) as caught:
        week.rollback().prepare("2026.11.16", "2026-12-07")
    assert str(caught.value) == (
        "there is no release '2026.11.16'\n  hint: nothing is released: `builder weekly`"
    )
    play(week)
    with pytest.raises(SelectionError) as caught:
        week.rollback().prepare("current", "2026-12-07")
    assert str(caught.value) == (
        "there is no release 'current'\n  hint: the latest: 2026.11.30, 2026.11.23"
    )


def test_an_image_that_is_gone(two_weeks: Week) -> None:
    week = two_weeks
    digest = record(week, FIRST).targets[DESK].digest
    del week.store.artifacts[f"127.0.0.1:5999/shop-desk@{digest}"]
    week.store.calls.clear()
    with pytest.raises(StepError) as caught:
        week.rollback().prepare(FIRST, "2026-12-07")
    assert str(caught.value) == (
        "release 2026.11.23 cannot be released again: images are gone\n"
        f"  {DESK}: 127.0.0.1:5999/shop-desk@{digest}\n"
        "  hint: nothing was written"
    )
    assert week.store.writes == []


def test_a_chart_that_is_gone(two_weeks: Week) -> None:
    week = two_weeks
    manifest = record(week, FIRST).charts["desk"].listed["1.0.0"]["manifest"]
    del week.store.artifacts[f"{CHART}@{manifest}"]
    with pytest.raises(StepError) as caught:
        week.rollback().prepare(FIRST, "2026-12-07")
    assert str(caught.value) == "chart desk 1.0.0 no longer exists in 127.0.0.1:5999"


def test_an_image_that_only_a_chart_names_is_gone(week: Week) -> None:
    """The chart of a week in which it failed names the images of the week before."""
    week.go_by()
    change(week)
    week.smoke.rejects = {"speech/os=1,lang=1.9"}
    week.go_by(today="2026-11-30")
    week.smoke.rejects = set()
    week.go_by(today="2026-12-07")
    image = f"127.0.0.1:5999/shop-desk:lang1.10.4-{FIRST}"
    assert record(week, SECOND).charts["desk"].images[0] == image
    del week.store.named[image]
    with pytest.raises(StepError) as caught:
        week.rollback().prepare(SECOND, "2026-12-14")
    assert str(caught.value) == (
        "release 2026.11.30 cannot be released again: images are gone\n"
        f"  chart desk: {image}\n"
        "  hint: nothing was written"
    )


def test_what_would_move(two_weeks: Week) -> None:
    week = two_weeks
    rollback = week.rollback()
    to = rollback.prepare(FIRST, "2026-12-07")
    before = dict(week.store.named)
    moves = rollback.tag_updates(to)
    assert dict(week.store.named) == before
    moved = {str(move.tag): digest for move, digest in moves if digest}
    assert moved.keys() == {
        f"127.0.0.1:5999/shop-{tag}"
        for tag in (
            "desk:latest", "desk:lang1.10.4", "desk:lang1.10", "desk:lang1.9.7", "desk:lang1.9",
            "speech:latest", "speech:lang1.10.4", "speech:lang1.10", "speech:lang1.9.7",
            "speech:lang1.9",
        )
    }  # fmt: skip
    assert moved == {name: before[name] for name in moved}
    new = {str(move.tag).rpartition(":")[2] for move, digest in moves if digest is None}
    assert new == {f"{tag}-{THIRD}" for tag in ("latest", "os1", "lang1.10.4", "lang1.9.7")}


@pytest.mark.slow
def test_one_that_dies_after_any_write_is_finished_by_the_next(two_weeks: Week) -> None:
    whole = two_weeks
    held = (dict(whole.store.named), dict(whole.store.artifacts))
    whole.store.calls.clear()
    expected = back(whole)
    names, writes = offered(whole.store), len(whole.store.writes)
    assert writes > 10
    for number in range(1, writes + 1):
        week = Week(folder=whole.folder)
        week.store.named, week.store.artifacts = dict(held[0]), dict(held[1])
        week.store.crash_after(number)
        with pytest.raises(Crash):
            back(week)
        week.store.revive()
        made = back(week)
        assert made.targets == expected.targets
        assert made.charts["desk"].version == "1.0.2"
        moving = {name: digest for name, digest in names.items() if THIRD not in name}
        assert {name: week.store.named[name] for name in moving} == moving, number


def test_an_image_that_is_not_believed_is_not_offered_again(two_weeks: Week) -> None:
    week = two_weeks
    old = record(week, FIRST).targets[DESK]
    place = parse("127.0.0.1:5999/shop-desk").with_tag(old.tag)
    restate(week.store, place, digest=STRANGER)
    before = dict(week.store.named)
    with pytest.raises(DifferenceError) as caught:
        week.rollback().prepare(FIRST, "2026-12-07")
    assert str(caught.value) == (
        f"{place} is not believed: it is {old.digest}, and its metadata is of {STRANGER}\n"
        f"  hint: builder build -s '{DESK}'"
    )
    assert week.store.named == before


def test_an_image_whose_parent_is_gone_is_not_offered_again(two_weeks: Week) -> None:
    week = two_weeks
    old = record(week, FIRST).targets["speech/os=2,lang=1.10"]
    place = parse("127.0.0.1:5999/shop-speech").with_tag(old.tag)
    del week.store.named[str(place)]
    with pytest.raises(DifferenceError, match=f"its parent {place} is not in the registry"):
        week.rollback().prepare(FIRST, "2026-12-07")


def test_another_package_under_the_tag_of_a_rollback_stays_and_is_not_offered(
    two_weeks: Week,
) -> None:
    week = two_weeks
    to = week.rollback().prepare(FIRST, "2026-12-07")
    (package,) = to.packages.values()
    files = {**package.files, "values.yaml": b"image: evil\n"}
    evil = ChartPackage(data=pack("desk", files))
    catalog = week.folder.load().catalog
    place = chart_reference(catalog, "desk", package.files, package.version)
    digest = week.store.put(chart_artifact(evil), place)
    with pytest.raises(DifferenceError, match=f"{evil.digest}, and this catalog makes "):
        week.rollback().carry_out(to, lambda text: None)
    assert week.store.named[str(place)] == digest
    assert record(week).release == SECOND
