"""A registry that fails for a while, or for good: what is tried again, and what is said."""

from __future__ import annotations

import time

import pytest

from tests.integration.faults.catalog import LATER, RELEASE
from tests.integration.faults.conftest import At, Moment
from tests.integration.faults.gate import Answer, Forward, Rule

NEXT = LATER.replace("-", ".")
RECORD = f"PUT /v2/f-releases/manifests/{NEXT}"
CURRENT = "PUT /v2/f-releases/manifests/current"
UPLOAD = "PUT /v2/f-releases/blobs/uploads/"
LAYER = "PATCH /v2/f-other/blobs/uploads/"
ERROR = Answer(code=500)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("GET /v2/f-other/tags/list", "try 1 failed ({}/f-other: {}); again in 2 s"),
        (RECORD, f"release: try 1 failed ({{}}/f-releases:{NEXT}: {{}}); again in 2 s"),
    ],
)
def test_one_500_is_tried_again(at: At, changed: Moment, about: str, said: str) -> None:
    world = at(changed)
    with world.gate.goes_wrong(Rule(about=about, act=lambda _: ERROR)):
        done = world.completes(BUILDER_TODAY=LATER)
    answered = "the registry answered 500 Internal Server Error"
    assert said.format(world.gate.address, answered) in done.stderr
    assert world.current() == NEXT


def test_500_for_good_offers_nothing_by_halves(at: At, changed: Moment) -> None:
    world = at(changed)
    before = world.offered()
    with world.gate.goes_wrong(Rule(about=CURRENT, act=lambda _: ERROR, times=0)):
        done = world.run("weekly", BUILDER_TODAY=LATER)
    assert done.returncode == 5
    assert (
        f"\nrelease failed: {world.gate.address}/f-releases:current:"
        " the registry answered 500 Internal Server Error\n"
        "  retry just this: builder step 'release'\n"
    ) in done.stderr
    assert len([line for line in world.gate.requests if line == CURRENT]) == 3
    world.check()
    assert world.offered() == before
    assert world.current() == RELEASE
    world.completes(BUILDER_TODAY=LATER)


def test_429_is_tried_again_when_the_registry_says(at: At, changed: Moment) -> None:
    world = at(changed)
    asked: list[float] = []

    def too_many(forward: Forward) -> Answer:
        asked.append(time.monotonic())
        return forward() if len(asked) > 1 else Answer(code=429, headers={"Retry-After": "5"})

    with world.gate.goes_wrong(Rule(about=CURRENT, act=too_many, times=2)):
        done = world.completes(BUILDER_TODAY=LATER)
    assert (
        f"release: try 1 failed ({world.gate.address}/f-releases:current:"
        " the registry answered 429 Too Many Requests); again in 5 s"
    ) in done.stderr
    assert asked[1] - asked[0] >= 5


def test_a_reset_in_the_midst_of_an_upload(at: At, changed: Moment) -> None:
    world = at(changed)
    with world.gate.goes_wrong(Rule(about=UPLOAD, act=lambda _: None, whole=False)):
        done = world.completes(BUILDER_TODAY=LATER)
    said = f"release: try 1 failed (registry {world.gate.address} does not answer: "
    assert said in done.stderr
    assert world.current() == NEXT


def test_a_reset_in_the_midst_of_a_layer(at: At, released: Moment) -> None:
    world = at(released)
    world.checkout.edit("other")
    with world.gate.goes_wrong(Rule(about=LAYER, act=lambda _: None, whole=False)):
        done = world.completes(BUILDER_TODAY=LATER)
    assert world.current() == NEXT
    assert done.stderr.count("build:other/os=1: testing\n") == 1


def test_a_busy_registry_makes_nothing_be_built_and_tested_again(at: At, released: Moment) -> None:
    world = at(released)
    world.checkout.edit("other")
    busy = Answer(code=429, headers={"Retry-After": "1"})
    about = (r"POST /v2/f-other/blobs/uploads", r"PUT /v2/f-other/manifests/fp-[0-9a-f]+$")
    with world.gate.goes_wrong(*(Rule(about=one, act=lambda _: busy) for one in about)):
        done = world.completes(BUILDER_TODAY=LATER)
    assert world.current() == NEXT
    assert "build:other/os=1: try 1 failed (" in done.stderr
    assert done.stderr.count("build:other/os=1: testing\n") == 1
    assert world.gate.built() == ["f-other", "f-other"]  # one of them was answered with 429


def test_no_answer_at_all_is_not_waited_for_for_ever(at: At, changed: Moment) -> None:
    world = at(changed)
    with world.gate.goes_wrong(Rule(about=CURRENT, act=world.gate.keeps_still)):
        done = world.completes("weekly", "--timeout", "5", BUILDER_TODAY=LATER)
    assert (
        f"release: try 1 failed (registry {world.gate.address} does not answer:"
        " Read timed out. (read timeout=5.0)); again in 2 s"
    ) in done.stderr


@pytest.mark.heavy
def test_a_push_that_stalls_fails_and_last_weeks_image_stays(at: At, released: Moment) -> None:
    world = at(released)
    world.checkout.edit("other")
    before = world.offered()
    with world.gate.goes_wrong(Rule(about=LAYER, act=world.gate.keeps_still, times=0)):
        done = world.run("build", "--timeout", "30", BUILDER_TODAY=LATER)
    assert done.returncode == 5
    assert (
        "\nbuild:other/os=1 failed: skopeo was stopped after 30 s\n"
        "  retry just this: builder step 'build:other/os=1'\n"
    ) in done.stderr
    world.check()
    assert world.offered() == before
    world.gate.forget()
    world.completes(BUILDER_TODAY=LATER)
    assert world.gate.built() == ["f-other"]
