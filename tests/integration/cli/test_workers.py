"""The weekly run as its workflow does it: a machine for each shard, and a registry between them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import requests

from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.registry_state import read_record, releases_reference
from builder.registry.release_record import CURRENT, Record
from tests.integration.cli.conftest import TODAY, Tiny, lay
from tests.integration.cli.test_runs import digests, wait

RELEASE = TODAY.replace("-", ".")
NAP = "sleep 4.321"
Levels = list[list[list[str]]]


@dataclass(kw_only=True)
class Machines:
    """Machines that share nothing but a catalog's files, its lock, and the registry."""

    tiny: Tiny
    made: list[Tiny] = field(default_factory=list)

    def new(self) -> Tiny:
        """One more, with nothing in its engine."""
        name = f"{self.tiny.prefix}-machine-{len(self.made)}"
        machine = replace(self.tiny, root=self.tiny.root.with_name(name))
        shutil.copytree(self.tiny.root, machine.root, ignore=shutil.ignore_patterns("build"))
        self.made.append(machine)
        return machine

    def plan(self) -> Levels:
        """What the first job says: the ids of the steps, by level and by shard."""
        done = self.new().run("plan", "--format", "github", "--shard-seconds", "30")
        assert done.returncode == 0, done.stderr
        matrices = dict(line.split("=", 1) for line in done.stdout.splitlines())
        return [
            [entry["steps"].split() for entry in json.loads(matrices[f"level-{level}"])["include"]]
            for level in range(len(matrices))
        ]

    def level(self, shards: list[list[str]]) -> list[subprocess.CompletedProcess[str]]:
        """Carry out a level, each of its shards on machines of its own, at the same time.

        One builds, and another one pushes what that handed over; its end is the last one's.
        """
        pairs = [(self.new(), self.new()) for _ in shards]

        def carry_out(
            pair: tuple[Tiny, Tiny], shard: list[str]
        ) -> subprocess.CompletedProcess[str]:
            builds, pushes = pair
            handover = pushes.root / "build/handover"
            done = builds.run("step", *shard, "--export", str(handover))
            return done if done.returncode else pushes.run("push", str(handover), *shard)

        with ThreadPoolExecutor(len(shards)) as pool:
            return list(pool.map(carry_out, pairs, shards))

    def release(self) -> Record:
        """The last job; what it recorded."""
        done = self.new().run("step", "release")
        assert done.returncode == 0, done.stderr
        session = self.tiny.session()
        record = read_record(
            session.adapters.store, releases_reference(session.catalog).with_tag(CURRENT)
        )
        assert record is not None
        return record


@pytest.fixture(scope="module")
def machines(
    work: Path, address: str, parent: Reference, numbers: Iterator[int]
) -> Iterator[Machines]:
    """Machines around a catalog in which one image takes its time."""
    prefix = f"t{next(numbers)}"
    base = str(parent.with_tag("latest"))
    tiny = lay(work / prefix, registry=address, base=base, prefix=prefix)
    tiny.dockerfile("tool", f"FROM {{{{ parent }}}}\nCOPY files/ /tool/\nRUN {NAP}\n")
    done = tiny.run("lock")
    assert done.returncode == 0, done.stderr
    found = Machines(tiny=tiny)
    yield found
    for machine in (tiny, *found.made):
        shutil.rmtree(machine.root, ignore_errors=True)


