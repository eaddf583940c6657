"""The digests of the images that jobs run in: read from a registry, or not there at all."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from builder.app.options import Options
from builder.common.errors import BuilderError, ConfigError, NoConnectionError
from builder.lock.containers import lock_containers
from builder.lock.lockfile import Lock, dump, parse
from builder.lock.package_locker import ALL, NOTHING, Upgrade
from builder.lock.problems import failures
from builder.oci.reference import Reference
from tests.fakes.catalog import Week
from tests.fakes.store import FakeStore

NAME = "debian:trixie"
OLD, NEW = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


def look(
    previous: Mapping[str, str], upgrade: Upgrade, answer: str | BuilderError
) -> tuple[Mapping[str, str], list[str], list[str]]:
    """What is locked, what is said, and what counts as a failure."""

    def read_digest(name: str) -> str:
        assert name == NAME
        if isinstance(answer, str):
            return answer
        raise answer

    notes: list[str] = []
    digests, problems = lock_containers(
        [NAME], previous=previous, upgrade=upgrade, read_digest=read_digest, note=notes.append
    )
    assert failures(problems, reachable=False) == []
    return digests, notes, [f"{it.subject} {it.keeps}: {it.reason}" for it in problems]


def test_a_digest_is_read_once_and_moves_when_all_does() -> None:
    assert look({}, NOTHING, NEW) == ({NAME: NEW}, [f"container {NAME}: {NEW}"], [])
    assert look({NAME: OLD}, NOTHING, NEW) == ({NAME: OLD}, [], [])
    one = Upgrade(is_all=False, names=frozenset({"desk"}))
    assert look({NAME: OLD}, one, NEW) == ({NAME: OLD}, [], [])
    assert look({NAME: OLD}, ALL, NEW)[0] == {NAME: NEW}


def test_without_an_answer_none_is_made_up() -> None:
    down = NoConnectionError("registry docker.io does not answer")
    assert look({}, ALL, down) == (
        {},
        [
            f"container {NAME} has no digest, and jobs use its tag:"
            " registry docker.io does not answer"
        ],
        [f"container {NAME} False: registry docker.io does not answer"],
    )
    assert look({NAME: OLD}, ALL, down) == (
        {NAME: OLD},
        [f"container {NAME} keeps its digest: registry docker.io does not answer"],
        [f"container {NAME} True: registry docker.io does not answer"],
    )


def test_a_lock_has_them_where_there_are_any() -> None:
    lock = Lock(containers={NAME: OLD})
    assert parse(dump(lock)) == lock
    assert json.loads(dump(lock))["containers"] == {NAME: OLD}
    assert "containers" not in dump(Lock())


@pytest.mark.parametrize("digest", ["latest", "sha256:1", 5, None])
def test_what_is_no_digest_is_refused(digest: object) -> None:
    data = {**json.loads(dump(Lock())), "containers": {NAME: digest}}
    with pytest.raises(ConfigError) as caught:
        parse(json.dumps(data))
    assert caught.value.message == f"not a lock: container {NAME} is not a digest: {digest!r}"


class Hub(FakeStore):
    """A registry that has the image at times."""

    def __init__(self, digest: str | None) -> None:
        super().__init__()
        self.held = digest

    def digest(self, reference: Reference) -> str | None:
        """Return its digest; nothing else is asked for."""
        assert str(reference) == f"docker.io/library/{NAME}"
        self.calls.append(("digest", str(reference)))
        return self.held


def test_a_catalog_without_workflows_asks_nobody(week: Week) -> None:
    week.store = hub = Hub(NEW)
    assert containers(week) == {}
    assert hub.calls == []
    week.folder.write(".github/workflows/weekly.yml", "")
    assert containers(week) == {NAME: NEW}
    assert containers(week, only_looks=True) == {}
    hub.held = None
    app = week.app(select=("tool/os=1",))
    problems = app.lock().problems
    said = [problem.reason for problem in problems if not problem.counts]
    assert said == [f"docker.io/library/{NAME} is not in its registry"]


def containers(week: Week, **options: object) -> Mapping[str, str]:
    assert Options(**options)  # type: ignore[arg-type]
    return week.app(select=("tool/os=1",), **options).lock().lock.containers
