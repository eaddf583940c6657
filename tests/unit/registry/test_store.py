"""What a registry may answer, and what becomes of it; and the commands that move layers."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from builder.common.errors import BuilderError, ConflictError, StepError, TransientError
from builder.common.hashing import digest_of
from builder.common.process import Runner
from builder.oci.manifest import MANIFEST
from builder.oci.reference import parse
from builder.registry.interfaces import Artifact, Blob
from builder.registry.store import RegistryStore
from tests.fakes.answers import Answer, Registry

DIGEST = "sha256:" + "a" * 64
TAG = "image:tag"


@pytest.fixture
def store() -> RegistryStore:
    return RegistryStore(runner=Runner(), skopeo="skopeo", enclose=lambda command: command)


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of who never logged in."""
    for name in ("REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        ((500, {}, b""), TransientError, "the registry answered 500 Internal Server Error"),
        ((503, {}, b""), TransientError, "the registry answered 503 Service Unavailable"),
        ((429, {}, b""), TransientError, "the registry answered 429 Too Many Requests"),
        ((409, {}, b""), ConflictError, "the registry answered 409 Conflict"),
        (
            (400, {}, b"the name is odd"),
            StepError,
            "the registry answered 400 Bad Request: the name is odd",
        ),
    ],
)
def test_what_a_registry_answers(
    registry: Registry, store: RegistryStore, answer: Answer, kind: type[BuilderError], text: str
) -> None:
    registry.script = lambda method, path: answer
    place = parse(f"{registry.address}/{TAG}")
    with pytest.raises(BuilderError) as caught:
        store.get(place)
    assert type(caught.value) is kind
    assert str(caught.value) == f"{place}: {text}"
    assert registry.asked == [("GET", "/v2/image/manifests/tag")]


@pytest.mark.parametrize(
    ("said", "after"), [("", 0), ("7", 7), ("3600", 60), ("Mon, 23 Nov 2026 10:00:00 GMT", 0)]
)
def test_how_long_it_asks_one_to_wait(
    registry: Registry, store: RegistryStore, said: str, after: float
) -> None:
    registry.script = lambda method, path: (429, {"Retry-After": said}, b"")
    with pytest.raises(TransientError) as caught:
        store.digest(parse(f"{registry.address}/{TAG}"))
    assert caught.value.after == after


def test_a_registry_that_keeps_still(registry: Registry) -> None:
    over = threading.Event()

    def still(method: str, path: str) -> None:
        over.wait(30)

    registry.script = still
    store = RegistryStore(
        runner=Runner(), skopeo="skopeo", enclose=lambda command: command, timeout=0.2
    )
    try:
        with pytest.raises(TransientError) as caught:
            store.digest(parse(f"{registry.address}/{TAG}"))
    finally:
        over.set()
    assert caught.value.message == (
        f"registry {registry.address} does not answer: Read timed out. (read timeout=0.2)"
    )


def test_a_transfer_takes_as_long_as_a_step_may() -> None:
    place = parse("registry.example.org/team/image:tag")
    for given, timeout in ((20.0, 20.0), (7200.0, 1800.0)):
        store = RegistryStore(
            runner=Runner(), skopeo="skopeo", enclose=lambda command: command, timeout=given
        )
        assert store.push_command(Path("/layout"), place).timeout == timeout
        assert store.copy_command(place, place).timeout == timeout


def test_a_connection_that_is_reset(registry: Registry, store: RegistryStore) -> None:
    registry.script = lambda method, path: None
    with pytest.raises(TransientError) as caught:
        store.digest(parse(f"{registry.address}/{TAG}"))
    assert caught.value.message.startswith(f"registry {registry.address} does not answer: ")
    assert caught.value.hint == "is it up, and does it take plain HTTP? on loopback it is asked so"


def test_a_registry_that_is_down(store: RegistryStore) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(TransientError) as caught:
        store.tags(f"127.0.0.1:{port}/image")
    message = caught.value.message
    assert message.startswith(f"registry 127.0.0.1:{port} does not answer: ")
    assert "refused" in message


