"""All fronts at once, before one real registry, and what asks them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builder.build.patience import PatientStore
from builder.common.process import Runner
from builder.oci.reference import Reference, parse
from builder.registry.store import RegistryStore
from tests.integration.cli.conftest import lay
from tests.integration.registries.behaviours import ALL, Behaviour
from tests.integration.registries.fronts import Asked, Front
from tests.integration.registries.logins import FOREIGN, environment, log_in
from tests.integration.registries.summary import write_summary
from tests.integration.registries.web import Web
from tests.integration.registry import registry

ROOT = Path(__file__).parents[3]
_NUMBERS = itertools.count()


@dataclass(frozen=True, kw_only=True)
class World:
    """The hosts of the tests, and the registry behind them."""

    web: Web
    upstream: str
    folder: Path
    fronts: dict[str, Front]

    def front(self, behaviour: Behaviour) -> Front:
        """A front of a behaviour; docker-registry's own has the address of the web."""
        if not behaviour.registry:
            behaviour = replace(behaviour, registry=self.web.address)
        return Front(behaviour, self.upstream)


@dataclass(frozen=True, kw_only=True)
class Client:
    """What asks a front, logged in there: its store, and references in a place of its own.

    `once` is the store that asks once, `store` the one that asks a busy registry again.
    """

    front: Front
    start: int  # how much the front was asked before
    home: Path
    folder: str
    once: RegistryStore
    store: PatientStore

    def place(self, text: str) -> Reference:
        """A reference in that place, whose repository is there."""
        behaviour = self.front.behaviour
        found = parse(f"{behaviour.place}/{self.folder}-{text}")
        self.front.create(found.repository)
        return found

    def asked(self, kind: str = "", *, by_builder: bool = True) -> list[Asked]:
        """What the front was asked since this client is there, by the builder or by all."""
        return [
            asked
            for asked in self.front.asked[self.start :]
            if (not kind or asked.kind == kind) and (asked.is_builder or not by_builder)
        ]


Connect = Callable[[Behaviour], Client]


@pytest.fixture(scope="session")
def world(work: Path, runner: Runner) -> Iterator[World]:
    """All fronts, each standing for its hosts; what they were asked is written at the end."""
    folder = work / "registries"
    folder.mkdir()
    names = sorted({host for behaviour in ALL for host in Front(behaviour, "").hosts})
    with registry(folder / "data", runner=runner) as upstream, contextlib.ExitStack() as stack:
        web = stack.enter_context(Web(folder, names).serve())
        found = World(web=web, upstream=upstream, folder=folder, fronts={})
        for behaviour in ALL:
            front = found.fronts[behaviour.key] = found.front(behaviour)
            stack.enter_context(web.standing(front.answer, front.hosts))
        yield found
        assert not web.faults, "\n".join(web.faults)
        write_summary(ROOT / "build" / "registries.md", found.fronts.values())


@pytest.fixture
def connect(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Make a client of a behaviour, whose front takes the place of what stood for its hosts."""
    with contextlib.ExitStack() as stack:

        def make(behaviour: Behaviour) -> Client:
            front = world.front(behaviour)
            stack.enter_context(world.web.standing(front.answer, front.hosts))
            return client_of(front, world.web, tmp_path, monkeypatch)

        yield make


@pytest.fixture(params=[behaviour.key for behaviour in ALL])
def client(
    request: pytest.FixtureRequest,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Client:
    """A client of each front in turn."""
    return client_of(world.fronts[request.param], world.web, tmp_path, monkeypatch)


def client_of(
    front: Front,
    web: Web,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    registries: Sequence[str] = (),
) -> Client:
    """A client in this process, with an environment of its own, and a store as commands make it."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    home, behaviour = folder / "home", front.behaviour
    variables = log_in(home, behaviour)
    variables |= environment(home, behaviour, proxy=web.proxy, ca=web.ca)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    prefix = f"t{next(_NUMBERS)}"
    catalog = lay(
        folder / "catalog", registry=behaviour.place, base="127.0.0.1/box:1", prefix=prefix
    )
    session = catalog.session()
    return Client(
        front=front,
        start=len(front.asked),
        home=home,
        folder=prefix,
        once=session.adapters.registries,
        store=session.adapters.store,
    )
