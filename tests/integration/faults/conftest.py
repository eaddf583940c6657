"""A registry behind a gate, and a catalog at three moments of its week."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from builder.common.process import Runner
from builder.oci.reference import Reference
from builder.registry.release_record import REPOSITORY
from tests.integration.faults.catalog import Checkout, checkout, kill, with_chart
from tests.integration.faults.disk import small_disk
from tests.integration.faults.gate import Gate, Rule
from tests.integration.faults.invariants import Registry, check, check_offered
from tests.integration.registry import registry


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A checkout, and the data of a registry, as they were at a moment."""

    root: Path
    data: Path


@dataclass(frozen=True, kw_only=True)
class World:
    """A checkout, the registry that it uses, and the gate between the two."""

    checkout: Checkout
    registry: Registry
    gate: Gate
    scratch: Path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the builder to its end."""
        return self.checkout.run(*arguments, **environment)

    def check(self) -> None:
        """Assert what always holds."""
        check(self.registry, self.checkout.state / "charts")

    def current(self) -> str | None:
        """The name of the release that is current."""
        record = self.registry.record()
        return record.release if record else None

    def offered(self) -> dict[str, dict[str, str]]:
        """What people pull: tags and digests, but those of fingerprints and records."""
        return {
            name: {tag: digest for tag, digest in tags.items() if not tag.startswith("fp-")}
            for name, tags in self.registry.everything().items()
            if not name.endswith(f"-{REPOSITORY}")
        }

    def completes(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A run goes well, and offers all that it should."""
        done = self.run(*(arguments or ("weekly",)), **environment)
        assert done.returncode == 0, done.stderr + done.stdout
        charts = self.checkout.state / "charts"
        record = check(self.registry, charts)
        assert record is not None
        assert record.blocked == {}
        check_offered(self.registry, record, charts)
        return done

    def dies(
        self,
        about: str,
        *arguments: str,
        carried_out: bool,
        first: int = 1,
        **environment: str,
    ) -> None:
        """Run until the registry is asked for this; its answer, if any, comes too late."""
        process = self.checkout.start(*(arguments or ("weekly",)), **environment)
        act = self.gate.killer(lambda: kill(process), carried_out=carried_out)
        try:
            with self.gate.goes_wrong(Rule(about=about, act=act, first=first)):
                process.communicate(timeout=120)
        finally:
            kill(process)
        assert process.returncode == -9


class At(Protocol):
    """Makes a world as it was at a moment; its registry has a disk of this size, or room enough."""

    def __call__(self, moment: Moment, *, size: str = "") -> World: ...


@pytest.fixture(scope="session")
def gate() -> Iterator[Gate]:
    """The address that the catalog and its charts name."""
    with Gate().serve() as gate:
        yield gate


@pytest.fixture(scope="session")
def locked(work: Path, runner: Runner, gate: Gate, parent: Reference, address: str) -> Moment:
    """A catalog that was locked; its registry has the base alone."""
    data = work / "faults-data"
    base = f"{gate.address}/busybox:latest"
    with registry(data, runner=runner) as upstream:
        gate.upstream = upstream
        argv = ["skopeo", "copy", "--quiet", "--preserve-digests", "--src-tls-verify=false"]
        argv += ["--dest-tls-verify=false", f"docker://{parent}", f"docker://{base}"]
        subprocess.run(argv, check=True, timeout=60)
        found = with_chart(work / "faults-locked", registry=gate.address, base=base)
        done = found.run("lock")
        assert done.returncode == 0, done.stderr
    return Moment(root=found.root, data=data)


@pytest.fixture(scope="session")
def built(work: Path, runner: Runner, gate: Gate, locked: Moment) -> Moment:
    """All images and the chart passed; nothing was released yet."""
    return _later(locked, work / "faults-built", runner, gate, ("build",), ("charts",))


@pytest.fixture(scope="session")
def released(work: Path, runner: Runner, gate: Gate, built: Moment) -> Moment:
    """There is a release of all that."""
    return _later(built, work / "faults-released", runner, gate, ("publish",))


@pytest.fixture(scope="session")
def changed(work: Path, runner: Runner, gate: Gate, released: Moment) -> Moment:
    """Since, an image changed and passed again, and was not released yet."""

    def edit(checkout: Checkout) -> None:
        checkout.edit("other")

    return _later(released, work / "faults-changed", runner, gate, ("build",), before=edit)


def _later(
    moment: Moment,
    folder: Path,
    runner: Runner,
    gate: Gate,
    *commands: tuple[str, ...],
    before: Callable[[Checkout], None] = lambda _: None,
) -> Moment:
    """The same after some commands."""
    data, root = folder / "data", folder / "root"
    shutil.copytree(moment.data, data)
    shutil.copytree(moment.root, root, ignore=lambda *_: ["build"])
    with registry(data, runner=runner) as gate.upstream:
        found = checkout(root, gate.address)
        before(found)
        for command in commands:
            done = found.run(*command)
            assert done.returncode == 0, done.stderr + done.stdout
    return Moment(root=root, data=data)


@pytest.fixture(scope="session")
def count() -> Iterator[int]:
    """So that no two worlds share a folder."""
    return itertools.count()


@pytest.fixture
def at(work: Path, runner: Runner, gate: Gate, count: Iterator[int]) -> Iterator[At]:
    """A world of its own, from a moment on; gone after the test."""
    folder = work / f"world{next(count)}"
    with contextlib.ExitStack() as until:
        until.callback(shutil.rmtree, folder, ignore_errors=True)

        def begin(moment: Moment, *, size: str = "") -> World:
            shutil.copytree(moment.data, folder / "data")
            shutil.copytree(moment.root, folder / "root", ignore=lambda *_: ["build"])
            if size:
                until.enter_context(small_disk(folder / "data", size))
            gate.upstream = until.enter_context(registry(folder / "data", runner=runner))
            gate.forget()
            return World(
                checkout=checkout(folder / "root", gate.address),
                registry=Registry(address=gate.upstream),
                gate=gate,
                scratch=folder,
            )

        yield begin
