"""Plans: what is done to each thing, and why."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.build.chart_steps import ChartActions
from builder.build.events import ReleaseResult, detail_of
from builder.ci.shards import jobs
from builder.ci.systems import CI_SYSTEMS
from builder.common.errors import ConfigError
from builder.lock.lockfile import Lock
from builder.oci.reference import is_tag
from builder.plan.chart_planner import unlocked_images
from builder.plan.models import Plan, RegistryState, unmet
from builder.report.plan import FORMATS, as_json, as_markdown, as_table
from tests.fakes.catalog import ARM, BOTH, LOCK, TODAY, Folder, Week, lines, plan_of, prints
from tests.fakes.layers import layer

GOLDEN = Path(__file__).parents[2] / "golden" / "plan"
NEXT_WEEK = "2026-11-30"
NOT_LOCKED = "; packages not locked"


def steps(plan: Plan, *kinds: str) -> dict[str, tuple[str, str]]:
    """(action, reason) of the steps of some kinds."""
    return {
        step.id: (step.action, step.reason)
        for step in plan.steps.values()
        if step.kind in (kinds or ("base", "build", "chart", "release"))
    }


def reasons(plan: Plan) -> dict[str, str]:
    """Why, by target, without the remark that every unlocked target has."""
    return {key: item.reason.removesuffix(NOT_LOCKED) for key, item in plan.targets.items()}


def actions(plan: Plan) -> dict[str, str]:
    return {step.id: step.action for step in plan.steps.values()}


# Against an empty registry.


def test_everything_is_new(folder: Folder) -> None:
    plan = plan_of(folder.load())
    assert set(reasons(plan).values()) == {"new: no release has it"}
    assert plan.release == "2026.11.23"
    assert steps(plan, "base", "chart", "release") == {
        "base:os=2@linux/amd64": (
            "fetch",
            "not in the registry; locked to registry example.org/os:two",
        ),
        "base:os=1@linux/amd64": ("fetch", "not in the registry; locked to bootstrap one"),
        "chart:desk": ("package", "new: no release has it; 2 of its 2 images will be built"),
        "release": ("release", "8 built, 1 chart packaged"),
    }


def test_offline_asks_no_registry(folder: Folder) -> None:
    plan = plan_of(folder.load(), registry_state=RegistryState(was_read=False))
    assert {
        item.reason for item in plan.targets.values() if item.target.variant.image != "tool"
    } == {"the registry was not asked; packages not locked"}


def test_what_is_locked_is_not_said_to_be_unlocked(folder: Folder) -> None:
    lock = replace(LOCK, package_sets={"base/os=2": layer(apt={})})
    plan = plan_of(folder.load(), lock=lock)
    assert plan.targets["base/os=2"].reason == "new: no release has it"
    assert plan.targets["base/os=1"].reason == "new: no release has it; packages not locked"


def test_what_is_not_locked_blocks_its_own_targets(folder: Folder) -> None:
    lock = replace(LOCK, release_lines=lines({"lang=1.10": "1.10.4"}))
    plan = plan_of(folder.load(), lock=lock)
    why = (
        "lang=1.9 is not locked: run `builder lock`, which asks provider apt, or says why it cannot"
    )
    assert {key: item.reason for key, item in plan.targets.items() if item.action == "block"} == {
        "speech/os=1,lang=1.9": why,
        "desk/os=1,lang=1.9": why,
    }
    assert plan.steps["build:desk/os=1,lang=1.9"].needs == ()
    blocked = plan.targets["desk/os=1,lang=1.9"]
    assert blocked.rolling == ()
    text = as_table(plan).splitlines()[-1]
    assert text == "8 targets: 6 to build, 2 blocked; 1 of 1 chart to package"
    assert "\n2 to fetch, 6 to build, 2 blocked, 1 to package, 1 to release.\n" in as_markdown(plan)
    # The chart is made of what can be built.
    assert plan.charts["desk"].variants == ("desk/os=2,lang=1.10",)
    assert "latest" in plan.targets["desk/os=2,lang=1.10"].rolling


def test_a_chart_without_an_image_to_offer_is_blocked_and_counted(folder: Folder) -> None:
    lock = replace(LOCK, release_lines={})
    plan = plan_of(folder.load(), lock=lock)
    chart = plan.charts["desk"]
    reason = (
        "no image of it can be released: lang=1.10 is not locked: run `builder lock`, which asks"
        " provider apt, or says why it cannot"
    )
    assert (chart.action, chart.reason, chart.images, chart.variants) == ("block", reason, (), ())
    assert plan.steps["chart:desk"].needs == ()
    assert as_table(plan).splitlines()[-1].endswith("; 0 of 1 chart to package")
    assert json.loads(as_json(plan))["charts"] == [
        {"name": "desk", "version": "", "image": "", "action": "block", "reason": reason}
    ]
    assert plan_of(folder.load(), lock=lock, pick=["tool"]).charts == {}


def test_a_chart_does_not_begin_with_a_preview(folder: Folder) -> None:
    folder.edit("matrix.yaml", '"1.9": {provider: apt,', '"1.9": {preview: true, provider: apt,')
    plan = plan_of(folder.load())
    assert [image.rpartition(":")[2] for image in plan.charts["desk"].images] == [
        "lang1.10.4-2026.11.23", "lang1.9.7-2026.11.23",
    ]  # fmt: skip
    assert "latest" not in plan.targets["speech/os=1,lang=1.9"].rolling
    alone = replace(LOCK, release_lines=lines({"lang=1.9": "1.9.7"}))
    chart = plan_of(folder.load(), lock=alone).charts["desk"]
    assert chart.action == "block"
    assert chart.reason.startswith(
        "no image of it can be released: lang=1.10 is not locked: run `builder lock`"
    )


def test_a_blocked_chart_stays_as_the_last_release_has_it(folder: Folder) -> None:
    week = Week(folder=folder)
    week.go_by()
    released = week.observed().record
    assert released is not None
    week.lock = replace(LOCK, release_lines={})
    plan = week.plan(today="2026-11-30")
    untouched: Any = None  # neither helm nor an engine is asked
    actions = ChartActions(
        context=week.work(plan), store=week.store, helm=untouched, runner=untouched
    )
    result = actions.chart(plan.steps["chart:desk"])
    assert (result.status, result.exit_code) == ("skipped", 0)
    assert result.reason.startswith("no image of it can be released: lang=1.10 is not locked")
    week.carry_out(plan)
    record = week.observed().record
    assert record is not None
    assert record.charts == released.charts
    assert week.plan().charts["desk"].version == released.charts["desk"].version


def test_a_chart_whose_images_have_all_ended(folder: Folder) -> None:
    folder.edit("matrix.yaml", '"1.10": {', '"1.10": {eol: 2020-01-31, ')
    folder.edit("matrix.yaml", "eol: 2027-01-31", "eol: 2020-01-31")
    chart = plan_of(folder.load()).charts["desk"]
    assert (chart.action, chart.reason) == (
        "retire", "no image of it can be released: it ended on 2020-01-31",
    )  # fmt: skip


def test_what_a_chart_names_whose_images_are_not_locked(folder: Folder) -> None:
    project = folder.load()
    matrix, expansion = project.catalog.matrix, project.expansion
    names = (
        "127.0.0.1:5999/shop-desk:not-locked-lang1.10",
        "127.0.0.1:5999/shop-desk:not-locked-lang1.9",
    )
    assert unlocked_images("desk", expansion, matrix, "2026-11-23") == names
    assert unlocked_images("desk", expansion, matrix, "2027-06-01") == names[:1]
    assert all(map(is_tag, (name.rpartition(":")[2] for name in names)))


def test_latest_is_the_first_variant_whose_lines_are_known(folder: Folder) -> None:
    lock = replace(LOCK, release_lines=lines({"lang=1.9": "1.9.7"}))
    plan = plan_of(folder.load(), lock=lock)
    assert plan.targets["desk/os=2,lang=1.10"].action == "block"
    assert "latest" in plan.targets["desk/os=1,lang=1.9"].rolling


def test_a_platform_that_the_engine_does_not_build(folder: Folder) -> None:
    plan = plan_of(folder.load(), builds=("linux/riscv64",))
    assert {item.action for item in plan.targets.values()} == {"block"}
    assert plan.targets["base/os=2"].reason == ("this engine builds linux/riscv64, not linux/amd64")
    assert plan.steps["base:os=2@linux/amd64"].action == "skip"


def test_a_step_needs_what_it_stands_on(folder: Folder) -> None:
    plan = plan_of(folder.load())
    needs = {step.id: step.needs for step in plan.steps.values()}
    assert needs["base:os=1@linux/amd64"] == ()
    assert needs["build:base/os=1"] == ("base:os=1@linux/amd64",)
    assert needs["build:desk/os=1,lang=1.9"] == ("build:speech/os=1,lang=1.9", "build:tool/os=1")
    assert needs["chart:desk"] == ("build:desk/os=2,lang=1.10", "build:desk/os=1,lang=1.9")
    assert needs["release"] == ("chart:desk",)


def test_needs_come_first(folder: Folder) -> None:
    seen: set[str] = set()
    for step in plan_of(folder.load()).steps.values():
        assert seen.issuperset(step.needs)
        seen.add(step.id)


def test_tags(folder: Folder) -> None:
    plan = plan_of(folder.load())
    found = prints(folder.load())
    desk = plan.targets["desk/os=1,lang=1.9"]
    assert desk.immutable == (found[desk.target.id].tag, "lang1.9.7-2026.11.23")
    assert desk.rolling == ("lang1.9.7", "lang1.9")
    assert plan.targets["desk/os=2,lang=1.10"].rolling == ("lang1.10.4", "lang1.10", "latest")
    tool = plan.targets["tool/os=2"]
    assert (tool.immutable, tool.rolling) == ((found["tool/os=2"].tag,), ())
    assert plan.charts["desk"].images == (
        "127.0.0.1:5999/shop-desk:lang1.10.4-2026.11.23",
        "127.0.0.1:5999/shop-desk:lang1.9.7-2026.11.23",
    )


def test_exact_versions_that_meet_are_a_mistake(folder: Folder) -> None:
    folder.edit("matrix.yaml", '    "1.9":', '    "1":')
    lock = replace(LOCK, release_lines=lines({"lang=1.10": "1.10.4", "lang=1": "1.10.4"}))
    with pytest.raises(ConfigError) as caught:
        plan_of(folder.load(), lock=lock)
    assert str(caught.value) == (
        "speech/os=2,lang=1.10 and speech/os=1,lang=1 have the tag 'lang1.10.4'\n"
        "  hint: give a value in which they differ a `tag`"
    )


def test_exact_versions_that_meet_once_they_are_tags_are_a_mistake(folder: Folder) -> None:
    folder.edit("matrix.yaml", '    "1.9":', '    "1":')
    lock = replace(LOCK, release_lines=lines({"lang=1.10": "1.10+4", "lang=1": "1.10~4"}))
    with pytest.raises(ConfigError) as caught:
        plan_of(folder.load(), lock=lock)
    assert str(caught.value) == (
        "speech/os=2,lang=1.10 and speech/os=1,lang=1 have the tag 'lang1.10_4'\n"
        "  hint: give a value in which they differ a `tag`;"
        " a sign that no tag may have is written as `_`"
    )


def test_no_tag_of_a_plan_has_a_sign_that_no_tag_may_have(folder: Folder) -> None:
    lock = replace(LOCK, release_lines=lines({"lang=1.10": "1.10.4+526", "lang=1.9": "2:1.9~rc1"}))
    plan = plan_of(folder.load(), lock=lock)
    found = [tag for item in plan.targets.values() for tag in (*item.rolling, *item.immutable)]
    assert "lang1.10.4_526" in found
    assert all(map(is_tag, found))
    assert plan.charts["desk"].images == (
        "127.0.0.1:5999/shop-desk:lang1.10.4_526-2026.11.23",
        "127.0.0.1:5999/shop-desk:lang2_1.9_rc1-2026.11.23",
    )


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (
            "  desk: {image: desk, features: [bell]}",
            "matrix.yaml:22:34: chart desk: unknown feature 'bell'\n"
            "      desk: {image: desk, features: [bell]}\n"
            "                                     ^\n",
        ),
        (
            "  desk:\n    image: desk\n    values:\n      service.imag.version: a",
            "matrix.yaml:25:7: chart desk: no feature has a value service.imag.version\n"
            "          service.imag.version: a\n"
            "          ^\n",
        ),
        (
            "  desk: {image: desk, values: {image.version: 4}}",
            "matrix.yaml:22:32: chart desk: value image.version: the default 4 is not of"
            " type string\n"
            "      desk: {image: desk, values: {image.version: 4}}\n"
            "                                   ^\n",
        ),
    ],
)
def test_a_mistake_on_the_line_of_a_chart(folder: Folder, line: str, text: str) -> None:
    folder.edit("matrix.yaml", "  desk: {image: desk}", line)
    with pytest.raises(ConfigError) as caught:
        plan_of(folder.load())
    assert f"{caught.value}\n".startswith(text)


# Selection.


def test_missing_ancestors_are_added_to_a_selection(folder: Folder) -> None:
    plan = plan_of(folder.load(), pick=["desk,os=1"])
    assert list(plan.targets) == ["base/os=1", "tool/os=1", "speech/os=1,lang=1.9",
                                  "desk/os=1,lang=1.9"]  # fmt: skip
    assert list(plan.bases) == ["os=1@linux/amd64"]


def test_ancestors_that_the_registry_has_are_not(week: Week) -> None:
    week.go_by()
    week.folder.edit("images/desk/Dockerfile.j2", "/etc/", "/opt/")
    plan = week.plan("desk,os=1")
    assert list(plan.targets) == ["desk/os=1,lang=1.9"]
    assert plan.steps["build:desk/os=1,lang=1.9"].needs == ()


def test_a_changed_ancestor_is_added(week: Week) -> None:
    week.go_by()
    week.folder.edit("images/speech/Dockerfile.j2", "FROM", "# more\nFROM")
    actions = {item.action for item in week.plan("desk,os=1").targets.values()}
    assert actions == {"build"}
    assert list(week.plan("desk,os=1").targets) == ["speech/os=1,lang=1.9", "desk/os=1,lang=1.9"]


def test_a_chart_whose_other_image_is_nowhere_is_skipped(folder: Folder) -> None:
    plan = plan_of(folder.load(), pick=["desk,os=1"])
    assert steps(plan, "chart") == {
        "chart:desk": (
            "skip",
            "desk/os=2,lang=1.10 is neither selected nor in the registry",
        )
    }


def test_a_chart_none_of_whose_images_is_selected_is_left_out(folder: Folder) -> None:
    assert plan_of(folder.load(), pick=["speech"]).charts == {}


# After a release.


def test_what_was_built_and_not_released_is_counted(week: Week) -> None:
    plan = week.plan()
    for step in plan.steps.values():
        if step.kind == "base":
            week.builds(plan).base(step)
        elif step.id == "build:base/os=2":
            week.builds(plan).target(step)
    reason = "7 built, 1 built before, 1 chart packaged"
    assert week.plan().steps["release"].reason == reason


def test_what_the_catalog_no_longer_has_is_gone_with_the_next_release(week: Week) -> None:
    week.go_by()
    week.folder.drop("matrix.yaml", '"1.9": {')
    plan = week.plan()
    assert plan.charts["desk"].action == "package"
    assert plan.steps["release"].reason == "0 built, 1 chart packaged; gone: 2 targets"
    week.folder.edit("matrix.yaml", "charts:\n  desk: {image: desk}\n", "")
    plan = week.plan()
    assert (plan.release, plan.steps["release"].action) == ("2026.11.23.1", "release")
    reason = "0 built, 0 charts packaged; gone: 2 targets, 1 chart"
    assert plan.steps["release"].reason == reason
    results = week.carry_out(plan)
    release = detail_of(results["release"], ReleaseResult)
    assert release is not None
    assert release.charts == {}
    assert results["release"].reason == "2 targets gone"
    assert week.plan().steps["release"].action == "keep"


def test_a_platform_that_is_not_asked_for_is_not_gone(folder: Folder) -> None:
    folder.for_platforms("linux/amd64", ARM)
    week = Week(folder=folder, lock=BOTH)
    week.go_by()
    folder.for_platforms("linux/amd64")
    assert "gone" not in week.plan(today=NEXT_WEEK).steps["release"].reason


def test_nothing_changed_the_same_day(week: Week) -> None:
    week.go_by()
    plan = week.plan()
    assert set(actions(plan).values()) == {"reuse", "keep"}
    assert all(
        item.reason == f"{item.fingerprint.tag} is in the registry{NOT_LOCKED}"
        for item in plan.targets.values()
        if item.target.variant.image != "tool"  # which installs nothing
    )
    assert steps(plan, "base", "chart", "release") == {
        "base:os=2@linux/amd64": ("reuse", "its content is in the registry"),
        "base:os=1@linux/amd64": ("reuse", "its content is in the registry"),
        "chart:desk": ("keep", "nothing in it changed since version 1.0.0"),
        "release": ("keep", "nothing that passed has changed since 2026.11.23"),
    }
    assert plan.release == "2026.11.23"


def test_nothing_changed_in_a_week_is_a_release_all_the_same(week: Week) -> None:
    week.go_by()
    plan = week.plan(today=NEXT_WEEK)
    assert plan.steps["release"].action == "release"
    assert plan.steps["release"].reason == "nothing changed since 2026.11.23; a new week"
    assert plan.release == "2026.11.30"
    assert plan.charts["desk"].action == "keep"
    assert plan.charts["desk"].images[0].endswith(":lang1.10.4-2026.11.23")


def test_a_change_says_what_changed(week: Week) -> None:
    week.go_by()
    week.folder.edit("images/desk/Dockerfile.j2", "/etc/", "/opt/")
    week.folder.edit("images/speech/recipe.yaml", "[lang]", "[lang, more]")
    week.folder.write("images/desk/files/desk.conf", "wood = ash\n")
    week.folder.edit("images/tool/Dockerfile.j2", "make", "make -j")
    plan = week.plan(today=NEXT_WEEK)
    assert reasons(plan) == {
        "base/os=2": f"{plan.targets['base/os=2'].fingerprint.tag} is in the registry",
        "base/os=1": f"{plan.targets['base/os=1'].fingerprint.tag} is in the registry",
        "tool/os=2": "changed since 2026.11.23: dockerfile",
        "tool/os=1": "changed since 2026.11.23: dockerfile",
        "speech/os=2,lang=1.10": "changed since 2026.11.23: dockerfile, lock",
        "speech/os=1,lang=1.9": "changed since 2026.11.23: dockerfile, lock",
        "desk/os=2,lang=1.10": ("changed since 2026.11.23: parent, inputs, dockerfile, context"),
        "desk/os=1,lang=1.9": "changed since 2026.11.23: parent, inputs, dockerfile, context",
    }
    assert steps(plan, "chart", "release") == {
        "chart:desk": (
            "package",
            "changed since 1.0.0: its images; 2 of its 2 images will be built",
        ),
        "release": ("release", "6 built, 1 chart packaged"),
    }
    assert plan.charts["desk"].version == "1.0.1"


def test_a_change_back_is_found_in_the_registry(week: Week) -> None:
    week.go_by()
    week.folder.edit("images/desk/Dockerfile.j2", "/etc/", "/opt/")
    week.go_by(today=NEXT_WEEK)
    week.folder.edit("images/desk/Dockerfile.j2", "/opt/", "/etc/")
    plan = week.plan(today="2026-12-07")
    assert {item.action for item in plan.targets.values()} == {"reuse"}
    assert plan.charts["desk"].action == "package"
    assert plan.charts["desk"].version == "1.0.2"
    assert plan.steps["release"].action == "release"


def test_what_is_gone_from_the_registry_is_built_again(week: Week) -> None:
    week.go_by()
    tag = week.plan().targets["tool/os=1"].fingerprint.tag
    del week.store.named[f"127.0.0.1:5999/shop-tool:{tag}"]
    plan = week.plan(today=NEXT_WEEK)
    built = {key for key, item in plan.targets.items() if item.action == "build"}
    assert built == {"tool/os=1", "desk/os=1,lang=1.9"}  # which was built on it
    assert reasons(plan)["tool/os=1"] == f"{tag} is gone from the registry"


def test_a_chart_of_its_own_change(week: Week) -> None:
    week.go_by()
    week.folder.edit("charts/features/core/templates/pod.yaml", "image:", "# more\nimage:")
    plan = week.plan(today=NEXT_WEEK)
    assert steps(plan, "chart") == {
        "chart:desk": ("package", "changed since 1.0.0: its templates or values")
    }
    assert plan.charts["desk"].version == "1.0.1"
    assert "build" not in {item.action for item in plan.targets.values()}


def test_a_second_release_of_a_day(week: Week) -> None:
    week.go_by()
    week.folder.edit("images/desk/Dockerfile.j2", "/etc/", "/opt/")
    plan = week.plan()
    assert plan.release == "2026.11.23.1"
    assert plan.targets["desk/os=1,lang=1.9"].immutable[1] == "lang1.9.7-2026.11.23.1"


# The end of a line.


def test_a_line_past_its_end_is_retired(folder: Folder) -> None:
    for today, expected in (("2027-01-31", "build"), ("2027-02-01", "retire")):
        plan = plan_of(folder.load(), today=today)
        assert plan.targets["desk/os=1,lang=1.9"].action == expected
    assert {key: item.reason for key, item in plan.targets.items() if item.action == "retire"} == {
        "speech/os=1,lang=1.9": "lang=1.9 ended on 2027-01-31",
        "desk/os=1,lang=1.9": "lang=1.9 ended on 2027-01-31",
    }
    desk = plan.targets["desk/os=1,lang=1.9"]
    assert desk.rolling == ()
    assert desk.immutable == (desk.fingerprint.tag,)
    assert plan.steps[f"build:{desk.target.id}"].needs == ()
    assert plan.charts["desk"].images == ("127.0.0.1:5999/shop-desk:lang1.10.4-2027.02.01",)


GRACE = "bump: {axes: {lang: {grace: 30}}}\naxes:\n"


def test_in_the_days_of_grace_a_line_is_built_and_is_no_default(folder: Folder) -> None:
    folder.edit("matrix.yaml", "axes:\n", GRACE)
    folder.edit("matrix.yaml", '"1.10": {', '"1.10": {eol: 2027-01-31, ')
    folder.edit("matrix.yaml", ", eol: 2027-01-31}", ", eol: 2027-06-30}")
    images = [f"127.0.0.1:5999/shop-desk:lang{line}-2027.01.31" for line in ("1.10.4", "1.9.7")]
    before = plan_of(folder.load(), today="2027-01-31")
    assert before.charts["desk"].images == tuple(images)
    assert before.targets["desk/os=2,lang=1.10"].rolling == ("lang1.10.4", "lang1.10", "latest")
    for today in ("2027-02-01", "2027-03-02"):
        plan = plan_of(folder.load(), today=today)
        first, last = plan.targets["desk/os=1,lang=1.9"], plan.targets["desk/os=2,lang=1.10"]
        assert (first.action, last.action) == ("build", "build")
        assert last.reason.endswith("; lang=1.10 ends on 2027-03-02")
        assert "ends on" not in first.reason
        assert (first.rolling[2:], last.rolling) == (("latest",), ("lang1.10.4", "lang1.10"))
        day = today.replace("-", ".")
        assert [image[-10:] for image in plan.charts["desk"].images] == [day, day]
        assert [image[:-11] for image in plan.charts["desk"].images] == [
            image[:-11] for image in reversed(images)
        ]
    ended = plan_of(folder.load(), today="2027-03-03").targets["desk/os=2,lang=1.10"]
    assert (ended.action, ended.reason) == ("retire", "lang=1.10 ended on 2027-03-02")


def test_a_variant_whose_own_tag_is_latest_keeps_it_to_its_last_day(folder: Folder) -> None:
    folder.edit("matrix.yaml", "axes:\n", "bump: {defaults: {grace: 30}}\naxes:\n")
    plan = plan_of(folder.load(), today="2030-01-02")
    assert plan.targets["base/os=2"].rolling == ("latest",)


def test_a_chart_that_is_not_locked_names_a_line_in_its_grace_last(folder: Folder) -> None:
    folder.edit("matrix.yaml", "axes:\n", GRACE)
    folder.edit("matrix.yaml", '"1.10": {', '"1.10": {eol: 2026-10-31, ')
    project = folder.load()
    images = unlocked_images("desk", project.expansion, project.catalog.matrix, "2026-11-23")
    assert [image.rpartition("lang")[2] for image in images] == ["1.9", "1.10"]


def test_a_base_past_its_end_needs_no_lock(folder: Folder) -> None:
    lock = Lock(
        bases={"os=2@linux/amd64": LOCK.bases["os=2@linux/amd64"]}, release_lines=LOCK.release_lines
    )
    plan = plan_of(folder.load(), lock=lock, today="2028-07-01")
    assert plan.steps["base:os=1@linux/amd64"].action == "skip"
    assert plan.targets["base/os=1"].reason == "os=1 ended on 2028-06-30"
    assert plan.steps["release"].needs == (
        "build:base/os=1", "build:tool/os=1", "build:speech/os=1,lang=1.9",
        "build:desk/os=1,lang=1.9", "chart:desk",
    )  # fmt: skip


def test_any_other_base_that_is_not_locked_blocks_its_own_targets(folder: Folder) -> None:
    plan = plan_of(folder.load(), lock=Lock())
    assert {(it.action, it.reason.partition("@")[0]) for it in plan.targets.values()} == {
        ("block", "base os=2"), ("block", "base os=1"),
    }  # fmt: skip
    assert plan.targets["base/os=2"].reason == (
        "base os=2@linux/amd64 is not locked: `builder lock` says why"
    )


# Its text.


def test_two_plans_are_the_same_bytes(folder: Folder, week: Week) -> None:
    week.go_by()
    week.folder.edit("images/desk/Dockerfile.j2", "/etc/", "/opt/")
    for style, render in FORMATS.items():
        assert render(week.plan()) == render(week.plan()), style


def test_the_format_is_the_public_one(folder: Folder) -> None:
    data = json.loads(as_json(plan_of(folder.load())))
    assert list(data) == ["format", "targets", "charts", "steps"]
    assert data["format"] == 2
    assert [list(item) for item in data["targets"]] == 8 * [[
        "id", "image", "recipe", "axes", "platform", "parent", "fingerprint", "tags", "action",
        "reason", "adopts",
    ]]  # fmt: skip
    assert list(data["targets"][0]["tags"]) == ["immutable", "rolling"]
    assert [list(item) for item in data["charts"]] == [
        ["name", "version", "image", "action", "reason"]
    ]
    keys = {tuple(item) for item in data["steps"]}
    assert keys == {("id", "kind", "target", "needs", "action", "reason")}


FILES = {"json": "plan.json", "table": "plan.txt", "mermaid": "plan.mmd", "markdown": "plan.md"}
GITHUB = "plan.env"


@pytest.mark.parametrize("style", FORMATS)
def test_a_plan_is_written_as_it_is_kept(folder: Folder, style: str) -> None:
    as_kept(FILES[style], FORMATS[style](plan_of(folder.load(), today=TODAY)))


def test_a_plan_for_github_is_written_as_it_is_kept(folder: Folder) -> None:
    plan = plan_of(folder.load(), today=TODAY)
    levels = jobs(plan, dict.fromkeys(plan.steps, 60.0), most=20, worth=100.0)
    as_kept(GITHUB, CI_SYSTEMS.get("github").jobs(levels))


def as_kept(name: str, text: str) -> None:
    """Compare a plan with the one that is kept, where fingerprints are numbered."""
    text = numbered(text) + "\n"
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def numbered(text: str) -> str:
    """Write each fingerprint, and the beginning of it in a tag, as `<fingerprint 1>` and so on."""
    for number, digest in enumerate(dict.fromkeys(re.findall(r"\b[0-9a-f]{64}\b", text)), 1):
        text = text.replace(digest, f"<fingerprint {number}>")
        text = text.replace(f"fp-{digest[:32]}", f"fp-<fingerprint {number}>")
    assert "fp-<" in text or "fp-" not in text
    return text


def test_every_kept_plan_has_a_format() -> None:
    kept: Mapping[str, str] = {path.name: path.suffix for path in GOLDEN.iterdir()}
    assert sorted(kept) == sorted([*FILES.values(), GITHUB])


def test_what_a_step_waits_for(week: Week) -> None:
    plan = week.plan()
    chart = plan.steps["chart:desk"]
    first, second = chart.needs
    assert unmet(chart, plan, done_first=()) == first
    assert unmet(chart, plan, done_first={first}) == second
    assert unmet(chart, plan, done_first=plan.steps) == ""
    assert unmet(plan.steps["build:base/os=2"], plan, ()) == "base:os=2@linux/amd64"
    week.go_by()
    week.folder.edit("images/desk/Dockerfile.j2", "/etc/", "/opt/")
    plan = week.plan()
    assert unmet(plan.steps[first], plan, ()) == ""
    assert unmet(plan.steps["chart:desk"], plan, ()) == first