def nappers() -> list[str]:
    """The processes of the RUN that takes its time."""
    argv = ["pgrep", "--full", f"^{NAP}$"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.split()


@pytest.fixture(scope="module")
def levels(machines: Machines) -> Levels:
    """The plan of the first run."""
    return machines.plan()


@dataclass(frozen=True, kw_only=True)
class Death:
    """What is there after a machine died in the middle of its build, by image."""

    codes: list[int]  # of the machines that went on
    tags: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def death(machines: Machines, levels: Levels) -> Death:
    """The first run up to its third level, in which one machine dies and the other goes on."""
    codes = [done.returncode for level in levels[:2] for done in machines.level(level)]
    victim = machines.new()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(machines.level, [["build:other/os=1"]])
        process = subprocess.Popen(
            victim.command("step", "build:tool/os=1"), env=victim.environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait(lambda: nappers() != [], process)
            process.send_signal(signal.SIGKILL)
            assert process.wait(60) == -signal.SIGKILL
        finally:
            process.kill()
        codes += [done.returncode for done in other.result()]
    wait(lambda: nappers() == [])
    tags = {image: digests(machines.tiny, image) for image in ("base", "other", "tool")}
    return Death(codes=codes, tags=tags)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The end of a run: its last level, and what its release recorded."""

    level: list[subprocess.CompletedProcess[str]]
    record: Record


@pytest.fixture(scope="module")
def first(machines: Machines, levels: Levels, death: Death) -> Ended:
    """The rest of the first run."""
    return Ended(level=machines.level(levels[3]), record=machines.release())


def test_a_level_has_what_needs_only_earlier_ones(levels: Levels) -> None:
    base, root, middle, top = levels
    assert (base, root) == ([["base:os=1@linux/amd64"]], [["build:base/os=1"]])
    assert sorted(middle) == [["build:other/os=1"], ["build:tool/os=1"]]
    assert top == [["build:app/os=1"]]


def test_a_machine_that_dies_leaves_nothing_and_harms_no_other(death: Death) -> None:
    assert death.codes == [0, 0, 0]
    assert death.tags["base"]
    assert death.tags["other"]
    assert death.tags["tool"] == {}


def test_what_needs_it_is_not_begun_and_the_rest_is_released(
    machines: Machines, first: Ended
) -> None:
    (done,) = first.level
    assert done.returncode == 5
    assert "build:tool/os=1 is not done, and build:app/os=1 needs it" in done.stderr
    assert set(first.record.targets) == {"base/os=1", "other/os=1"}
    why = "not in the registry when this release was made"
    assert first.record.blocked == {"build:tool/os=1": why, "build:app/os=1": why}
    check_registry(machines.tiny)


def test_the_next_run_does_what_was_not_done(
    machines: Machines, death: Death, first: Ended
) -> None:
    levels = machines.plan()
    assert levels == [[["build:tool/os=1"]], [["build:app/os=1"]]]
    for level in levels:
        assert [done.returncode for done in machines.level(level)] == [0]
    record = machines.release()
    assert record.release == f"{RELEASE}.1"
    assert set(record.targets) == {f"{image}/os=1" for image in ("base", "tool", "app", "other")}
    assert record.blocked == {}
    for image in ("base", "other"):
        assert digests(machines.tiny, image).items() >= death.tags[image].items()
    check_registry(machines.tiny)
    assert machines.plan() == []


def check_registry(tiny: Tiny) -> None:
    """Every tag names an image that is there, to its last blob, and passed its tests."""
    store = tiny.session().adapters.store
    answer = requests.get(f"http://{tiny.registry}/v2/_catalog?n=1000", timeout=10).json()
    names = [name for name in answer["repositories"] if name.startswith(f"{tiny.prefix}-")]
    assert {f"{tiny.prefix}-{image}" for image in ("base", "other", "releases")} <= set(names)
    for name in names:
        place = parse_reference(f"{tiny.registry}/{name}")
        tags = store.tags(place.name)
        for tag in tags:
            check_blobs(place.with_tag(tag))
        if name.removeprefix(f"{tiny.prefix}-") in ("os", "releases"):
            continue  # what images stand on, and records: neither is tested
        passed = {}
        for tag in tags:
            if tag.startswith("fp-") and not tag.endswith(".evidence"):
                metadata = store.get(place.with_tag(f"{tag}.evidence"))
                assert metadata is not None, f"{place}:{tag}"
                known = json.loads(metadata.config)
                assert known["tests"]["passed"] > 0
                assert known["tests"]["failed"] == 0
                passed[known["digest"]] = tag
        for tag in tags:
            if not tag.endswith(".evidence"):
                assert store.digest(place.with_tag(tag)) in passed, f"{place}:{tag}"


def check_blobs(place: Reference) -> None:
    """A manifest is there, and all that it names."""
    url = f"http://{place.registry}/v2/{place.repository}"
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    manifest = requests.get(f"{url}/manifests/{place.tag}", headers=accept, timeout=10)
    assert manifest.status_code == 200, place
    body = manifest.json()
    for blob in (body["config"], *body["layers"]):
        found = requests.head(f"{url}/blobs/{blob['digest']}", timeout=10)
        assert found.status_code == 200, f"{place}: {blob['digest']}"
