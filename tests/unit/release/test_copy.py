"""Copies of a whole registry: their order, what they refuse, and what becomes of one cut short."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builder.common.errors import BuilderError, ConflictError, StepError
from builder.release.commit import Records
from builder.release.copy import CopyPlan, RegistryCopy, Stage
from tests.fakes.catalog import Folder, Week
from tests.fakes.releases import change, record
from tests.fakes.store import Crash

HERE, THERE = "127.0.0.1:5999", "127.0.0.1:6000"
SECOND = "2026.11.30"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Week:
    """Two weeks, the second with a change."""
    week = Week(folder=Folder(tmp_path_factory.mktemp("weeks") / "catalog"))
    week.go_by()
    change(week)
    week.go_by(today="2026-11-30")
    return week


@pytest.fixture
def two_weeks(played: Week, tmp_path: Path) -> Week:
    """The same two weeks, for one test to change."""
    return played.twin(tmp_path / "catalog")


def copy_of(week: Week, source: str = HERE, target: str = THERE) -> RegistryCopy:
    """Return a copy of the registry of a week."""
    catalog = week.folder.load().catalog
    return RegistryCopy(catalog=catalog, store=week.store, source=source, target=target)


def do(week: Week, source: str = HERE, target: str = THERE) -> CopyPlan:
    """Copy it."""
    copy = copy_of(week, source, target)
    plan = copy.prepare()
    copy.carry_out(plan, lambda _text: None)
    return plan


def held(week: Week, host: str) -> dict[str, str]:
    """Return the digest of each tag in a registry, by its name without the registry."""
    named = week.store.named.items()
    return {key.removeprefix(host): it for key, it in named if key.startswith(f"{host}/")}


def offered(week: Week, host: str) -> Records:
    """Return the releases in a registry."""
    catalog = week.folder.load().catalog
    matrix = catalog.matrix.with_registries((host,))
    return Records(catalog=replace(catalog, matrix=matrix), store=week.store)


def refused(week: Week) -> BuilderError:
    """Return why it cannot be copied; nothing was written."""
    before = dict(week.store.named)
    with pytest.raises(BuilderError) as caught:
        do(week)
    assert week.store.named == before
    return caught.value


def test_all_tags_have_the_same_digests_there(two_weeks: Week) -> None:
    plan = do(two_weeks)
    assert held(two_weeks, THERE) == held(two_weeks, HERE)
    assert (plan.releases, plan.present) == (2, 0)
    assert len(plan.copies) == len(held(two_weeks, HERE))
    assert plan.bytes > 0
    assert record(two_weeks).release == SECOND


def test_a_second_copy_has_nothing_to_do(two_weeks: Week) -> None:
    first, again = do(two_weeks), do(two_weeks)
    assert (again.copies, again.present, again.bytes) == ((), len(first.copies), 0)


def test_the_commit_point_follows_all_that_it_names(two_weeks: Week) -> None:
    stages = [item.stage for item in copy_of(two_weeks).prepare().copies]
    assert stages == sorted(stages)
    assert set(stages) == set(Stage)
    rolling = [it for it in copy_of(two_weeks).prepare().copies if it.stage == Stage.ROLLING]
    assert f"{THERE}/shop-desk:latest" in {str(item.target) for item in rolling}


def test_a_copy_that_dies_at_any_write_offers_one_release_whole(two_weeks: Week) -> None:
    do_first = Week(folder=two_weeks.folder, store=two_weeks.store.twin())
    writes = len(do(do_first).copies)
    for number in range(1, writes):
        week = Week(folder=two_weeks.folder, store=two_weeks.store.twin())
        week.store.crash_after(number)
        with pytest.raises(Crash):
            do(week)
        week.store.revive()
        records = offered(week, THERE)
        current = records.current()
        if current is not None:
            moved = (it for it in records.tag_updates(current) if it.kind == "immutable")
            assert all(week.store.digest(it.tag) == it.source.digest for it in moved)
        do(week)
        assert held(week, THERE) == held(week, HERE)


def test_a_week_goes_on_in_the_other_registry_and_builds_nothing(two_weeks: Week) -> None:
    do(two_weeks)
    for name in [key for key in two_weeks.store.named if key.startswith(f"{HERE}/")]:
        del two_weeks.store.named[name]
    two_weeks.folder.edit("matrix.yaml", HERE, THERE)
    plan = two_weeks.plan(today="2026-12-07")
    assert {target.action for target in plan.targets.values()} == {"reuse"}
    results = two_weeks.carry_out(plan)
    assert {result.status for result in results.values()} <= {"done", "reused"}
    current = two_weeks.records().current()
    assert current is not None
    assert (current.release, current.previous) == ("2026.12.07", SECOND)


def test_only_releases_made_for_the_other_registry_are_released_again(two_weeks: Week) -> None:
    do(two_weeks)
    for name in [key for key in two_weeks.store.named if key.startswith(f"{HERE}/")]:
        del two_weeks.store.named[name]
    two_weeks.folder.edit("matrix.yaml", HERE, THERE)
    two_weeks.go_by(today="2026-12-07")
    change(two_weeks)
    two_weeks.go_by(today="2026-12-14")
    rollback = two_weeks.rollback()
    with pytest.raises(StepError) as caught:
        rollback.prepare("2026.11.23", "2026-12-21")
    assert f"  chart desk: {HERE}/shop-desk:" in caught.value.message
    plan = rollback.prepare("2026.12.07", "2026-12-21")
    made = rollback.carry_out(plan, lambda _text: None)
    assert made.targets == plan.old.targets


def test_the_next_week_is_copied_on_top(two_weeks: Week) -> None:
    do(two_weeks)
    two_weeks.folder.edit("images/speech/Dockerfile.j2", "FROM", "# even more\nFROM")
    two_weeks.go_by(today="2026-12-07")
    do(two_weeks)
    assert held(two_weeks, THERE) == held(two_weeks, HERE)


def test_a_tag_that_never_moves_and_is_another_there(two_weeks: Week) -> None:
    target = next(iter(record(two_weeks).targets.values()))
    name = f"{THERE}/shop-{target.image}:{target.tag}"
    two_weeks.store.named[name] = f"sha256:{'e' * 64}"
    error = refused(two_weeks)
    assert isinstance(error, ConflictError)
    assert error.message == (
        f"{name} exists with another digest: sha256:eeeeeeeeeeee, not {target.digest[:19]}"
    )
    assert error.hint == "it never moves; nothing was copied"


def test_a_registry_with_a_release_of_its_own(two_weeks: Week) -> None:
    do(two_weeks)
    two_weeks.store.named[f"{THERE}/shop-releases:current"] = f"sha256:{'e' * 64}"
    error = refused(two_weeks)
    assert isinstance(error, ConflictError)
    assert error.message == (
        f"the current release of {THERE}/shop-releases is none of {HERE}/shop-releases:"
        " sha256:eeeeeeeeeeee"
    )
    assert error.hint == "it was made there, and a copy would hide it; copy to an empty registry"


def test_a_registry_without_a_release(two_weeks: Week) -> None:
    error = copy_of(two_weeks, source=THERE, target=HERE)
    with pytest.raises(StepError, match=f"^nothing is released in {THERE}/shop-releases$"):
        error.prepare()


def test_another_run_that_writes_there_meanwhile(
    two_weeks: Week, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copy_of(two_weeks)
    plan = copy.prepare()
    monkeypatch.setattr(two_weeks.store, "digest", lambda _reference: f"sha256:{'e' * 64}")
    first = plan.copies[0]
    with pytest.raises(ConflictError) as caught:
        copy.carry_out(plan, lambda _text: None)
    assert caught.value.message == (
        f"{first.target} has the digest sha256:{'e' * 64} after the copy, not {first.digest}"
    )
    assert caught.value.hint == "another run writes to that registry; run the same command again"
