"""What registries refuse, and what is said of it: the registry's own reason, and what to do."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from builder.common.errors import BuilderError, StepError, TransientError
from builder.registry.distribution import CREATE
from tests.fakes.layout import write_layout
from tests.integration.registries.behaviours import (
    ECR,
    ECR_IMMUTABLE,
    GHCR,
    GHCR_DENIED,
    GITLAB,
    HARBOR,
    HARBOR_IMMUTABLE,
    HARBOR_POLICY,
    HARBOR_QUOTA,
    HUB,
    HUB_LIMIT,
    Behaviour,
    Refusal,
)
from tests.integration.registries.conftest import Client, Connect
from tests.integration.registries.logins import log_in
from tests.integration.registries.test_store import ARTIFACT


def caught(call: object, *arguments: object) -> BuilderError:
    """Return what a call raises."""
    with pytest.raises(BuilderError) as found:
        call(*arguments)  # type: ignore[operator]
    return found.value


def refusing(behaviour: Behaviour, *refusals: Refusal) -> Behaviour:
    """Return the behaviour of a registry that refuses something."""
    return replace(behaviour, refusals=refusals)


def push(client: Client, place: str, layout: Path) -> str:
    """Push a small image of its own."""
    write_layout(layout, client.folder.encode())
    return client.store.push(layout, client.place(place))


# Too much at once.


@pytest.mark.parametrize(("said", "least", "most"), [("7", 7, 7), ("date+30", 27, 30)])
def test_a_limit_says_when_to_ask_again(
    connect: Connect, said: str, least: float, most: float
) -> None:
    client = connect(refusing(HUB, replace(HUB_LIMIT, headers={"Retry-After": said})))
    place = client.place("thing:a")
    error = caught(client.once.get, place)
    assert isinstance(error, TransientError)
    assert least <= error.after <= most
    assert error.message == (
        f"{place}: the registry answered 429 Too Many Requests: TOOMANYREQUESTS {HUB_LIMIT.message}"
    )
    assert client.once.get(place) is None


def test_a_limit_is_waited_for(connect: Connect, capsys: pytest.CaptureFixture[str]) -> None:
    client = connect(refusing(HUB, HUB_LIMIT))
    assert client.store.get(client.place("thing:a")) is None
    assert "again in 2 s" in capsys.readouterr().err


def test_docker_hub_is_asked_by_head_where_that_will_do(connect: Connect) -> None:
    """It counts each manifest that is read as a pull."""
    client = connect(HUB)
    place = client.place("thing:a")
    digest = client.store.put(ARTIFACT, place)
    assert client.store.digest(place) == digest
    assert [item.method for item in client.asked("manifest")].count("GET") == 0


# Who may not.


@pytest.mark.parametrize("behaviour", [HUB, GHCR, HARBOR, GITLAB, ECR], ids=lambda it: it.key)
def test_a_wrong_password_is_said_to_be_one(connect: Connect, behaviour: Behaviour) -> None:
    client = connect(behaviour)
    log_in(client.home, behaviour, password="0f9e8d7c")
    error = caught(client.store.tags, client.place("thing").name)
    assert type(error) is StepError
    assert behaviour.registry in error.message
    assert "log" in error.hint
    assert "0f9e8d7c" not in str(error)


def test_a_package_that_one_may_not_write_to(connect: Connect) -> None:
    client = connect(refusing(GHCR, GHCR_DENIED))
    error = caught(client.store.put, ARTIFACT, client.place("thing:a"))
    assert type(error) is StepError
    assert GHCR_DENIED.message in str(error)
    assert error.hint


# What the registry has no room for, or protects.


def test_a_quota_is_told_in_the_words_of_the_registry(connect: Connect) -> None:
    client = connect(refusing(HARBOR, HARBOR_QUOTA))
    error = caught(client.store.put, ARTIFACT, client.place("thing:a"))
    assert type(error) is StepError
    assert HARBOR_QUOTA.message[:60] in str(error)


def test_a_policy_is_told_in_the_words_of_the_registry(connect: Connect) -> None:
    client = connect(refusing(HARBOR, HARBOR_POLICY))
    error = caught(client.store.get, client.place("thing:a"))
    assert type(error) is StepError
    assert "412" in error.message
    assert HARBOR_POLICY.message in str(error)


@pytest.mark.parametrize(
    ("behaviour", "immutable", "says"),
    [(ECR, ECR_IMMUTABLE, "is immutable"), (HARBOR, HARBOR_IMMUTABLE, "configured as immutable")],
    ids=["ecr", "harbor"],
)
def test_a_tag_that_never_moves(
    connect: Connect, behaviour: Behaviour, immutable: Refusal, says: str
) -> None:
    client = connect(replace(behaviour, immutable=immutable))
    place = client.place("thing:a")
    digest = client.store.put(ARTIFACT, place)
    assert client.store.put(ARTIFACT, place) == digest
    error = caught(client.store.put, replace(ARTIFACT, config=b"{}"), place)
    assert not isinstance(error, TransientError)
    assert says in str(error)
    assert client.store.digest(place) == digest


def test_a_repository_that_nobody_created(connect: Connect, tmp_path: Path) -> None:
    client = connect(ECR)
    place = client.place("none:a")
    place = replace(place, repository=f"{place.repository}-not")
    assert client.store.tags(place.name) == ()
    assert client.store.digest(place) is None
    error = caught(client.store.put, ARTIFACT, place)
    assert type(error) is StepError
    assert f"The repository with name '{place.repository}' does not exist" in str(error)
    assert error.hint == CREATE
    write_layout(tmp_path / "layout", b"one")
    error = caught(client.once.push, tmp_path / "layout", place)
    assert f"The repository with name '{place.repository}' does not exist" in str(error)
    assert error.hint == CREATE


# Tokens.


def test_a_token_is_renewed_once_it_is_over(connect: Connect) -> None:
    client = connect(GITLAB)
    place = client.place("thing:a")
    digest = client.store.put(ARTIFACT, place)
    time.sleep(2.1)
    assert client.store.digest(place) == digest
    client.store.copy(place, place.with_tag("b"))
    assert client.store.tags(place.name) == ("a", "b")


def test_a_token_is_asked_for_once_and_not_each_time(connect: Connect) -> None:
    client = connect(HARBOR)
    place = client.place("thing:a")
    client.store.put(ARTIFACT, place)
    for _ in range(5):
        assert client.store.get(place) == ARTIFACT
    assert len(client.asked("token")) <= 3
    assert len([item for item in client.asked() if item.code == 401]) <= 3


def test_a_layer_is_mounted_with_a_token_for_both_repositories(
    connect: Connect, tmp_path: Path
) -> None:
    client = connect(GITLAB)
    digest = push(client, "parent:a", tmp_path / "layout")
    write_layout(tmp_path / "layout", client.folder.encode())
    for file in (tmp_path / "layout" / "blobs" / "sha256").iterdir():
        if file.read_bytes()[:2] == b"\x1f\x8b":
            file.unlink()
    parent, child = client.place("parent:a"), client.place("child:a")
    assert client.store.push(tmp_path / "layout", child, parent) == digest
    assert [item.code for item in client.asked("mount")][-1] == 201
