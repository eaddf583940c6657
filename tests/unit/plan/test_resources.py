"""What the jobs of steps ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from builder.plan.resources import MEMORY, Resources, of_steps
from builder.registry.release_record import Record, ReleasedTarget
from tests.fakes.catalog import Folder

MIB = 2**20
GIB = 2**30


def record(targets: Mapping[str, tuple[int | None, int | None]]) -> Record:
    """A release that measured these."""
    plain = ReleasedTarget(
        image="i", digest="d", size=1, fingerprint="f", parts={}, exact="e", rolling=(), since="s"
    )
    return Record(
        catalog="shop",
        release="2026.11.23",
        previous=None,
        lock_data={},
        targets={
            key: replace(plain, memory=memory, disk=disk) for key, (memory, disk) in targets.items()
        },
        charts={},
        bases={},
        blocked={},
    )


def first(folder: Folder) -> str:
    """The first target."""
    return next(iter(folder.load().expansion.targets))


def asked(folder: Folder, *records: Record, step: str = "") -> Resources:
    """What the first target asks for, or a step."""
    project = folder.load()
    step = step or f"build:{next(iter(project.expansion.targets))}"
    added = dict.fromkeys(project.expansion.targets, 100 * MIB)
    return of_steps([step], project.catalog, project.expansion, added, records)[step]


def test_what_was_measured_with_room_to_spare(folder: Folder) -> None:
    target = first(folder)
    records = [record({target: (800 * MIB, None)}), record({target: (1000 * MIB, 4 * GIB)})]
    found = asked(folder, *records)
    assert found == Resources(memory=1250, memory_limit=2500, disk=5 * 1024)


def test_a_step_that_nobody_measured_gets_the_default_and_room_for_its_lineage(
    folder: Folder,
) -> None:
    found = asked(folder, record({}))
    assert found.memory == -(-MEMORY // MIB)
    assert found.disk > 1000
    deeper = f"build:{list(folder.load().expansion.targets)[-1]}"
    assert asked(folder, step=deeper).disk > found.disk


def test_a_person_may_ask_for_more_than_was_measured(folder: Folder) -> None:
    folder.edit("images/base/recipe.yaml", "summary:", "memory: 5 GB\nsummary:")
    assert asked(folder, record({first(folder): (800 * MIB, None)})).memory == -(-5 * 10**9 // MIB)


def test_what_needs_almost_nothing_still_gets_room(folder: Folder) -> None:
    assert asked(folder, record({first(folder): (5, 5)})) == Resources(
        memory=256, memory_limit=512, disk=1
    )


def test_charts_and_bases_have_no_record(folder: Folder) -> None:
    base = f"base:{next(iter(folder.load().expansion.bases))}"
    for step in ("chart:desk", base):
        assert asked(folder, step=step).memory == -(-MEMORY // MIB)
