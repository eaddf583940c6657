"""What garbage is, and what is left when it is gone, also of a run that is cut short."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.models import Retention
from builder.common.errors import ConflictError, StepError
from builder.oci.reference import parse
from builder.registry.interfaces import Artifact
from builder.registry.release_record import Record
from builder.release.prune.classify import ENDED, OLD, PARENT
from builder.release.prune.remove import unneeded
from tests.fakes.catalog import BOTH, Folder, Week
from tests.fakes.engine import FakeEngine
from tests.fakes.pruning import Broom
from tests.fakes.releases import record
from tests.fakes.store import Crash, FakeStore

pytestmark = pytest.mark.slow

DAYS = ("2026-11-23", "2026-11-30", "2026-12-07")
SHOP = "127.0.0.1:5999/shop-"
DESK, OLD_DESK = "desk/os=2,lang=1.10", "desk/os=1,lang=1.9"


def weeks(week: Week, days: tuple[str, ...] = DAYS) -> Week:
    """Weeks in each of which speech and desk changed."""
    for number, day in enumerate(days):
        if number:
            week.folder.edit("images/speech/Dockerfile.j2", "FROM", f"# {number}\nFROM")
        week.go_by(today=day)
    return week


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Week:
    """All three weeks."""
    return weeks(Week(folder=Folder(tmp_path_factory.mktemp("weeks") / "catalog")))


@pytest.fixture
def three_weeks(played: Week, tmp_path: Path) -> Week:
    """The same three weeks, for one test to change."""
    return played.twin(tmp_path / "catalog")


def is_whole(week: Week, found: Record) -> None:
    """All that a record offers is there, with its evidence."""
    store = week.store
    for target in found.targets.values():
        assert f"{SHOP}{target.image}@{target.digest}" in store.artifacts
        fingerprint = f"{SHOP}{target.image}:fp-{target.fingerprint[:32]}"
        assert store.named[fingerprint] == target.digest
        assert f"{fingerprint}.evidence" in store.named
    for base, digest in found.bases.items():
        assert f"{SHOP}{base.partition('=')[0]}@{digest}" in store.artifacts
    for move in week.records().tag_updates(found):
        if found.release == record(week).release or move.kind == "immutable":
            assert store.named[str(move.tag)] == move.source.digest
    for name, chart in found.charts.items():
        assert f"{SHOP}charts/{name}@{chart.listed[chart.version]['manifest']}" in store.artifacts
        assert all(image in store.named for image in chart.images)


def dangling(store: FakeStore) -> list[str]:
    """Tags that name nothing."""
    return [
        name for name, digest in store.named.items()
        if f"{parse(name).name}@{digest}" not in store.artifacts
    ]  # fmt: skip


def test_what_only_old_releases_named_goes(three_weeks: Week) -> None:
    week = three_weeks
    old, new = record(week, "2026.11.23"), record(week)
    gone = {item.digest for key, item in old.targets.items() if new.targets[key] != item}
    assert len(gone) == 4
    Broom(week=week).sweep()
    assert {digest for digest in week.store.named.values() if digest in gone} == set()
    assert [name for name in week.store.artifacts if name.partition("@")[2] in gone] == []
    assert week.records().names() == ("2026.12.31",)
    is_whole(week, record(week))
    assert dangling(week.store) == []


def test_exact_tags_of_living_lines_keep_their_digests(three_weeks: Week) -> None:
    week = three_weeks
    held = record(week, "2026.11.23").targets[DESK]
    place = parse(f"{SHOP}desk:lang1.10.3")
    week.store.copy(place.at(held.digest), place)
    Broom(week=week).sweep()
    assert week.store.named[str(place)] == held.digest
    tag = f"{SHOP}desk:fp-{held.fingerprint[:32]}"
    assert {tag, f"{tag}.evidence"} <= week.store.named.keys()


@pytest.mark.parametrize(("today", "stays"), [("2027-08-01", False), ("2027-07-30", True)])
def test_until_the_line_has_ended_for_long(three_weeks: Week, *, today: str, stays: bool) -> None:
    """Line 1.9 ends on 2027-01-31; its image was released in 2026 only, and no record has it."""
    week = three_weeks
    held = record(week).targets[OLD_DESK]
    week.go_by(today="2027-02-01")
    keep = Retention(weeks=1, months=0, retired=180)
    Broom(week=week, keep=keep, today="2027-02-02").sweep()
    assert week.records().names() == ("2027.02.01", "2027.02.02")
    assert week.store.named[f"{SHOP}desk:lang1.9"] == held.digest
    garbage = Broom(week=week, keep=keep, today=today).look()
    reasons = {one.reference.digest: one.reason for one in garbage.removals}
    assert reasons.get(held.digest) == (None if stays else ENDED)
    Broom(week=week, keep=keep, today=today).sweep()
    assert (f"{SHOP}desk:lang1.9" in week.store.named) is stays
    tag = f"{SHOP}desk:fp-{held.fingerprint[:32]}.evidence"
    assert (tag in week.store.named) is stays


def test_a_line_that_left_the_matrix_ends_with_its_last_release(week: Week) -> None:
    weeks(week, DAYS[:2])
    held = record(week).targets[OLD_DESK]
    line = (
        '    "1.9": {provider: apt, requires: {os: "1"}, tag: "lang{version}", eol: 2027-01-31}\n'
    )
    week.folder.edit("matrix.yaml", line, "")
    week.go_by(today=DAYS[2])
    keep = Retention(weeks=1, months=0, retired=30)
    assert held.digest in present(week, keep, "2026-12-30")
    assert held.digest not in present(week, keep, "2026-12-31")


def present(week: Week, keep: Retention, today: str) -> set[str]:
    garbage = Broom(week=week, keep=keep, today=today).look()
    return {name.partition("@")[2] for name in garbage.present}


def test_what_no_release_named_is_left_alone(week: Week) -> None:
    weeks(week, DAYS[:1])
    week.folder.edit("images/desk/Dockerfile.j2", "FROM", "# new\nFROM")
    plan = week.plan(today=DAYS[1])
    for step in plan.steps.values():
        if step.kind == "build":
            week.builds(plan).target(step)
    before = dict(week.store.named)
    alone = parse(f"{SHOP}desk:fp-{'0' * 32}.evidence")
    week.store.put(replace(_evidence(week), config=b"{}"), alone)
    held = dict(week.store.named)
    Broom(week=week).sweep()
    assert week.store.named == held
    Broom(week=week, orphans=True).sweep()
    item = plan.targets[DESK]
    fresh = str(item.repository.with_tag(item.fingerprint.tag))
    assert fresh in before
    assert fresh not in week.store.named
    assert f"{fresh}.evidence" not in week.store.named
    assert str(alone) not in week.store.named
    is_whole(week, record(week))


def _evidence(week: Week) -> Artifact:
    target = record(week).targets[DESK]
    found = week.store.get(parse(f"{SHOP}desk:fp-{target.fingerprint[:32]}.evidence"))
    assert found is not None
    return found


def test_chart_versions_leave_by_a_new_release(three_weeks: Week) -> None:
    week = three_weeks
    before = record(week)
    assert list(before.charts["desk"].listed) == ["1.0.0", "1.0.1", "1.0.2"]
    broom = Broom(week=week)
    garbage = broom.look()
    assert garbage.retired == {"desk": ("1.0.0", "1.0.1")}
    broom.sweep(garbage)
    assert broom.notes == ["recording 2026.12.31", "moving tags", "index"]
    after = record(week)
    assert (after.release, after.previous) == ("2026.12.31", "2026.12.07")
    assert list(after.charts["desk"].listed) == ["1.0.2"]
    assert replace(after, release="", previous="", charts={}) == replace(
        before, release="", previous="", charts={}
    )
    assert {name for name in week.store.named if f"{SHOP}charts/" in name} == {
        f"{SHOP}charts/desk:1.0.2",
        next(name for name in week.store.named if "charts/desk:fp-" in name),
    }


def test_a_listed_chart_keeps_the_images_that_it_names(week: Week) -> None:
    """A chart that failed names the images of an older release than the one that offers it."""
    weeks(week, DAYS[:1])
    named = record(week).charts["desk"].images
    week.smoke.rejects = {"speech/os=1,lang=1.9"}
    for number, day in enumerate(DAYS[1:]):
        week.folder.edit("images/speech/Dockerfile.j2", "FROM", f"# {number}\nFROM")
        week.go_by(today=day)
    assert record(week).charts["desk"].images == named
    held = {name: week.store.named[name] for name in named}
    week.store.removes_tags = True
    Broom(week=week).sweep()
    assert record(week).release == DAYS[2].replace("-", ".")
    assert {name: week.store.named[name] for name in named} == held
    is_whole(week, record(week))


def test_other_releases_are_kept_whole(three_weeks: Week) -> None:
    week = three_weeks
    before = dict(week.store.named)
    Broom(week=week, keep=Retention(weeks=3)).sweep()
    assert week.store.named == before
    Broom(week=week, keep=Retention(weeks=1, months=2)).sweep()
    assert week.records().names() == ("2026.11.30", "2026.12.31")
    for name in week.records().names():
        is_whole(week, record(week, name))
    rollback = week.rollback()
    to = rollback.prepare("2026.11.30", "2027-01-01")
    rollback.carry_out(to, lambda text: None)
    is_whole(week, record(week))


def test_several_platforms(folder: Folder) -> None:
    folder.for_platforms("linux/amd64", "linux/arm64")
    week = weeks(Week(folder=folder, lock=BOTH))
    old = record(week, "2026.11.23")
    index, members = old.variants[DESK].digest, old.manifests(DESK).values()
    place = parse(f"{SHOP}desk:lang1.10.3")
    week.store.copy(place.at(index), place)
    other = old.variants[OLD_DESK].digest
    Broom(week=week).sweep()
    for digest in (index, *members):
        assert f"{SHOP}desk@{digest}" in week.store.artifacts
    for digest in (other, *old.manifests(OLD_DESK).values()):
        assert f"{SHOP}desk@{digest}" not in week.store.artifacts
    is_whole(week, record(week))


def sign(week: Week, digest: str) -> str:
    """Put what stands for a signature beside an image."""
    tag = f"{SHOP}desk:{digest.replace(':', '-')}.sig"
    week.store.put(replace(_evidence(week), config=digest.encode()), parse(tag))
    return tag


def test_signatures_stay_and_go_with_what_they_sign(week: Week) -> None:
    weeks(week, DAYS[:2])
    old, new = (record(week, name).targets[DESK].digest for name in ("2026.11.23", "current"))
    gone, stays = sign(week, old), sign(week, new)
    Broom(week=week).sweep()
    assert stays in week.store.named
    assert gone not in week.store.named


def test_one_tag_is_removed_where_that_leaves_the_others(week: Week) -> None:
    weeks(week, DAYS[:2])
    for day in ("2026-12-07", "2026-12-14"):
        week.go_by(today=day)
    base = record(week).targets["base/os=2"]
    old, since = (f"{SHOP}base:latest-{name}" for name in ("2026.11.30", "2026.11.23"))
    assert week.store.named[old] == week.store.named[since] == base.digest
    # Nothing that goes has tags of two releases, so nothing shows that it is safe.
    few = Retention(weeks=3, months=0)
    assert Broom(week=week, keep=few, today="2026-12-14").sweep() == 0
    assert old in week.store.named
    week.folder.edit("images/speech/Dockerfile.j2", "FROM", "# more\nFROM")
    week.go_by(today="2026-12-21")
    week.store.removes_tags = True
    assert Broom(week=week).sweep() > 0
    assert old not in week.store.named
    assert week.store.named[since] == base.digest
    is_whole(week, record(week))


class Greedy(FakeStore):
    """A registry that takes a manifest for its tag."""

    def untag(self, reference):  # type: ignore[no-untyped-def]
        digest = self.digest(reference)
        return digest is not None and self.delete(reference.at(digest))


def test_and_not_where_it_takes_the_image(folder: Folder) -> None:
    week = Week(folder=folder, store=Greedy())
    for day in ("2026-11-23", "2026-11-30"):
        week.go_by(today=day)
    week.folder.edit("images/speech/Dockerfile.j2", "FROM", "# more\nFROM")
    week.go_by(today="2026-12-07")
    broom = Broom(week=week)
    assert broom.look().stale_tags
    assert broom.sweep() == 0
    assert f"{SHOP}base:latest-2026.11.30" in week.store.named
    is_whole(week, record(week))


def test_twice_is_once(three_weeks: Week) -> None:
    week = three_weeks
    Broom(week=week).sweep()
    held = dict(week.store.named), set(week.store.artifacts)
    garbage = Broom(week=week).look()
    assert (garbage.removals, garbage.retired, garbage.freed) == ((), {}, 0)
    Broom(week=week).sweep(garbage)
    assert (week.store.named, set(week.store.artifacts)) == held


def test_what_is_freed_is_counted_once(week: Week) -> None:
    weeks(week, DAYS[:2])
    garbage = Broom(week=week).look()
    goes = [one.reference for one in garbage.removals]
    blobs: dict[str, int] = {}
    for one in goes:
        blobs |= week.store.blobs(one)
    for name in garbage.present:
        for digest in week.store.blobs(parse(name)):
            blobs.pop(digest, None)
    assert garbage.freed == sum(blobs.values()) > 0
    assert {one.reason for one in garbage.removals} >= {OLD}


def test_another_run_releases_meanwhile(three_weeks: Week) -> None:
    week = three_weeks
    broom = Broom(week=week)
    garbage = broom.look()
    week.folder.edit("images/speech/Dockerfile.j2", "FROM", "# more\nFROM")
    week.go_by(today="2026-12-14")
    week.store.calls.clear()
    with pytest.raises(ConflictError) as caught:
        broom.sweep(garbage)
    assert str(caught.value) == (
        "another run released meanwhile\n"
        "  hint: run it again: what stays follows from what is released"
    )
    assert week.store.writes == []


def test_nothing_is_released(week: Week) -> None:
    with pytest.raises(StepError) as caught:
        Broom(week=week).look()
    assert str(caught.value) == f"nothing is released in {SHOP}releases"


def test_every_registry_is_looked_at(week: Week) -> None:
    week.folder.edit("matrix.yaml", "[embedded]", "[embedded, mirror.example.org/team]")
    weeks(week, DAYS[:2])
    old = record(week, "2026.11.23").targets[DESK].digest
    new = record(week).targets[DESK].digest
    mirror = "mirror.example.org/team/shop-desk@"
    assert {f"{mirror}{old}", f"{mirror}{new}"} <= week.store.artifacts.keys()
    Broom(week=week).sweep()
    assert f"{mirror}{old}" not in week.store.artifacts
    assert f"{mirror}{new}" in week.store.artifacts


def test_the_engine_drops_what_nothing_names_that_stays(three_weeks: Week) -> None:
    week = three_weeks
    old, new = (record(week, name).targets[DESK].digest for name in ("2026.11.23", "current"))
    engine = FakeEngine()
    foreign = f"example.org/other@{old}"
    engine.held = {f"{SHOP}desk@{old}": 7, f"{SHOP}desk@{new}": 8, foreign: 9}
    assert unneeded(engine, Broom(week=week).look()) == {f"{SHOP}desk@{old}": 7}


# Cut short.


@pytest.mark.slow
def test_one_that_dies_after_any_write_is_finished_by_the_next(three_weeks: Week) -> None:
    whole = three_weeks
    held = (dict(whole.store.named), dict(whole.store.artifacts))
    whole.store.calls.clear()
    Broom(week=whole).sweep()
    left = content(whole.store)
    writes = len(whole.store.writes)
    assert writes > 20
    for number in range(1, writes + 1):
        week = Week(folder=whole.folder)
        week.store.named, week.store.artifacts = dict(held[0]), dict(held[1])
        week.store.known_layers = dict(whole.store.known_layers)
        week.store.crash_after(number)
        with pytest.raises(Crash):
            Broom(week=week).sweep()
        week.store.revive()
        week.records().converge(record(week))
        is_whole(week, record(week))
        Broom(week=week).sweep()
        assert content(week.store) == left, number


def content(store: FakeStore) -> set[str]:
    """The manifests of everything but releases, whose names differ by how often it was tried."""
    return {name for name in store.artifacts if not name.startswith(f"{SHOP}releases@")}


def test_what_a_released_image_was_built_on_stays_though_no_release_names_it(week: Week) -> None:
    week.go_by()
    found = record(week)
    parent = found.targets["speech/os=1,lang=1.9"]
    only = {OLD_DESK: found.targets[OLD_DESK]}
    release = replace(found, targets=only, charts={}, release="2027.12.24")
    week.records().commit(release, found, print)
    broom = Broom(week=week, orphans=True, today="2027-12-31")
    assert PARENT in broom.look().stays
    broom.sweep()
    assert OLD_DESK in week.observed().digests
    assert week.store.named[f"{SHOP}speech:{parent.tag}"] == parent.digest
    assert f"{SHOP}speech:{parent.tag}.evidence" in week.store.named