def test_nothing_of_it_is_tried_again_here(registry: Registry, store: RegistryStore) -> None:
    registry.script = lambda method, path: (502, {}, b"")
    with pytest.raises(TransientError):
        store.digest(parse(f"{registry.address}/{TAG}"))
    assert len(registry.asked) == 1


WAYS_IN = "`podman login {0}`, `skopeo login {0}` or `docker login {0}`"


def test_who_may_not_is_told_what_was_asked(
    registry: Registry, store: RegistryStore, nobody: Path
) -> None:
    registry.script = lambda method, path: (403, {}, b'{"errors":[{"code":"DENIED"}]}')
    place = parse(f"{registry.address}/{TAG}")
    with pytest.raises(StepError) as caught:
        store.get(place)
    assert str(caught.value) == (
        f"{place}: the registry answered 403 Forbidden to GET /v2/image/manifests/tag: DENIED;"
        " no credentials were found\n"
        f"  hint: log in: {WAYS_IN.format(registry.address)}"
    )


def test_who_has_no_password_is_told_so(
    registry: Registry, store: RegistryStore, nobody: Path
) -> None:
    registry.script = lambda method, path: (401, {"WWW-Authenticate": 'Basic realm="x"'}, b"")
    place = parse(f"{registry.address}/{TAG}")
    with pytest.raises(StepError) as caught:
        store.digest(place)
    assert str(caught.value) == (
        f"{place}: the registry answered 401 Unauthorized to GET /v2/image/manifests/tag;"
        " no credentials were found\n"
        f"  hint: log in: {WAYS_IN.format(registry.address)}"
    )
    assert len(registry.asked) == 1


def test_tags_are_read_page_by_page(registry: Registry, store: RegistryStore) -> None:
    pages: dict[str, Answer] = {
        "/v2/image/tags/list?n=1000": (
            200,
            {"Link": '</v2/image/tags/list?n=1000&last=b>; rel="next"'},
            b'{"tags": ["b", "a"]}',
        ),
        "/v2/image/tags/list?n=1000&last=b": (200, {}, b'{"tags": ["c", "b"]}'),
    }
    registry.script = lambda method, path: pages[path]
    assert store.tags(f"{registry.address}/image") == ("a", "b", "c")


def test_a_repository_whose_tags_are_gone(registry: Registry, store: RegistryStore) -> None:
    registry.script = lambda method, path: (200, {}, b'{"name": "image", "tags": null}')
    assert store.tags(f"{registry.address}/image") == ()


def test_a_blob_that_arrives_damaged(registry: Registry, store: RegistryStore) -> None:
    manifest = (
        b'{"config": {"mediaType": "x/y", "size": 4, "digest": "'
        + DIGEST.encode()
        + b'"}, "layers": []}'
    )
    registry.script = lambda method, path: (200, {}, manifest if "manifests" in path else b"torn")
    place = parse(f"{registry.address}/{TAG}")
    with pytest.raises(TransientError) as caught:
        store.get(place)
    assert str(caught.value) == f"{place}: the downloaded blob {DIGEST} is damaged"


def test_an_upload_goes_where_the_registry_says(registry: Registry, store: RegistryStore) -> None:
    def script(method: str, path: str) -> Answer:
        if method == "HEAD":
            return 404, {}, b""
        if method == "POST":
            place = f"http://{registry.address}/v2/image/blobs/uploads/1?state=x"
            return 202, {"Location": place}, b""
        return 201, {}, b""

    registry.script = script
    artifact = Artifact(kind="x/y", files={"f": Blob(kind="x/z", data=b"data")})
    store.put(artifact, parse(f"{registry.address}/{TAG}"))
    puts = [path for method, path in registry.asked if method == "PUT"]
    assert len(puts) == 3
    assert all(path.startswith("/v2/image/blobs/uploads/1?state=x&digest=sha256:")
               for path in puts[:2])  # fmt: skip
    assert puts[2] == "/v2/image/manifests/tag"


