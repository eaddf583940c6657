"""The weekly run as its workflow does it: a machine for each shard, and a registry between them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest
import requests

from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.registry_state import read_record, releases_reference
from builder.registry.release_record import CURRENT, Record
from tests.integration.cli.conftest import TODAY, Tiny
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
        """Carry out a level, each of its shards on a machine of its own, at the same time."""
        machines = [self.new() for _ in shards]
        with ThreadPoolExecutor(len(shards)) as pool:
            return list(
                pool.map(lambda machine, shard: machine.run("step", *shard), machines, shards)
            )

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


@pytest.fixture
def machines(make: Callable[[], Tiny]) -> Iterator[Machines]:
    """Machines around a catalog in which one image takes its time."""
    tiny = make()
    tiny.dockerfile("tool", f"FROM {{{{ parent }}}}\nCOPY files/ /tool/\nRUN {NAP}\n")
    found = Machines(tiny=tiny)
    yield found
    for machine in found.made:
        shutil.rmtree(machine.root, ignore_errors=True)


def nappers() -> list[str]:
    """The processes of the RUN that takes its time."""
    argv = ["pgrep", "--full", f"^{NAP}$"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.split()


def test_machines_that_share_a_registry_finish_a_catalog_though_one_dies(
    machines: Machines,
) -> None:
    tiny = machines.tiny
    base, root, middle, top = machines.plan()
    assert (base, root) == ([["base:os=1@linux/amd64"]], [["build:base/os=1"]])
    assert sorted(middle) == [["build:other/os=1"], ["build:tool/os=1"]]
    assert top == [["build:app/os=1"]]
    for level in (base, root):
        assert [done.returncode for done in machines.level(level)] == [0]

    # Of the next level, one machine dies in the middle of its build, the other goes on.
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
        assert [done.returncode for done in other.result()] == [0]
    wait(lambda: nappers() == [])
    kept = {image: digests(tiny, image) for image in ("base", "other")}
    assert all(kept.values())
    assert digests(tiny, "tool") == {}

    # What stands on it is not begun; the rest is released.
    (done,) = machines.level(top)
    assert done.returncode == 5
    assert "build:tool/os=1 is not done, and build:app/os=1 needs it" in done.stderr
    record = machines.release()
    assert set(record.targets) == {"base/os=1", "other/os=1"}
    why = "not in the registry when this release was made"
    assert record.blocked == {"build:tool/os=1": why, "build:app/os=1": why}
    check_registry(tiny)

    # The next run does just what was not done.
    levels = machines.plan()
    assert levels == [[["build:tool/os=1"]], [["build:app/os=1"]]]
    for level in levels:
        assert [done.returncode for done in machines.level(level)] == [0]
    record = machines.release()
    assert record.release == f"{RELEASE}.1"
    assert set(record.targets) == {f"{image}/os=1" for image in ("base", "tool", "app", "other")}
    assert record.blocked == {}
    for image, tags in kept.items():
        assert digests(tiny, image).items() >= tags.items()
    check_registry(tiny)
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
                evidence = store.get(place.with_tag(f"{tag}.evidence"))
                assert evidence is not None, f"{place}:{tag}"
                known = json.loads(evidence.config)
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
