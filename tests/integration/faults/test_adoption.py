"""Images go from the registry of a catalog below to the own one, and what fails on the way."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from builder.common.process import Runner
from tests.integration.faults.catalog import LATER, PREFIX, RELEASE, checkout
from tests.integration.faults.conftest import At, Moment, World
from tests.integration.faults.gate import Answer, Gate, Rule
from tests.integration.faults.invariants import Registry
from tests.integration.registry import registry

pytestmark = pytest.mark.heavy
MIDWEEK = "2026-11-26"
IMAGES = [f"{PREFIX}-{name}" for name in ("app", "base", "os", "other", "tool")]
FP = "manifests/fp-[0-9a-f]{32}"
ERROR = Answer(code=500)


@dataclass(frozen=True, kw_only=True)
class Two:
    """A catalog of two lines, and the one that it stands on; each has a registry behind a gate."""

    own: World
    below: World

    def adopted(self) -> dict[str, str]:
        """Where each image of the current release was adopted from."""
        record = self.own.registry.record()
        assert record is not None
        return {key: item.adopted.reference for key, item in record.targets.items() if item.adopted}

    def holds(self) -> None:
        """The own registry has what the one below has, under the same fingerprints."""
        theirs, ours = self.below.registry.record(), self.own.registry.record()
        assert theirs is not None
        assert ours is not None
        assert {key: item.digest for key, item in ours.targets.items()} == {
            key: item.digest for key, item in theirs.targets.items()
        }
        assert ours.bases == theirs.bases
        assert self.adopted() == {
            key: f"{self.below.gate.address}/{PREFIX}-{item.image}@{item.digest}"
            for key, item in theirs.targets.items()
        }

    def finishes(self) -> None:
        """The next run adopts the rest, builds nothing, and releases."""
        self.own.completes(BUILDER_TODAY=LATER)
        self.holds()
        assert report(self.own)["targets"]
        assert {row["action"] for row in report(self.own)["targets"]} <= {"adopt", "reuse"}


class Both(Protocol):
    """Makes the two catalogs, as the lower one was at a moment."""

    def __call__(self, moment: Moment) -> Two: ...


def report(world: World) -> dict[str, list[dict[str, str]]]:
    """What the last week came to."""
    found: dict[str, list[dict[str, str]]] = json.loads(
        (world.checkout.state / "report.json").read_text()
    )
    return found


@pytest.fixture
def both(at: At, work: Path, runner: Runner) -> Iterator[Both]:
    """Two lines on the catalog of a moment; gone after the test."""
    with ExitStack() as until:

        def make(moment: Moment) -> Two:
            below = at(moment)
            gate = until.enter_context(Gate().serve())
            folder = below.scratch / "own"
            until.callback(shutil.rmtree, folder, ignore_errors=True)
            gate.upstream = until.enter_context(registry(folder / "data", runner=runner))
            root = folder / "root"
            root.mkdir()
            (root / "matrix.yaml").write_text(
                f"extends: {{path: {below.checkout.root}, name: upstream,"
                f' registry: "{below.gate.address}"}}\n'
                f'catalog: {{name: mine, registries: ["{gate.address}"]}}\n'
            )
            own = World(
                checkout=checkout(root, gate.address),
                registry=Registry(address=gate.upstream),
                gate=gate,
                scratch=folder,
            )
            done = own.run("lock")
            assert done.returncode == 0, done.stderr
            assert f"lock: catalog upstream: images of its release {RELEASE}\n" in done.stderr
            below.gate.forget()
            return Two(own=own, below=below)

        yield make


def test_two_lines_adopt_all_and_a_week_without_a_change_copies_nothing(
    both: Both, released: Moment
) -> None:
    two = both(released)
    table = two.own.run("plan", BUILDER_TODAY=MIDWEEK)
    counts = "4 targets: 4 to adopt; 1 of 1 chart to package"
    assert counts in table.stdout.splitlines(), table.stderr
    two.own.completes(BUILDER_TODAY=MIDWEEK)
    two.holds()
    assert two.own.gate.built() == IMAGES
    record = two.own.registry.record()
    assert record is not None
    assert all(image.startswith(two.own.gate.address) for image in record.charts["page"].images)
    assert " 0 built, 4 adopted, " in (two.own.checkout.state / "report.md").read_text()
    difference = two.own.run("diff", RELEASE, MIDWEEK.replace("-", "."))
    assert difference.returncode == 3  # it has released once
    two.own.gate.forget()
    two.below.gate.forget()
    two.own.completes(BUILDER_TODAY=LATER)
    assert two.own.current() == LATER.replace("-", ".")
    assert two.own.gate.built() == []
    assert {row["action"] for row in report(two.own)["targets"]} == {"reuse"}
    asked = [line for line in two.below.gate.requests if f"/{PREFIX}-releases/" not in line]
    assert asked == []  # the lock looks for a newer release, and the plan for nothing
    two.holds()


def test_images_are_adopted_on_a_machine_without_an_engine(both: Both, released: Moment) -> None:
    two = both(released)
    programs = two.own.scratch / "programs"
    programs.mkdir()
    for name in ("skopeo", "git", "env", "du"):
        (programs / name).symlink_to(str(shutil.which(name)))
    done = two.own.run("build", BUILDER_TODAY=LATER, PATH=str(programs), BUILDER_ENGINE="auto")
    assert "engine" not in done.stderr
    assert done.returncode == 0, done.stderr + done.stdout
    assert two.own.gate.built() == IMAGES
    two.own.check()


@pytest.mark.parametrize(
    ("about", "first"),
    [
        (f"GET /v2/{PREFIX}-other/manifests/sha256:[0-9a-f]+$", 1),
        (f"GET /v2/{PREFIX}-other/manifests/fp-[0-9a-f]+.evidence$", 2),  # the plan asks first
        (f"GET /v2/{PREFIX}-other/blobs/sha256", 1),
    ],
)
@pytest.mark.parametrize("answer", [ERROR, None], ids=["500", "cut"])
def test_one_failure_of_the_registry_below_is_passed_over(
    both: Both, released: Moment, about: str, first: int, answer: Answer | None
) -> None:
    two = both(released)
    with two.below.gate.goes_wrong(Rule(about=about, act=lambda _: answer, first=first)):
        two.own.completes(BUILDER_TODAY=LATER)
    two.holds()


@pytest.mark.parametrize(
    "about",
    [
        pytest.param(f"PATCH /v2/{PREFIX}-other/blobs/uploads/", id="layer"),
        pytest.param(f"PUT /v2/{PREFIX}-other/{FP}.evidence$", id="evidence"),
        pytest.param(f"PUT /v2/{PREFIX}-other/{FP}$", id="manifest"),
    ],
)
def test_what_the_own_registry_never_takes_has_no_tag_and_a_later_run_finishes(
    both: Both, released: Moment, about: str
) -> None:
    two = both(released)
    with two.own.gate.goes_wrong(Rule(about=about, act=lambda _: ERROR, times=0)):
        done = two.own.run("weekly", BUILDER_TODAY=LATER)
    assert done.returncode == 5, done.stderr
    assert "build:other/os=1 failed: " in done.stderr
    two.own.check()
    tags = two.own.registry.tags(f"{PREFIX}-other")
    assert not [tag for tag in tags if re.fullmatch("fp-[0-9a-f]{32}", tag)]
    record = two.own.registry.record()
    assert record is not None
    assert set(record.targets) == {"app/os=1", "base/os=1", "tool/os=1"}
    two.finishes()


def test_a_registry_that_falls_silent_is_not_waited_for_for_ever(
    both: Both, released: Moment
) -> None:
    two = both(released)
    gate = two.below.gate
    about = f"GET /v2/{PREFIX}-other/blobs/sha256"
    with gate.goes_wrong(Rule(about=about, act=gate.keeps_still, times=0)):
        done = two.own.run("build", "--timeout", "10", BUILDER_TODAY=LATER)
    assert done.returncode == 5, done.stderr
    two.own.check()
    two.finishes()


@pytest.mark.parametrize(
    ("about", "carried_out"),
    [
        (f"PUT /v2/{PREFIX}-other/{FP}.evidence$", False),
        (f"PUT /v2/{PREFIX}-other/{FP}.evidence$", True),
        (f"PUT /v2/{PREFIX}-other/{FP}$", False),
        (f"PUT /v2/{PREFIX}-other/{FP}$", True),
        (f"PATCH /v2/{PREFIX}-other/blobs/uploads/", True),
    ],
)
def test_a_builder_that_is_killed_leaves_no_half_of_an_image(
    both: Both, released: Moment, about: str, *, carried_out: bool
) -> None:
    two = both(released)
    two.own.dies(about, carried_out=carried_out, BUILDER_TODAY=LATER)
    two.own.check()
    two.finishes()


def test_a_registry_below_that_is_gone_is_no_reason_to_stop(both: Both, released: Moment) -> None:
    two = both(released)
    about = f"/v2/{PREFIX}-releases/"
    rules = [Rule(about=about, act=lambda _: ERROR, times=0)]
    with two.below.gate.goes_wrong(*rules):
        table = two.own.run("plan", BUILDER_TODAY=LATER)
        waits = two.own.run("build", "--reachable", BUILDER_TODAY=LATER)
    assert table.returncode == 0, table.stderr
    assert "4 targets: 4 to build" in table.stdout
    assert "; not adopted: the registry of upstream cannot be asked: " in table.stdout
    assert waits.returncode == 0, waits.stderr
    assert two.own.gate.built() == []
    two.finishes()
