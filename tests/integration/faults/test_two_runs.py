"""Two runs at once: in one checkout the second is told to wait; in two, one release comes of it."""

from __future__ import annotations

import threading

import pytest

from tests.integration.faults.catalog import LATER, Checkout, kill
from tests.integration.faults.conftest import At, Moment, World
from tests.integration.faults.gate import Answer, Forward, Rule
from tests.integration.faults.invariants import check, check_offered

NEXT = LATER.replace("-", ".")
# The last that a release asks before it looks whether another was faster.
LOOK = f"(HEAD|GET) /v2/f-app/manifests/latest-{NEXT}"


class Pause:
    """Holds one request back until the test has done something else."""

    def __init__(self) -> None:
        self.reached, self.over = threading.Event(), threading.Event()

    def __call__(self, forward: Forward) -> Answer:
        self.reached.set()
        assert self.over.wait(120)
        return forward()


def test_another_run_in_the_same_checkout_is_refused(at: At, changed: Moment) -> None:
    world, pause = at(changed), Pause()
    with world.gate.goes_wrong(Rule(about=LOOK, act=pause)):
        first = world.checkout.start("weekly", BUILDER_TODAY=LATER)
        try:
            assert pause.reached.wait(60)
            others = [
                world.run(*command, BUILDER_TODAY=LATER)
                for command in (("weekly",), ("step", "build:app/os=1"), ("lock",))
            ]
            pause.over.set()
            out, err = first.communicate(timeout=120)
        finally:
            pause.over.set()
            kill(first)
    for other in others:
        assert (other.returncode, other.stdout) == (7, "")
        assert other.stderr == (
            f"error: another run of the builder is using {world.checkout.state}\n"
            "  hint: wait until it has ended, or run this one in a checkout of its own\n"
        )
    assert first.returncode == 0, err + out
    all_is_offered(world, world.checkout)


def test_two_checkouts_at_the_same_time(at: At, released: Moment) -> None:
    world = at(released)
    world.checkout.edit("other")
    second = world.checkout.again(world.scratch / "second")
    both = [one.start("weekly", BUILDER_TODAY=LATER) for one in (world.checkout, second)]
    try:
        ended = [one.communicate(timeout=120) for one in both]
    finally:
        for one in both:
            kill(one)
    codes = sorted(one.returncode for one in both)
    assert codes in ([0, 0], [0, 7]), ended
    if codes == [0, 7]:
        assert any(f"release {NEXT} exists already, with other content" in it[1] for it in ended)
    check(world.registry, world.checkout.state / "charts", second.state / "charts")
    world.completes(BUILDER_TODAY=LATER)
    done = second.run("weekly", BUILDER_TODAY=LATER)
    assert done.returncode == 0, done.stderr
    all_is_offered(world, second)


@pytest.mark.parametrize("same", [True, False])
def test_who_comes_second_to_a_release_sees_the_first(
    at: At, changed: Moment, *, same: bool
) -> None:
    """The slower one has looked at everything but what is current, and then is overtaken."""
    world, pause = at(changed), Pause()
    second = world.checkout.again(world.scratch / "second")
    if not same:
        second.edit("other", "other\n")
    with world.gate.goes_wrong(Rule(about=LOOK, act=pause)):
        slow = world.checkout.start("weekly", BUILDER_TODAY=LATER)
        try:
            assert pause.reached.wait(60)
            done = second.run("weekly", BUILDER_TODAY=LATER)
            before = world.registry.everything()
            pause.over.set()
            out, err = slow.communicate(timeout=120)
        finally:
            pause.over.set()
            kill(slow)
    assert done.returncode == 0, done.stderr
    assert slow.returncode == (0 if same else 7), err + out
    if not same:
        assert f"release failed: release {NEXT} exists already, with other content\n" in err
        assert "  hint: another run made it meanwhile; plan again\n" in err
    check(world.registry, world.checkout.state / "charts", second.state / "charts")
    assert world.registry.everything() == before
    all_is_offered(world, second)


def all_is_offered(world: World, checkout: Checkout) -> None:
    """The registry and a checkout's chart repository are as the current release says."""
    assert world.current() == NEXT
    record = check(world.registry, checkout.state / "charts")
    assert record is not None
    check_offered(world.registry, record, checkout.state / "charts")
