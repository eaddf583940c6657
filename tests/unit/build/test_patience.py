"""What is tried again, how long it is waited for, and what is said when it fails for good."""

from __future__ import annotations

import pytest

from builder.build.executor import Policy
from builder.build.patience import PatientStore
from builder.common.errors import StepError, TransientError
from builder.oci.reference import parse
from builder.registry.interfaces import Artifact
from tests.fakes.store import FakeStore

PLACE = parse("registry.example/image:tag")
ARTIFACT = Artifact(kind="x/y", files={})


class Waiting:
    """Remembers what it was told, and waits for nothing. `goes_on` is what it says."""

    def __init__(self) -> None:
        self.told: list[tuple[int, float, str]] = []
        self.goes_on = True

    def __call__(self, attempt: int, delay: float, error: TransientError) -> bool:
        self.told.append((attempt, delay, error.message))
        return self.goes_on


def test_a_busy_registry_is_asked_again() -> None:
    store, waiting = FakeStore(), Waiting()
    store.fail("put", TransientError("429", after=7))
    store.fail("put", TransientError("503"))
    PatientStore(store, wait=waiting).put(ARTIFACT, PLACE)
    assert store.digest(PLACE) is not None
    assert waiting.told == [(1, 7, "429"), (2, 6, "503")]


def test_what_fails_for_good_is_not_tried_again_by_who_asked() -> None:
    store, waiting = FakeStore(), Waiting()
    store.fail("digest", TransientError("503", hint="wait"), times=9)
    with pytest.raises(StepError) as caught:
        PatientStore(store, wait=waiting, policy=Policy(attempts=2)).digest(PLACE)
    assert not isinstance(caught.value, TransientError)
    assert str(caught.value) == "503\n  hint: wait"
    assert len(store.called("digest")) == 2


def test_who_is_stopped_waits_no_longer() -> None:
    store, waiting = FakeStore(), Waiting()
    waiting.goes_on = False
    store.fail("tags", TransientError("503"), times=9)
    with pytest.raises(StepError):
        PatientStore(store, wait=waiting).tags(PLACE.name)
    assert len(store.called("tags")) == 1


def test_what_will_not_pass_is_not_tried_again() -> None:
    store, waiting = FakeStore(), Waiting()
    store.fail("get", StepError("401"))
    with pytest.raises(StepError):
        PatientStore(store, wait=waiting).get(PLACE)
    assert waiting.told == []
