"""Releases of several platforms: a variant's tags name an index, or stay as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builder.build.events import ReleaseResult, detail_of
from builder.common.errors import ConflictError, StepError
from builder.registry.release_record import Record
from tests.fakes.catalog import ARM, BOTH, LOCK, Folder, Week
from tests.fakes.releases import RECORDS, change, offered, record

pytestmark = pytest.mark.slow

AMD = "linux/amd64"
SHOP = "127.0.0.1:5999/shop-"
NEXT_WEEK = "2026-11-30"
DESK = "desk/os=1,lang=1.9"
OTHER = "desk/os=2,lang=1.10"
SPEECH = "speech/os=1,lang=1.9"


@pytest.fixture
def pair(folder: Folder) -> Week:
    """The small catalog on two platforms, with fakes around it."""
    folder.for_platforms(AMD, ARM)
    return Week(folder=folder, lock=BOTH)


def tags(week: Week, image: str) -> dict[str, str]:
    """What people pull of an image."""
    start = f"{SHOP}{image}:"
    return {
        name.removeprefix(start): digest
        for name, digest in week.store.named.items()
        if name.startswith(start) and not name.startswith(f"{start}fp-")
    }


def test_a_variant_that_passed_on_both_has_tags_of_an_index(pair: Week) -> None:
    assert {result.status for result in pair.go_by().values()} == {"done"}
    found = record(pair)
    assert found.blocked == {}
    variant = found.variants[DESK]
    assert variant.targets == {AMD: DESK, ARM: f"{DESK}@{ARM}"}
    one, other = found.targets[DESK], found.targets[f"{DESK}@{ARM}"]
    assert one.digest != other.digest
    assert found.manifests(DESK) == {AMD: one.digest, ARM: other.digest}
    assert len({variant.digest, one.digest, other.digest}) == 3
    names = tags(pair, "desk")
    expected = ("lang1.9.7-2026.11.23", "lang1.9.7", "lang1.9")
    assert {tag: names[tag] for tag in expected} == dict.fromkeys(expected, variant.digest)
    assert names["latest"] == found.variants[OTHER].digest
    assert set(names.values()) == {found.variants[DESK].digest, found.variants[OTHER].digest}


def test_fingerprints_tags_name_manifests(pair: Week) -> None:
    pair.go_by()
    for target in record(pair).targets.values():
        tag = f"{SHOP}{target.image}:fp-{target.fingerprint[:32]}"
        assert pair.store.named[tag] == target.digest


def test_what_is_not_offered_has_no_index(pair: Week) -> None:
    pair.go_by()
    found = record(pair)
    assert f"tool/os=1@{ARM}" in found.targets
    assert not any(variant.startswith("tool/") for variant in found.variants)
    assert tags(pair, "tool") == {}


def test_a_chart_names_the_tag_of_the_index(pair: Week) -> None:
    pair.go_by()
    found = record(pair)
    assert found.charts["desk"].images == (
        f"{SHOP}desk:lang1.10.4-2026.11.23", f"{SHOP}desk:lang1.9.7-2026.11.23",
    )  # fmt: skip
    for image in found.charts["desk"].images:
        assert pair.store.named[image] in {variant.digest for variant in found.variants.values()}


def test_a_chart_waits_for_every_platform(pair: Week) -> None:
    needs = pair.plan().steps["chart:desk"].needs
    assert needs == tuple(
        f"build:{variant}{at}" for variant in (OTHER, DESK) for at in ("", f"@{ARM}")
    )
    pair.smoke.rejects = {f"{DESK}@{ARM}"}
    assert pair.go_by()["chart:desk"].status == "blocked"
    assert record(pair).charts == {}


def test_a_variant_whose_platform_fails_is_not_offered(pair: Week) -> None:
    pair.smoke.rejects = {f"{DESK}@{ARM}"}
    results = pair.go_by()
    assert results["release"].status == "done"
    found = record(pair)
    why = "linux/arm64 did not pass; it is not published"
    assert found.blocked[f"variant:{DESK}"] == why
    release = detail_of(results["release"], ReleaseResult)
    assert release is not None
    assert release.waiting == {DESK: why}
    assert DESK not in found.targets
    assert DESK not in found.variants
    assert set(tags(pair, "desk")) == {"lang1.10.4-2026.11.23", "lang1.10.4", "lang1.10", "latest"}
    assert SPEECH in found.variants


def test_or_stays_as_the_release_before_offered_it(pair: Week) -> None:
    pair.go_by()
    before, names = record(pair), tags(pair, "desk")
    change(pair)
    pair.smoke.rejects = {f"{DESK}@{ARM}"}
    results = pair.go_by(today=NEXT_WEEK)
    assert results[f"build:{DESK}"].status == "done"
    found = record(pair)
    for key in (DESK, f"{DESK}@{ARM}"):
        assert found.targets[key] == before.targets[key]
    assert found.variants[DESK] == before.variants[DESK]
    assert found.variants[OTHER].digest != before.variants[OTHER].digest
    assert found.blocked == {
        f"build:{DESK}@{ARM}": f"{DESK}@{ARM}: 1 of 2 tests failed",
        "chart:desk": f"build:{DESK}@{ARM} failed",
        f"variant:{DESK}": "linux/arm64 did not pass; it stays as in 2026.11.23",
    }
    after = tags(pair, "desk")
    for tag in ("lang1.9.7", "lang1.9", "lang1.9.7-2026.11.23"):
        assert after[tag] == names[tag]
    assert after["lang1.9.7-2026.11.30"] == names["lang1.9.7"]
    assert found.charts == before.charts


def test_and_is_caught_up_with_when_it_passes(pair: Week) -> None:
    pair.go_by()
    change(pair)
    pair.smoke.rejects = {f"{DESK}@{ARM}"}
    pair.go_by(today=NEXT_WEEK)
    pair.smoke.rejects = set()
    pair.go_by(today=NEXT_WEEK)
    found = record(pair)
    assert (found.release, found.blocked) == ("2026.11.30.1", {})
    assert found.variants[DESK].since == "2026.11.30.1"
    assert found.variants[OTHER].since == "2026.11.30"
    assert tags(pair, "desk")["lang1.9"] == found.variants[DESK].digest
    assert found.charts["desk"].images == (
        f"{SHOP}desk:lang1.10.4-2026.11.30", f"{SHOP}desk:lang1.9.7-2026.11.30.1",
    )  # fmt: skip


def test_an_unchanged_index_is_not_pushed_again(pair: Week) -> None:
    pair.go_by()
    before = record(pair)
    pair.store.calls.clear()
    assert pair.go_by()["release"].status == "reused"
    assert pair.store.writes == []
    pair.go_by(today=NEXT_WEEK)
    assert pair.store.called("put_index") == []
    found = record(pair)
    assert (found.release, found.variants, found.charts) == (
        "2026.11.30", before.variants, before.charts,
    )  # fmt: skip
    assert tags(pair, "desk")["lang1.9.7-2026.11.30"] == before.variants[DESK].digest


def test_one_changed_platform_is_a_new_index(pair: Week) -> None:
    pair.go_by()
    before = record(pair)
    base = replace(BOTH.bases[f"os=1@{ARM}"], content="sha256:" + "c" * 64)
    pair.lock = replace(BOTH, bases={**BOTH.bases, f"os=1@{ARM}": base})
    pair.go_by(today=NEXT_WEEK)
    found = record(pair)
    assert found.targets[DESK] == before.targets[DESK]
    assert found.targets[f"{DESK}@{ARM}"].since == found.variants[DESK].since == "2026.11.30"
    assert found.variants[DESK].digest != before.variants[DESK].digest
    assert found.variants[OTHER] == before.variants[OTHER]
    assert found.charts["desk"].images[1] == f"{SHOP}desk:lang1.9.7-2026.11.30"


def test_a_platform_that_was_not_selected_counts_while_its_inputs_are_the_same(pair: Week) -> None:
    pair.go_by()
    before = record(pair)
    pair.go_by(f"desk/os=1*@{ARM}", today=NEXT_WEEK)
    assert record(pair).variants == before.variants
    change(pair)
    results = pair.go_by(f"desk/os=1*@{ARM}", today="2026-12-07")
    assert results[f"build:{DESK}@{ARM}"].status == "done"
    assert DESK not in pair.plan(f"desk/os=1*@{ARM}").targets
    found = record(pair)
    assert found.variants[DESK] == before.variants[DESK]
    assert found.blocked[f"variant:{DESK}"] == "linux/amd64 did not pass; it stays as in 2026.11.30"


# Platforms that come and go.


def test_from_one_platform_to_two_and_back(folder: Folder) -> None:
    week = Week(folder=folder)
    week.go_by()
    first = record(week)
    assert first.variants == {}
    alone = tags(week, "desk")

    folder.for_platforms(AMD, ARM)
    week.lock = BOTH
    week.go_by(today=NEXT_WEEK)
    both = record(week)
    assert both.targets[DESK].digest == first.targets[DESK].digest
    assert both.variants[DESK].since == "2026.11.30"
    names = tags(week, "desk")
    assert names["lang1.9"] == names["lang1.9.7-2026.11.30"] == both.variants[DESK].digest
    assert names["lang1.9.7-2026.11.23"] == alone["lang1.9.7-2026.11.23"]

    folder.for_platforms(AMD)
    week.lock = LOCK
    week.go_by(today=NEXT_WEEK)
    found = record(week)
    assert (found.release, found.variants) == ("2026.11.30.1", {})
    assert found.targets[DESK].since == "2026.11.30.1"
    names = tags(week, "desk")
    assert names["lang1.9"] == names["lang1.9.7-2026.11.30.1"] == first.targets[DESK].digest
    assert names["lang1.9.7-2026.11.30"] == both.variants[DESK].digest
    assert found.charts["desk"].images[1] == f"{SHOP}desk:lang1.9.7-2026.11.30.1"


def test_what_is_not_built_here_keeps_what_was_offered(folder: Folder) -> None:
    week = Week(folder=folder)
    week.go_by()
    first, names = record(week), tags(week, "desk")
    folder.for_platforms(AMD, ARM)
    week.lock, week.platforms = BOTH, (AMD,)
    change(week)
    plan = week.plan(today=NEXT_WEEK)
    item = plan.targets[f"base/os=1@{ARM}"]
    assert (item.action, item.reason) == (
        "block", "this engine builds linux/amd64, not linux/arm64",
    )  # fmt: skip
    assert (plan.targets[DESK].action, plan.targets[DESK].rolling) == ("build", ())
    results = week.carry_out(plan)
    assert results[f"build:{DESK}"].status == "done"
    found = record(week)
    assert found.targets[DESK] == first.targets[DESK]
    assert found.variants == {}
    assert found.blocked[f"variant:{DESK}"] == "linux/arm64 did not pass; it stays as in 2026.11.23"
    assert tags(week, "desk")["lang1.9"] == names["lang1.9"]
    week.store.calls.clear()
    assert week.go_by(today=NEXT_WEEK)["release"].status == "reused"
    assert week.store.writes == []


def test_a_value_that_one_platform_has_keeps_its_tags_of_manifests(pair: Week) -> None:
    pair.folder.edit(
        "matrix.yaml", 'requires: {os: "1"},', f'requires: {{os: "1"}}, platforms: [{AMD}],'
    )
    assert {result.status for result in pair.go_by().values()} == {"done"}
    found = record(pair)
    assert f"{DESK}@{ARM}" not in found.targets
    assert DESK not in found.variants
    assert tags(pair, "desk")["lang1.9"] == found.targets[DESK].digest
    assert tags(pair, "desk")["latest"] == found.variants[OTHER].digest


# What can be done again.


def test_tags_and_indexes_come_back_from_the_record_alone(pair: Week) -> None:
    pair.go_by()
    expected, found = offered(pair.store), record(pair)
    for name in expected:
        if "shop-charts/" not in name:
            del pair.store.named[name]
    for variant in found.variants.values():
        for key in [key for key in pair.store.artifacts if key.endswith(variant.digest)]:
            del pair.store.artifacts[key]
    pair.records().converge(found)
    assert offered(pair.store) == expected
    pair.store.calls.clear()
    pair.records().converge(found)
    assert pair.store.writes == []


def test_every_registry_gets_the_index(pair: Week) -> None:
    pair.folder.edit("matrix.yaml", "[embedded]", "[embedded, mirror.example.org/team]")
    pair.go_by()
    found = record(pair)
    assert (
        pair.store.named["mirror.example.org/team/shop-desk:lang1.9"] == found.variants[DESK].digest
    )


def test_a_tag_that_never_moves_names_something_else(pair: Week) -> None:
    plan = pair.plan()
    builds = pair.builds(plan)
    actions = {"base": builds.base, "build": builds.target}
    for step in plan.steps.values():
        if step.kind in actions:
            actions[step.kind](step)
    manifest = pair.store.named[f"{SHOP}desk:{plan.targets[DESK].fingerprint.tag}"]
    pair.store.named[f"{SHOP}desk:lang1.9.7-2026.11.23"] = manifest
    with pytest.raises(ConflictError) as caught:
        pair.promotion(plan).release(plan.steps["release"], {})
    text = str(caught.value)
    assert text.startswith(
        f"{SHOP}desk:lang1.9.7-2026.11.23 exists with another digest: {manifest[:19]}, not sha256:"
    )
    assert RECORDS not in "".join(pair.store.named)


def test_a_manifest_that_is_gone_stops_the_release(pair: Week) -> None:
    # The chart asks for the digest of its images first, and is not packaged.
    pair.store.fail("put_index", StepError("it is not in the registry"), on="shop-desk", times=2)
    results = pair.go_by()
    assert results["chart:desk"].reason == "it is not in the registry"
    assert (results["release"].status, results["release"].reason) == (
        "failed", "it is not in the registry",
    )  # fmt: skip
    assert offered(pair.store) == {}


@pytest.mark.slow
def test_a_release_that_dies_after_any_write_is_finished_by_the_next_run(tmp_path: Path) -> None:
    first = Week(folder=Folder(tmp_path / "cut"), lock=BOTH)
    first.folder.for_platforms(AMD, ARM)
    first.go_by()
    old = record(first)
    change(first)
    whole = Week(folder=first.folder, lock=BOTH)
    whole.store.hold(first.store)
    whole.go_by(today=NEXT_WEEK)
    expected = record(whole)
    # What comes before is the same for one platform, and dies in the tests of promotion.
    kinds = [kind for kind, _ in whole.store.writes]
    start = kinds.index("put_index")
    assert len(kinds) - start > 15
    for number in range(start, len(kinds) + 1):
        week = Week(folder=first.folder, lock=BOTH)
        week.store.hold(first.store)
        plan = week.plan(today=NEXT_WEEK)
        week.store.crash_after(number)
        week.carry_out(plan)
        week.store.revive()
        check_offers(week, old, expected, number)
        week.go_by(today=NEXT_WEEK)
        found = record(week)
        assert found.release.startswith("2026.11.30"), number
        assert {key: variant.digest for key, variant in found.variants.items()} == {
            key: variant.digest for key, variant in expected.variants.items()
        }, number
        for key, variant in found.variants.items():
            target = found.targets[key]
            for tag in (*target.rolling, *variant.immutable(target.exact, found.release)):
                assert week.store.named[f"{SHOP}{target.image}:{tag}"] == variant.digest, number
        for image in found.charts["desk"].images:
            assert image in week.store.named, number


def check_offers(week: Week, old: Record, new: Record, number: int) -> None:
    """Tags name whole indexes of one record or the other, and no new one before its record."""
    known = {variant.digest for item in (old, new) for variant in item.variants.values()}
    charts = {it["manifest"] for item in (old, new) for it in item.charts["desk"].listed.values()}
    assert set(offered(week.store).values()) <= known | charts, number
    if record(week).release == old.release:
        assert set(offered(week.store).values()) <= {
            *(variant.digest for variant in old.variants.values()),
            *(item["manifest"] for item in old.charts["desk"].listed.values()),
        }, number
