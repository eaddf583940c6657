"""A registry that asks who is there, and the credentials that a login leaves somewhere."""

from __future__ import annotations

import base64
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.common.errors import StepError
from builder.common.process import Runner
from builder.oci.reference import parse
from builder.registry.interfaces import Artifact, Blob
from builder.registry.store import RegistryStore
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


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of who never logged in."""
    for name in ("REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path


def auth(password: str = "right") -> dict[str, str]:
    """An entry of a file of credentials."""
    return {"auth": base64.b64encode(f"ann:{password}".encode()).decode()}


def write(file: Path, content: object) -> None:
    """Leave a file of credentials."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


HELPER = """#!/bin/sh
echo '{"ServerURL": "x", "Username": "ann", "Secret": "right"}'
"""
WAYS = {
    "named": "named/auth.json",
    "runtime": "run/containers/auth.json",
    "config": ".config/containers/auth.json",
    "docker": ".docker/config.json",
    "docker moved": "moved/config.json",
    "oldest": ".dockercfg",
    "one repository": "run/containers/auth.json",
    "helper of the registry": "run/containers/auth.json",
    "helper of all": ".docker/config.json",
}


@pytest.mark.parametrize("way", WAYS)
def test_the_builder_and_skopeo_find_the_same(
    guarded: str, store: RegistryStore, home: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Images are pushed by skopeo, artifacts and tags by the builder itself."""
    name = way.replace(" ", "-")
    content: dict[str, object] = {"auths": {guarded: auth()}}
    if way == "named":
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(home / WAYS[way]))
    elif way == "docker moved":
        monkeypatch.setenv("DOCKER_CONFIG", str(home / "moved"))
    elif way == "oldest":
        content = {guarded: auth()}
    elif way == "one repository":
        content = {"auths": {guarded: auth("wrong"), f"{guarded}/{name}": auth()}}
    elif way.startswith("helper"):
        program = home / "bin" / "docker-credential-desk"
        program.parent.mkdir()
        program.write_text(HELPER)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        content = (
            {"credHelpers": {guarded: "desk"}} if "registry" in way else {"credsStore": "desk"}
        )
    write(home / WAYS[way], content)
    digest = write_layout(home / "layout", b"hello")
    place = parse(f"{guarded}/{name}/image:1")
    assert store.push(home / "layout", place) == digest
    store.copy(place, place.with_tag("2"))
    store.copy(place, parse(f"{guarded}/{name}/other:1"))
    assert store.tags(place.name) == ("1", "2")
    record = parse(f"{guarded}/{name}/record:1")
    artifact = Artifact(kind="application/x", files={"a": Blob(kind="text/plain", data=b"a")})
    store.put(artifact, record)
    assert store.get(record) == artifact


@pytest.mark.parametrize("password", ["wrong", ""])
def test_without_it_the_way_in_is_named(
    guarded: str, store: RegistryStore, home: Path, password: str
) -> None:
    file = home / ".docker" / "config.json"
    if password:
        write(file, {"auths": {guarded: auth(password)}})
    with pytest.raises(StepError) as caught:
        store.tags(f"{guarded}/team/image")
    ways = f"log in: `podman login {guarded}`, `skopeo login {guarded}` or `docker login {guarded}`"
    who = f"with the credentials of {file}" if password else "no credentials were found"
    hint = f"that login may lack the permission: {ways}" if password else ways
    assert str(caught.value) == (
        f"{guarded}/team/image: the registry answered 401 Unauthorized to GET"
        " /v2/team/image/tags/list: UNAUTHORIZED authentication required;"
        f" {who}\n  hint: {hint}"
    )


def test_skopeo_without_it_says_how_to_log_in(
    guarded: str, store: RegistryStore, home: Path
) -> None:
    write_layout(home / "layout", b"hello")
    with pytest.raises(StepError) as caught:
        store.export(parse(f"{guarded}/team/image:1"), home / "copy", "a")
    assert caught.value.hint == (
        f"log in: `podman login {guarded}`, `skopeo login {guarded}` or `docker login {guarded}`"
    )
