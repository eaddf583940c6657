"""A registry that lies is refused by the real client: in words, in little memory, and in time."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.common.errors import BuilderError, StepError, TransientError
from builder.common.hashing import digest_as, digest_of
from builder.common.process import Runner
from builder.oci.image import ImageLayer
from builder.oci.manifest import INDEX, MANIFEST
from builder.oci.reference import Reference, parse
from builder.registry.client import RegistryClient
from builder.registry.credentials import CredentialFiles
from builder.registry.distribution import Distribution
from builder.registry.store import RegistryStore
from tests.fakes.answers import Answer, Registry

pytestmark = pytest.mark.slow

OTHER = "sha256:" + "a" * 64
NO_DIGEST = "sha256:../../../../etc/passwd"
SHA512 = "sha512:" + "b" * 128
LAYER, CONFIG = b"a layer", b'{"rootfs": {"diff_ids": []}}'
MIB = 1 << 20
MOST_MEMORY = 24 * MIB
"""What any refusal may need: a few times the largest document that is read whole."""


def descriptor(data: bytes, **changes: object) -> dict[str, object]:
    return {"mediaType": "x/y", "digest": digest_of(data), "size": len(data), **changes}


def manifest(**changes: object) -> bytes:
    parts = {"mediaType": MANIFEST, "config": descriptor(CONFIG), "layers": [descriptor(LAYER)]}
    return json.dumps({**parts, **changes}).encode()


def index(*items: object) -> bytes:
    return json.dumps({"mediaType": INDEX, "manifests": items}).encode()


def endless(first: bytes = b"") -> Iterator[bytes]:
    yield from [first] if first else []
    while True:
        yield b" " * 65536


@pytest.fixture
def files(tmp_path: Path) -> CredentialFiles:
    environment = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    return CredentialFiles(runner=Runner(), environment=environment)


@pytest.fixture
def store(files: CredentialFiles) -> RegistryStore:
    return RegistryStore(
        runner=Runner(), skopeo="skopeo", enclose=lambda command: command, credentials=files
    )


@pytest.fixture
def client(files: CredentialFiles) -> RegistryClient:
    return RegistryClient(Distribution(credentials=files))


@pytest.fixture
def place(registry: Registry) -> Reference:
    return parse(f"{registry.address}/image:tag")


def refused(action: Callable[[], object]) -> BuilderError:
    """Return the error of an action that needs little memory."""
    tracemalloc.start()
    with pytest.raises(BuilderError) as caught:
        action()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_MEMORY
    assert caught.value.exit_code == 5
    return caught.value


# Manifests.


@pytest.mark.parametrize("asked", [OTHER, SHA512])
def test_another_manifest_than_the_one_of_the_digest(
    registry: Registry, store: RegistryStore, place: Reference, asked: str
) -> None:
    body = manifest()
    registry.script = lambda method, path: (200, {"Docker-Content-Digest": asked}, body)
    for action in (store.get, store.layers, store.configs, store.digest, store.blobs):
        error = refused(lambda action=action: action(place.at(asked)))  # type: ignore[misc]
        assert isinstance(error, TransientError)
        assert str(error) == (
            f"{place.at(asked)}: the downloaded manifest is damaged: its digest is"
            f" {digest_as(asked, body)}"
        )


def test_another_manifest_is_not_copied(
    registry: Registry, store: RegistryStore, place: Reference
) -> None:
    registry.script = lambda method, path: (200, {}, manifest())
    refused(lambda: store.copy(place.at(OTHER), place.with_tag("latest")))
    assert [method for method, _ in registry.asked] == ["GET"]


def test_a_header_that_states_another_digest_than_that_of_the_tag(
    registry: Registry, store: RegistryStore, place: Reference
) -> None:
    registry.script = lambda method, path: (200, {"Docker-Content-Digest": OTHER}, manifest())
    for action in (store.get, store.digest):
        error = refused(lambda action=action: action(place))  # type: ignore[misc]
        assert str(error) == (
            f"{place}: the downloaded manifest is damaged: its digest is {digest_of(manifest())}"
        )


def test_a_manifest_may_be_named_by_sha512(
    registry: Registry, store: RegistryStore, place: Reference
) -> None:
    digest = digest_as(SHA512, manifest())
    registry.script = lambda method, path: (200, {"Docker-Content-Digest": digest}, manifest())
    assert store.digest(place.at(digest)) == digest


ANSWER = "what the registry answered to GET"
DAMAGED = "its manifest is damaged:"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(lambda: b" " * (5 * MIB), f"{ANSWER} has more than 4 MiB", id="long"),
        pytest.param(lambda: endless(manifest()), f"{ANSWER} has more than 4 MiB", id="endless"),
        pytest.param(lambda: b'{"a":' * 90_000, f"{ANSWER} has more than 64 levels", id="deep"),
        pytest.param(lambda: b"[" * (4 * MIB), f"{ANSWER} has more than 1,000,000 nodes",
                     id="many nodes"),
        pytest.param(lambda: manifest()[:-1] + b', "layers": []}',
                     f"{ANSWER} is not valid JSON: the key 'layers' stands twice in one object",
                     id="a key twice"),
        pytest.param(lambda: manifest(manifests=[]), f"{DAMAGED} it is an image and an index",
                     id="two in one"),
        pytest.param(lambda: manifest(layers=[descriptor(LAYER, digest=NO_DIGEST)]),
                     f"{DAMAGED} `layers` has no digest of sha256 or sha512", id="a path"),
        pytest.param(lambda: manifest(layers=[descriptor(LAYER, digest="md5:" + "a" * 32)]),
                     f"{DAMAGED} `layers` has no digest of sha256 or sha512", id="md5"),
        pytest.param(lambda: index(*[descriptor(LAYER)] * 1001),
                     f"{DAMAGED} it lists more than 1,000 manifests", id="a long index"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_none(
    registry: Registry, store: RegistryStore, place: Reference,
    body: Callable[[], bytes | Iterator[bytes]], message: str,
) -> None:  # fmt: skip
    registry.script = lambda method, path: (200, {}, body())
    assert refused(lambda: store.blobs(place)).message == f"{place}: {message}"


def test_an_index_whose_manifest_has_another_length(
    registry: Registry, store: RegistryStore, place: Reference
) -> None:
    size = len(manifest())
    listed = index(descriptor(manifest(), size=size + 1))
    registry.script = lambda method, path: (
        (200, {}, listed if path.endswith("/tag") else manifest())
    )
    assert refused(lambda: store.configs(place)).message == (
        f"{place.at(digest_of(manifest()))}: the manifest has {size} bytes, and its descriptor says"
        f" {size + 1}"
    )


def test_an_index_of_indexes(registry: Registry, store: RegistryStore, place: Reference) -> None:
    inner = index()
    outer = index(descriptor(inner))
    registry.script = lambda method, path: (200, {}, outer if path.endswith("/tag") else inner)
    message = f"{place}: {DAMAGED} an index lists another index"
    assert refused(lambda: store.configs(place)).message == message


# Blobs.


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (lambda: CONFIG + b" ", f"blob {digest_of(CONFIG)} has more than the {len(CONFIG)} bytes"
         " that are stated"),
        (lambda: endless(CONFIG), f"blob {digest_of(CONFIG)} has more than the {len(CONFIG)} bytes"
         " that are stated"),
        (lambda: CONFIG[:-1], f"blob {digest_of(CONFIG)} has {len(CONFIG) - 1} of the"
         f" {len(CONFIG)} bytes that are stated"),
        (lambda: b"x" * len(CONFIG), f"the downloaded blob {digest_of(CONFIG)} is damaged"),
    ],
    ids=["longer", "endless", "shorter", "another"],
)  # fmt: skip
@pytest.mark.parametrize("is_saved", [False, True])
def test_a_blob_that_is_not_the_one_of_its_descriptor(
    registry: Registry, store: RegistryStore, place: Reference, tmp_path: Path,
    blob: Callable[[], bytes | Iterator[bytes]], message: str, *, is_saved: bool,
) -> None:  # fmt: skip
    registry.script = lambda method, path: (200, {}, manifest() if "manifests" in path else blob())
    layer = ImageLayer(digest=digest_of(CONFIG), size=len(CONFIG), diff="")
    folder = tmp_path / "blobs"
    actions = {
        False: lambda: store.configs(place),
        True: lambda: store.blob(place, layer, folder / "x"),
    }
    assert refused(actions[is_saved]).message == f"{place}: {message}"
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("part", "data", "size", "limit"),
    [("config", CONFIG, 9 * MIB, "8 MiB"), ("layers", LAYER, 65 * MIB, "64 MiB")],
)
def test_a_blob_that_is_too_large_to_be_read_whole_is_not_asked_for(
    registry: Registry, store: RegistryStore, place: Reference, part: str, data: bytes, size: int,
    limit: str,
) -> None:  # fmt: skip
    stated = descriptor(data, size=size)
    body = manifest(**{part: stated if part == "config" else [stated]})
    registry.script = lambda method, path: (200, {}, body)
    action = store.configs if part == "config" else store.get
    message = f"{place}: blob {digest_of(data)} has more than {limit}"
    assert refused(lambda: action(place)).message == message
    assert [path for _, path in registry.asked if "/blobs/" in path] == []


def test_a_large_blob_needs_no_more_memory_than_a_small_one(
    registry: Registry, client: RegistryClient, place: Reference, tmp_path: Path
) -> None:
    piece = bytes(MIB)

    def peak(pieces: int) -> int:
        layer = ImageLayer(digest=digest_of(piece * pieces), size=pieces * MIB, diff="")
        registry.script = lambda method, path: (200, {}, itertools.repeat(piece, pieces))
        tracemalloc.start()
        client.save_blob(place, layer, tmp_path / "blob")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (tmp_path / "blob").stat().st_size == layer.size
        return most

    small, large = peak(4), peak(64)
    assert large < 2 * small
    assert large < 8 * MIB


# Tags.


@pytest.mark.slow
def test_pages_of_tags_that_do_not_end(
    registry: Registry, client: RegistryClient, place: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builder.registry.client.TAG_PAGES", 30)
    numbers = itertools.count()

    def script(method: str, path: str) -> Answer:
        link = f'</v2/image/tags/list?n=1000&last={next(numbers)}>; rel="next"'
        return 200, {"Link": link}, b'{"tags": ["a"]}'

    registry.script = script
    error = refused(lambda: sum(1 for _ in client.tags(place)))
    assert error.message == f"{place}: the registry's list of tags does not end"
    assert len(registry.asked) == 30


@pytest.mark.slow
def test_too_many_tags(registry: Registry, client: RegistryClient, place: Reference) -> None:
    tags = b'{"tags": [' + b'"a",' * 600_000 + b'"a"]}'
    numbers = itertools.count()
    registry.script = lambda method, path: (
        200, {"Link": f'</v2/image/tags/list?last={next(numbers)}>; rel="next"'}, tags,
    )  # fmt: skip
    with pytest.raises(StepError) as caught:
        list(client.tags(place))
    assert caught.value.message == f"{place}: the registry lists more than 1,000,000 tags"
    assert len(registry.asked) == 2


@pytest.mark.parametrize("body", [lambda: b" " * (5 * MIB), endless], ids=["long", "endless"])
def test_a_page_of_tags_that_is_too_long(
    registry: Registry, client: RegistryClient, place: Reference,
    body: Callable[[], bytes | Iterator[bytes]],
) -> None:  # fmt: skip
    registry.script = lambda method, path: (200, {}, body())
    error = refused(lambda: list(client.tags(place)))
    assert error.message == f"{place}: {ANSWER} has more than 4 MiB"


@pytest.mark.parametrize(
    "link", ["/v2/other/manifests/latest", "http://evil.example/latest/meta-data/", "/"]
)
def test_a_next_page_that_is_no_page_of_tags_is_not_asked_for(
    registry: Registry, client: RegistryClient, place: Reference, link: str
) -> None:
    headers = {"Link": f'<{link}>; rel="next"'}
    registry.script = lambda method, path: (200, headers, b'{"tags": ["a"]}')
    path = link.removeprefix("http://evil.example")
    assert refused(lambda: list(client.tags(place))).message == (
        f"{place}: the next page of the registry's tags is no list of tags: {path!r}"
    )
    assert len(registry.asked) == 1


# Tokens and errors.


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (lambda: b'{"token": "' + b"x" * 70_000 + b'"}', " has more than 64 KiB"),
        (endless, " has more than 64 KiB"),
        (lambda: b'{"token": ' + b"[" * 5000 + b"]" * 5000 + b"}", None),
        (lambda: b'{"token": "a", "token": "b"}', None),
        (lambda: b'{"token": "a\\r\\nX: y"}', None),
    ],
    ids=["long", "endless", "deep", "twice", "two lines"],
)
def test_a_token_that_is_none(
    registry: Registry, client: RegistryClient, place: Reference,
    body: Callable[[], bytes | Iterator[bytes]], message: str | None,
) -> None:  # fmt: skip
    challenge = {"WWW-Authenticate": f'Bearer realm="http://{registry.address}/token"'}
    registry.script = lambda method, path: (
        (200, {}, body()) if path.startswith("/token") else (401, challenge, b"")
    )
    error = refused(lambda: client.manifest(place))
    if message is None:
        host = registry.address
        assert error.message == f"registry {host}: {host} answers (200) without a token"
    else:
        assert error.message == f"the answer of the token server {registry.address}{message}"
    assert [login for login in registry.logins if login] == []


@pytest.mark.parametrize("code", [400, 404, 500])
def test_an_error_that_does_not_end(
    registry: Registry, client: RegistryClient, place: Reference, code: int
) -> None:
    registry.script = lambda method, path: (code, {}, endless())
    if code == 404:
        assert client.manifest(place) is None
        return
    assert refused(lambda: client.manifest(place)).message.startswith(
        f"{place}: the registry answered {code} "
    )
