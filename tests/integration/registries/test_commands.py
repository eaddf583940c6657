"""Every command that speaks to a registry, against each of them: it passes, or says what is so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from builder.oci.reference import Reference
from tests.integration.conftest import ROOT
from tests.integration.registries.behaviours import ALL
from tests.integration.registries.conftest import World
from tests.integration.registries.fronts import Front
from tests.integration.registries.journey import LEGS, Done, Leg, travel
from tests.integration.registries.summary import write_matrix

pytestmark = pytest.mark.heavy
Ended = dict[str, dict[str, bool]]


@pytest.fixture(scope="module")
def ended() -> Iterator[Ended]:
    """Whether each command ended as it should, by front; written at the end."""
    found: Ended = {}
    yield found
    write_matrix(ROOT / "build" / "registries-commands.md", found)


@pytest.fixture(scope="module", params=[behaviour.key for behaviour in ALL])
def front(request: pytest.FixtureRequest, world: World) -> Front:
    """Each front in turn."""
    return world.fronts[request.param]


@pytest.fixture(scope="module")
def journey(front: Front, world: World, parent: Reference) -> dict[str, Done]:
    """How each command ended there."""
    return travel(front, world, world.folder / front.behaviour.key, parent)


@pytest.mark.parametrize("leg", LEGS, ids=lambda leg: leg.name)
def test_a_command(leg: Leg, front: Front, journey: dict[str, Done], ended: Ended) -> None:
    done, (code, says) = journey[leg.name], leg.expected(front.behaviour)
    is_well = done.code == code and says in done.text and "Traceback" not in done.text
    ended.setdefault(front.behaviour.title, {})[leg.name] = is_well
    assert is_well, f"exit code {done.code}, not {code}, or without {says!r}:\n{done.text}"


def test_no_password_is_told_but_by_tls(front: Front, journey: dict[str, Done]) -> None:
    assert journey
    if front.behaviour.user:
        told = [item for item in front.asked if item.is_builder and item.tells_who]
        assert told
        assert [item for item in told if not item.is_secure] == []


def test_no_login_is_printed(front: Front, journey: dict[str, Done]) -> None:
    if front.behaviour.user:
        assert [
            name for name, done in journey.items() if front.behaviour.password in done.text
        ] == []
