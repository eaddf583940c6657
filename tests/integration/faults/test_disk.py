"""A full disk, where something small is written last: it says so, and nothing is torn.

That of the engine is filled by `tests/integration/cli`.
"""

from __future__ import annotations

from pathlib import Path

from tests.integration.faults.catalog import LATER
from tests.integration.faults.conftest import At, Moment, World
from tests.integration.faults.disk import fill, small_disk

NEXT = LATER.replace("-", ".")


def elsewhere(world: World) -> None:
    """Keep what is derived on another disk than the catalog."""
    state = world.checkout.state
    state.rename(world.scratch / "state")
    state.symlink_to(world.scratch / "state")


def names(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {path.name for path in folder.iterdir()}


def test_no_room_for_the_lock(at: At, changed: Moment) -> None:
    world = at(changed)
    elsewhere(world)
    root = world.checkout.root
    with small_disk(root, "2m"):
        file = root / "matrix.lock"
        old = file.read_text().replace('"release_lines": {}', '"release_lines": {"gone=1": "1.0"}')
        file.write_text(old)
        before = names(root)
        filler = fill(root)
        done = world.run("weekly", BUILDER_TODAY=LATER)
        assert done.returncode == 5
        assert done.stderr.endswith(
            f"error: {file}: No space left on device\n"
            "  hint: free disk space, and run the command again\n"
        )
        assert file.read_text() == old
        filler.unlink()
        assert names(root) == before
        world.check()
        world.completes(BUILDER_TODAY=LATER)
        assert "gone" not in file.read_text()


def test_no_room_for_the_charts(at: At, changed: Moment) -> None:
    world = at(changed)
    charts = world.checkout.state / "charts"
    charts.mkdir()
    with small_disk(charts, "64k"):
        filler = fill(charts)
        done = world.run("weekly", BUILDER_TODAY=LATER)
        assert done.returncode == 5
        assert f"\nrelease failed: {charts}: No space left on device\n" in done.stderr
        assert "  retry just this: builder step 'release'\n" in done.stderr
        filler.unlink()
        assert names(charts) == set()
        world.check()
        # The record was current before: what it offers stands, and its index follows.
        assert world.current() == NEXT
        world.completes(BUILDER_TODAY=LATER)


def test_no_room_in_the_registry(at: At, released: Moment) -> None:
    world = at(released, size="8m")
    world.checkout.edit("other")
    before = world.offered()
    filler = fill(world.scratch / "data")
    done = world.run("weekly", BUILDER_TODAY=LATER)
    assert done.returncode == 5
    assert "build:other/os=1 failed: " in done.stderr
    assert "the registry answered 500 Internal Server Error" in done.stderr
    world.check()
    assert world.offered() == before
    filler.unlink()
    world.gate.forget()
    world.completes(BUILDER_TODAY=LATER)
    assert world.gate.built() == ["f-other"]
