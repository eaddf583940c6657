"""A registry that asks who is there, and the credentials that `docker login` leaves."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.errors import StepError
from builder.ports import Artifact, Blob
from builder.process import Runner
from builder.reference import parse
from builder.store import RegistryStore
from tests.fakes.layout import write_layout
from tests.integration.registry import registry

# bcrypt of the password "right".
PASSWORDS = "ann:$2b$05$abcdefghijklmnopqrstuu8xaCxxL82bnl.UY74PMksDxIJShppPC\n"


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """A registry that lets Ann in."""
    folder, runner = Path(tempfile.mkdtemp()), Runner()
    with registry(folder, runner=runner, passwords=PASSWORDS) as host:
        yield host
    runner.stop()
    shutil.rmtree(folder)


@pytest.fixture
def store() -> RegistryStore:
    """The real one."""
    return RegistryStore(runner=Runner(), skopeo="skopeo", enclose=lambda command: command)


def login(folder: Path, registry: str, password: str) -> None:
    """Leave what `docker login` leaves."""
    auth = base64.b64encode(f"ann:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {registry: {"auth": auth}}}))


def test_the_right_password_lets_images_and_artifacts_in(
    guarded: str, store: RegistryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".docker").symlink_to(tmp_path)
    login(tmp_path, guarded, "right")
    digest = write_layout(tmp_path / "layout", b"hello")
    place = parse(f"{guarded}/team/image:1")
    assert store.push(tmp_path / "layout", place) == digest
    store.copy(place, place.with_tag("2"))
    assert store.tags(place.name) == ("1", "2")
    record = parse(f"{guarded}/team/record:1")
    artifact = Artifact(kind="application/x", files={"a": Blob(kind="text/plain", data=b"a")})
    store.put(artifact, record)
    assert store.get(record) == artifact


@pytest.mark.parametrize("password", ["wrong", ""])
def test_without_it_the_way_in_is_named(
    guarded: str,
    store: RegistryStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    password: str,
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".docker").symlink_to(tmp_path)
    if password:
        login(tmp_path, guarded, password)
    with pytest.raises(StepError) as caught:
        store.tags(f"{guarded}/team/image")
    assert "log" in caught.value.hint
