"""kill -9 of the builder between any two things that it writes: the registry, then the next run.

The boundaries whose neighbours say much the same are heavy.
"""

from __future__ import annotations

import pytest

from tests.integration.faults.catalog import LATER, RELEASE
from tests.integration.faults.conftest import At, Moment, World

NEXT = LATER.replace("-", ".")
HEAVY = pytest.mark.heavy
FP = "manifests/fp-[0-9a-f]{32}"


def goes_on(world: World, *, builds: list[str], release: str) -> None:
    """The next run completes, and builds no more than this."""
    world.gate.forget()
    world.completes(BUILDER_TODAY=LATER)
    assert world.gate.built() == builds
    assert world.current() == release


@pytest.mark.parametrize(
    ("about", "carried_out", "builds"),
    [
        pytest.param(
            f"PUT .*/{FP}.evidence$", False, ["f-other"], id="before the evidence", marks=HEAVY
        ),
        pytest.param(f"PUT .*/{FP}.evidence$", True, ["f-other"], id="after the evidence"),
        pytest.param(
            "PATCH .*/blobs/uploads/", True, ["f-other"], id="after the first layer", marks=HEAVY
        ),
        pytest.param(f"PUT .*/{FP}$", False, ["f-other"], id="before the manifest", marks=HEAVY),
        pytest.param(f"PUT .*/{FP}$", True, [], id="after the manifest"),
    ],
)
def test_at_the_push(
    at: At, released: Moment, about: str, *, carried_out: bool, builds: list[str]
) -> None:
    world = at(released)
    world.checkout.edit("other")
    before = world.offered()
    world.dies(about, carried_out=carried_out, BUILDER_TODAY=LATER)
    world.check()
    assert world.offered() == before
    assert world.current() == RELEASE
    goes_on(world, builds=builds, release=NEXT)


@pytest.mark.parametrize(
    ("about", "first", "carried_out", "then", "release"),
    [
        pytest.param("record", 1, False, RELEASE, NEXT, id="before the record", marks=HEAVY),
        pytest.param("record", 1, True, RELEASE, f"{NEXT}.1", id="after the record"),
        pytest.param("current", 1, False, RELEASE, f"{NEXT}.1", id="before current", marks=HEAVY),
        pytest.param("current", 1, True, NEXT, NEXT, id="after current"),
        pytest.param("tag", 1, False, NEXT, NEXT, id="before the first tag", marks=HEAVY),
        pytest.param("tag", 2, True, NEXT, NEXT, id="after the second tag"),
        pytest.param("tag", 4, True, NEXT, NEXT, id="after the last tag", marks=HEAVY),
    ],
)
def test_at_the_release(
    at: At, changed: Moment, about: str, first: int, then: str, release: str, *, carried_out: bool
) -> None:
    requests = {
        "record": "PUT /v2/f-releases/manifests/2026",
        "current": "PUT /v2/f-releases/manifests/current",
        "tag": "PUT /v2/f-(app|base|other)/manifests/latest",
    }
    world = at(changed)
    before = world.offered()
    world.dies(requests[about], first=first, carried_out=carried_out, BUILDER_TODAY=LATER)
    world.check()
    assert world.current() == then
    assert (world.offered() == before) == (about != "tag" or not carried_out)
    goes_on(world, builds=[], release=release)


@pytest.mark.parametrize("carried_out", [pytest.param(False, marks=HEAVY), True])
def test_at_the_first_charts_tag(at: At, built: Moment, *, carried_out: bool) -> None:
    world = at(built)
    world.dies(
        "PUT /v2/f-charts/page/manifests/[0-9]", carried_out=carried_out, BUILDER_TODAY=LATER
    )
    world.check()
    assert world.current() == NEXT
    goes_on(world, builds=[], release=NEXT)


@pytest.mark.parametrize(
    ("fault", "files"),
    [
        pytest.param("before page-1.0.0.tgz", set(), marks=HEAVY),
        ("before index.yaml", {"page-1.0.0.tgz"}),
        pytest.param("after index.yaml", {"page-1.0.0.tgz", "index.yaml"}, marks=HEAVY),
    ],
)
def test_at_the_index(at: At, changed: Moment, fault: str, files: set[str]) -> None:
    world = at(changed)
    done = world.run("weekly", BUILDER_TODAY=LATER, BUILDER_FAULT=fault)
    assert done.returncode == -9
    world.check()
    assert world.current() == NEXT
    left = (world.checkout.state / "charts").iterdir()
    assert {path.name for path in left if not path.name.startswith(".")} == files
    goes_on(world, builds=[], release=NEXT)


@pytest.mark.parametrize("fault", ["before", pytest.param("after", marks=HEAVY)])
def test_at_the_lock(at: At, changed: Moment, fault: str) -> None:
    world = at(changed)
    file = world.checkout.root / "matrix.lock"
    new = file.read_text()
    old = new.replace('"release_lines": {}', '"release_lines": {"gone=1": "1.0"}')
    assert old != new
    file.write_text(old)
    done = world.run("weekly", BUILDER_TODAY=LATER, BUILDER_FAULT=f"{fault} matrix.lock")
    assert done.returncode == -9
    assert file.read_text() == (old if fault == "before" else new)
    world.check()
    assert world.current() == RELEASE
    goes_on(world, builds=[], release=NEXT)
    assert file.read_text() == new


def test_as_a_build_begins(at: At, released: Moment) -> None:
    world = at(released)
    world.checkout.edit("other")
    before = world.offered()
    done = world.run("weekly", BUILDER_TODAY=LATER, BUILDER_FAULT="start podman build")
    assert done.returncode == -9
    world.check()
    assert world.offered() == before
    assert world.current() == RELEASE
    goes_on(world, builds=["f-other"], release=NEXT)
