"""Which images of a registry are believed, and how often it is asked."""

from __future__ import annotations

from collections import Counter

import pytest

from builder.common.errors import ConfigError, TransientError
from builder.oci.reference import Reference
from builder.plan.image_check import NO_METADATA
from builder.plan.image_metadata import DOCUMENT, reference_of
from builder.plan.registry_state import read_registry_state
from tests.fakes.catalog import Week, prints
from tests.fakes.planted import STRANGER, metadata, plant, restate
from tests.fakes.releases import RECORDS

BASE, SPEECH, DESK, TOOL = "base/os=1", "speech/os=1,lang=1.9", "desk/os=1,lang=1.9", "tool/os=1"
NEXT_WEEK = "2026-11-30"


def image(week: Week, target: str) -> Reference:
    """Return the reference of the fingerprint of a target."""
    return week.plan().targets[target].reference


def built(week: Week) -> dict[str, str]:
    """Return what the plan builds, and why, without a note on packages."""
    return {
        key: item.reason.removesuffix("; packages not locked")
        for key, item in week.plan(today=NEXT_WEEK).targets.items()
        if item.action == "build"
    }


def test_a_tag_alone_is_not_believed(week: Week) -> None:
    place = image(week, BASE)
    plant(week.store, place)
    assert built(week)[BASE] == f"{place.tag} is in the registry, but {NO_METADATA}"
    assert BASE not in week.observed().digests


def test_another_image_under_the_tag_is_not_believed(week: Week) -> None:
    week.go_by()
    place = image(week, DESK)
    tested = week.store.named[str(place)]
    plant(week.store, place)
    assert built(week) == {
        DESK: f"{place.tag} is in the registry, but it is {STRANGER}, and its metadata is of"
        f" {tested}"
    }


def test_metadata_of_another_image_is_not_believed(week: Week) -> None:
    week.go_by()
    place = image(week, DESK)
    restate(week.store, place, digest=STRANGER)
    digest = week.store.named[str(place)]
    assert built(week) == {
        DESK: f"{place.tag} is in the registry, but it is {digest}, and its metadata is of"
        f" {STRANGER}"
    }


def test_metadata_of_another_fingerprint_is_not_believed(week: Week) -> None:
    week.go_by()
    plan = week.plan()
    desk, speech = plan.targets[DESK], plan.targets[SPEECH]
    document = metadata(week.store, speech.reference).files[DOCUMENT].data
    restate(week.store, desk.reference, document=document)
    assert built(week) == {
        DESK: f"{desk.fingerprint.tag} is in the registry, but its metadata is of the fingerprint"
        f" {speech.fingerprint.digest}, not of {desk.fingerprint.digest}"
    }


def test_what_was_built_in_a_chroot_is_built_again_where_the_kernel_isolates(week: Week) -> None:
    week.go_by()
    place = image(week, DESK)
    restate(week.store, place, isolation="chroot", network="host")
    assert built(week) == {
        DESK: f"{place.tag} is in the registry, but it was built in a chroot, which keeps a build"
        " from nothing else on its machine"
    }
    project = week.folder.load()
    found = prints(project, week.lock)
    for takes_chroot in (False, True):
        state = read_registry_state(
            week.store, project, week.lock, found, takes_chroot=takes_chroot
        )
        assert (DESK in state.digests) is takes_chroot


def test_who_asks_for_a_chroot_takes_what_was_built_in_one(
    week: Week, monkeypatch: pytest.MonkeyPatch
) -> None:
    for isolation, takes_chroot in (("chroot", True), ("pod", False), ("", False)):
        monkeypatch.setenv("BUILDER_ISOLATION", isolation)
        app = week.app()
        assert app.options.takes_chroot is takes_chroot
        assert app.context(week.planned(week.plan())).takes_chroot is takes_chroot


@pytest.mark.parametrize(
    "stated",
    [{"isolation": "pod", "network": "host"}, {"isolation": "kernel"}, {"isolation": ""}],
)
def test_other_isolation_and_what_older_builders_wrote_is_reused(
    week: Week, stated: dict[str, object]
) -> None:
    week.go_by()
    restate(week.store, image(week, DESK), **stated)
    assert built(week) == {}


def test_half_of_a_fingerprint_is_not_enough(week: Week) -> None:
    week.go_by()
    place = image(week, DESK)
    document = metadata(week.store, place).files[DOCUMENT].data
    restate(week.store, place, document=document.replace(b"wood", b"iron"))
    restate(week.store, place, document=document.replace(b"linux/amd64", b"linux/other"))
    assert "its metadata is of the fingerprint" in built(week)[DESK]


@pytest.mark.parametrize("document", [b"", b"[" * 99_999, b"\xff"])
def test_damaged_metadata_is_not_believed(week: Week, document: bytes) -> None:
    week.go_by()
    place = image(week, DESK)
    restate(week.store, place, document=document)
    assert built(week) == {
        DESK: f"{place.tag} is in the registry, but its metadata cannot be read:"
        f" {reference_of(place)}: the metadata of this image is damaged"
    }


def test_metadata_of_a_newer_builder_is_not_overwritten(week: Week) -> None:
    week.go_by()
    restate(week.store, image(week, DESK), format=99, digest="")
    with pytest.raises(ConfigError, match="format 99 is newer"):
        week.plan(today=NEXT_WEEK)


def test_what_stands_on_an_image_that_is_gone_is_built_again(week: Week) -> None:
    week.go_by()
    del week.store.named[str(image(week, SPEECH))]
    tag = week.plan().targets[DESK].fingerprint.tag
    reasons = built(week)
    assert set(reasons) == {SPEECH, DESK}
    assert reasons[DESK] == f"{tag} is in the registry, but its parent {SPEECH} is not"


def test_what_stands_on_an_image_that_is_not_believed_is_built_again(week: Week) -> None:
    week.go_by()
    plant(week.store, image(week, TOOL))
    tag = week.plan().targets[DESK].fingerprint.tag
    reasons = built(week)
    assert set(reasons) == {TOOL, DESK}
    assert reasons[DESK] == f"{tag} is in the registry, but its input {TOOL} is not believed"


def test_a_root_needs_its_base(week: Week) -> None:
    week.go_by()
    (base,) = (name for name in week.store.named if name.startswith("127.0.0.1:5999/shop-os:fp-1"))
    del week.store.named[base]
    tag = week.plan().targets[BASE].fingerprint.tag
    assert built(week)[BASE] == (
        f"{tag} is in the registry, but its base image os=1@linux/amd64 is not"
    )


def test_a_registry_that_fails_for_now_is_not_taken_for_one_without_metadata(week: Week) -> None:
    week.go_by()
    week.store.fail("summary", TransientError("503"))
    with pytest.raises(TransientError):
        week.plan(today=NEXT_WEEK)


def test_a_plan_asks_for_an_image_twice_if_it_is_released_and_else_three_times(week: Week) -> None:
    week.go_by()
    number = len(week.observed().digests) - 2  # that many targets, beside two bases
    week.store.calls.clear()
    week.observed()
    asked = Counter(method for method, _ in week.store.calls)
    assert (asked["digest"], asked["summary"], asked["content"]) == (number + 2, number, 0)
    del week.store.named[f"{RECORDS}:current"]
    week.store.calls.clear()
    week.observed()
    asked = Counter(method for method, _ in week.store.calls)
    assert (asked["digest"], asked["summary"], asked["content"]) == (number + 2, number, number)
