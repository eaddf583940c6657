"""Rollback and prune on a real registry, in which deleting a digest deletes all its tags."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.common.process import Runner
from builder.oci.reference import parse
from builder.registry.release_record import Record
from builder.registry.store import RegistryStore
from tests.fakes.catalog import Folder, Week
from tests.fakes.pruning import Broom
from tests.integration.registry import registry

BUILDER = Path(sys.executable).with_name("builder")
DAYS = ("2026-11-23", "2026-11-30")


@pytest.fixture
def address() -> Iterator[str]:
    """A registry of the test's own."""
    folder, runner = Path(tempfile.mkdtemp()), Runner()
    with registry(folder, runner=runner) as host:
        yield host
    runner.stop()
    shutil.rmtree(folder)


@pytest.fixture
def weeks(address: str, folder: Folder) -> Week:
    """Two weeks; in the second, two images changed."""
    folder.edit("matrix.yaml", "registries: [embedded]", f'registries: ["{address}"]')
    store = RegistryStore(runner=Runner(), skopeo="skopeo", enclose=lambda command: command)
    week = Week(folder=folder, store=store)  # type: ignore[arg-type]
    for number, day in enumerate(DAYS):
        if number:
            folder.edit("images/speech/Dockerfile.j2", "FROM", f"# {number}\nFROM")
        results = week.go_by(today=day)
        assert results["release"].status == "done", results["release"].reason
    return week


def current(week: Week) -> Record:
    """What is offered."""
    found = week.records().current()
    assert found is not None
    return found


def check_whole(week: Week, record: Record) -> None:
    """Every tag of a record names an image that can be pulled, with its evidence."""
    for move in week.records().tag_updates(record):
        assert week.store.digest(move.tag) == move.source.digest
        assert week.store.get(move.tag) is not None
    matrix = week.folder.load().catalog.matrix
    for target in record.targets.values():
        place = parse(matrix.repository_of(target.image))
        fingerprint = place.with_tag(f"fp-{target.fingerprint[:32]}")
        assert week.store.digest(fingerprint) == target.digest
        assert week.store.get(place.with_tag(f"{fingerprint.tag}.evidence")) is not None
    for chart in record.charts.values():
        assert all(week.store.digest(parse(image)) for image in chart.images)


def content(week: Week) -> set[str]:
    """All tags of all repositories but that of the records."""
    store, found = week.store, set()
    for name in ("os", "base", "tool", "speech", "desk", "charts/desk"):
        place = parse(week.folder.load().catalog.matrix.repository_of(name))
        found |= {str(place.with_tag(tag)) for tag in store.tags(place.name)}
    return found


def test_what_stays_is_whole_and_the_rest_is_gone(weeks: Week) -> None:
    old, new = weeks.records().named("2026.11.23"), current(weeks)
    assert old is not None
    garbage = Broom(week=weeks).look()
    assert garbage.freed > 0
    assert Broom(week=weeks).sweep(garbage) == 0  # it removes no tag by itself
    check_whole(weeks, current(weeks))
    assert weeks.records().names() == ("2026.12.31",)
    matrix = weeks.folder.load().catalog.matrix
    for key, target in old.targets.items():
        place = parse(matrix.repository_of(target.image))
        is_there = weeks.store.digest(place.at(target.digest)) is not None
        assert is_there is (new.targets[key].digest == target.digest)
        assert is_there is (
            weeks.store.digest(place.with_tag(f"fp-{target.fingerprint[:32]}")) is not None
        )
    again = Broom(week=weeks).look()
    assert (again.removals, again.records, again.retired) == ((), (), {})


def test_after_a_rollback_what_it_took_back_is_garbage(weeks: Week) -> None:
    rollback = weeks.rollback()
    made = rollback.carry_out(rollback.prepare("2026.11.23", "2026-12-14"), lambda text: None)
    check_whole(weeks, current(weeks))
    assert made.charts["desk"].version == "1.0.2"
    Broom(week=weeks).sweep()
    check_whole(weeks, current(weeks))
    assert list(current(weeks).charts["desk"].listed) == ["1.0.2"]
    assert weeks.records().names() == ("2026.12.31",)


def test_killed_it_leaves_what_stays_whole_and_the_next_finishes(weeks: Week) -> None:
    command = [str(BUILDER), "prune", "--keep-weeks", "1", "--keep-months", "0", "--yes"]
    environment = {**os.environ, "BUILDER_TODAY": "2026-12-31", "BUILDER_ENGINE": "podman"}
    before = content(weeks)
    process = subprocess.Popen(
        command, cwd=weeks.folder.root, env=environment, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while process.poll() is None and not before - content(weeks):
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGKILL)
    process.wait()
    weeks.records().converge(current(weeks))
    check_whole(weeks, current(weeks))
    done = subprocess.run(
        command, cwd=weeks.folder.root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    check_whole(weeks, current(weeks))
    again = Broom(week=weeks).look()
    assert (again.removals, again.records, again.retired) == ((), (), {})
    index = (weeks.folder.root / "build" / "charts" / "index.yaml").read_text()
    assert json.dumps("1.0.1") in index
    assert json.dumps("1.0.0") not in index