def test_a_manifest_that_came_damaged_is_put_once_more(
    registry: Registry, store: RegistryStore
) -> None:
    damaged = (400, {}, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
    answers = [damaged, (201, {}, b""), damaged, damaged]

    def script(method: str, path: str) -> Answer:
        if method == "POST":
            place = f"http://{registry.address}/v2/image/blobs/uploads/1"
            return 202, {"Location": place}, b""
        return answers.pop(0) if "/manifests/" in path else (201, {}, b"")

    registry.script = script
    artifact = Artifact(kind="x/y", files={})
    store.put(artifact, parse(f"{registry.address}/{TAG}"))
    with pytest.raises(
        TransientError, match=r"the registry answered 400 Bad Request: DIGEST_INVALID$"
    ):
        store.put(artifact, parse(f"{registry.address}/{TAG}"))
    assert answers == []


def test_how_layers_are_moved(store: RegistryStore) -> None:
    near, far = parse("127.0.0.1:5005/a:1"), parse("ghcr.io/b/a:1")
    assert store.push_command(Path("/l"), near).argv == (
        "skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false",
        "oci:/l", "docker://127.0.0.1:5005/a:1",
    )  # fmt: skip
    assert store.push_command(Path("/l"), far).argv == (
        "skopeo", "copy", "--quiet", "--preserve-digests", "oci:/l", "docker://ghcr.io/b/a:1",
    )  # fmt: skip
    assert store.copy_command(near, far).argv == (
        "skopeo", "copy", "--quiet", "--preserve-digests", "--all", "--src-tls-verify=false",
        "docker://127.0.0.1:5005/a:1", "docker://ghcr.io/b/a:1",
    )  # fmt: skip
    assert store.export_command(near, Path("/l"), "a-os1").argv == (
        "skopeo", "copy", "--quiet", "--preserve-digests", "--src-tls-verify=false",
        "docker://127.0.0.1:5005/a:1", "oci:/l:a-os1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "removed"), [(202, True), (404, True), (400, False), (405, False)]
)
def test_whether_a_tag_can_be_removed(
    registry: Registry, store: RegistryStore, code: int, *, removed: bool
) -> None:
    registry.script = lambda method, path: (code, {}, b"")
    assert store.untag(parse(f"{registry.address}/{TAG}")) is removed
    assert registry.asked == [("DELETE", "/v2/image/manifests/tag")]


def test_a_registry_that_deletes_nothing(registry: Registry, store: RegistryStore) -> None:
    registry.script = lambda method, path: (405, {}, b"")
    with pytest.raises(StepError) as caught:
        store.delete(parse(f"{registry.address}/image@{DIGEST}"))
    assert str(caught.value) == (
        f"{registry.address} deletes no manifests\n"
        "  hint: docker-registry: set storage.delete.enabled; other registries have their own"
        " retention"
    )


def test_a_tag_with_a_digest_is_deleted_by_the_digest(
    registry: Registry, store: RegistryStore
) -> None:
    registry.script = lambda method, path: (202, {}, b"")
    assert store.delete(parse(f"{registry.address}/{TAG}@{DIGEST}"))
    assert registry.asked == [("DELETE", f"/v2/image/manifests/{DIGEST}")]


@pytest.mark.parametrize(("code", "mounts"), [(201, 2), (202, 1)])
def test_blobs_of_an_image_are_mounted_within_one_registry(
    registry: Registry, code: int, mounts: int
) -> None:
    config, layer = ({"digest": "sha256:" + it * 64, "size": 1, "mediaType": "x/y"} for it in "bc")
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
    body = json.dumps(manifest).encode()

    def script(method: str, path: str) -> Answer:
        if method == "GET":
            return 200, {"Content-Type": MANIFEST}, body
        return (404 if method == "HEAD" else code), {}, b""

    registry.script = script
    store = RegistryStore(runner=Runner(), skopeo="echo", enclose=lambda command: command)
    source = parse(f"{registry.address}/theirs").at(digest_of(body))
    store.copy(source, parse(f"{registry.address}/ours:tag"))
    asked = [path for method, path in registry.asked if method == "POST"]
    assert (
        asked
        == [f"/v2/ours/blobs/uploads/?mount={it['digest']}&from=theirs" for it in (config, layer)][
            :mounts
        ]
    )
