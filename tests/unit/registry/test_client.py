"""What registries answer that others do not, and what a hostile or a broken one may not do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest

from builder.catalog.models import Proxy
from builder.common.errors import NoConnectionError, StepError, TransientError
from builder.common.hashing import digest_of
from builder.common.process import Runner
from builder.oci.image import ImageLayer
from builder.oci.manifest import MANIFEST
from builder.oci.reference import Reference, parse
from builder.registry.client import RegistryClient
from builder.registry.credentials import CredentialFiles
from builder.registry.distribution import (
    NO_NETWORK,
    Answer,
    Distribution,
    check,
    own_path,
    resolved,
)
from builder.registry.interfaces import Artifact, Blob
from builder.registry.store import RegistryStore
from tests.fakes.answers import Answer as StoredMetadata
from tests.fakes.answers import Registry, serving
from tests.integration.session.servers import Answer as SiteAnswer
from tests.integration.session.servers import Request, proxy
from tests.unit.network.test_connections import Site, serve

MISSING = "sha256:" + "0" * 64
LAYER = b"a layer"
CONFIG = json.dumps({"rootfs": {"diff_ids": [digest_of(b"tar")]}}).encode()


def descriptor(data: bytes, kind: str = "x/y") -> dict[str, object]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


BODY = json.dumps(
    {"mediaType": MANIFEST, "config": descriptor(CONFIG), "layers": [descriptor(LAYER)]}
).encode()


@pytest.fixture
def files(tmp_path: Path) -> CredentialFiles:
    """The credentials of Ann for every registry of this machine."""
    return CredentialFiles(
        runner=Runner(), environment={"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    )


@pytest.fixture
def client(files: CredentialFiles) -> RegistryClient:
    return RegistryClient(Distribution(credentials=files))


@pytest.fixture
def store(files: CredentialFiles) -> RegistryStore:
    return RegistryStore(
        runner=Runner(), skopeo="skopeo", enclose=lambda command: command, credentials=files
    )


@pytest.fixture
def other() -> Iterator[Registry]:
    """Another host."""
    with serving() as server:
        yield server


@pytest.fixture
def place(registry: Registry) -> Reference:
    return parse(f"{registry.address}/image:tag")


def login(tmp_path: Path, registry: Registry) -> None:
    auths = {registry.address: {"auth": "YW5uOnJpZ2h0"}}
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"auths": auths}))


def guarded(registry: Registry, script: dict[tuple[str, str], StoredMetadata]) -> None:
    """Have a registry answer 401 to who sends no password, and what is in the script else."""

    def answer(method: str, path: str) -> StoredMetadata:
        if not registry.logins[-1]:
            return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
        return script[method, path]

    registry.script = answer


# Manifests.


def test_a_digest_that_the_registry_does_not_say(
    registry: Registry, client: RegistryClient, place: Reference
) -> None:
    registry.script = lambda method, path: (200, {}, BODY)
    assert client.digest(place) == digest_of(BODY)
    assert registry.asked == [("GET", "/v2/image/manifests/tag")]


@pytest.mark.parametrize("said", ["sha256:12", "md5:x", "../../etc", MISSING + "\x00"])
def test_a_digest_that_is_none_is_not_believed(
    registry: Registry, client: RegistryClient, place: Reference, said: str
) -> None:
    registry.script = lambda method, path: (200, {"Docker-Content-Digest": said}, BODY)
    assert client.digest(place) == digest_of(BODY)


@pytest.mark.parametrize("wanted", ["", MISSING])
def test_a_manifest_that_is_another_one(
    registry: Registry, client: RegistryClient, place: Reference, wanted: str
) -> None:
    registry.script = lambda method, path: (200, {"Docker-Content-Digest": MISSING}, BODY)
    asked = place.at(wanted) if wanted else place
    with pytest.raises(TransientError) as caught:
        client.manifest(asked)
    assert caught.value.message == (
        f"{asked}: the downloaded manifest is damaged: its digest is {digest_of(BODY)}"
    )


def test_a_manifest_has_a_bound(
    registry: Registry, client: RegistryClient, place: Reference
) -> None:
    registry.script = lambda method, path: (200, {}, b" " * (4 << 20) + BODY)
    with pytest.raises(StepError) as caught:
        client.manifest(place)
    assert caught.value.message == f"{place}: what the registry answered to GET has more than 4 MiB"


@pytest.mark.parametrize(
    ("headers", "body", "came"),
    [
        ({"Content-Type": "text/html"}, b"x", "is a web page, not a manifest"),
        ({}, b"  <!DOCTYPE html><p>log in", "is a web page, not a manifest"),
        ({}, BODY[:-1], f"is not valid JSON: Expecting ',' delimiter (line 1, column {len(BODY)})"),
        ({}, b"", "is not valid JSON: Expecting value (line 1, column 1)"),
        ({}, b"[]", "is not a manifest"),
        ({}, b"[" * 100_000, "has more than 64 levels"),
        ({}, b'{"config": [' + b"1," * 1_000_000 + b"1]}", "has more than 1,000,000 nodes"),
        (
            {},
            BODY[:-1] + b', "config": {}}',
            "is not valid JSON: the key 'config' stands twice in one object",
        ),
    ],
)
def test_what_is_no_manifest(
    registry: Registry, client: RegistryClient, place: Reference, headers: dict[str, str],
    body: bytes, came: str,
) -> None:  # fmt: skip
    registry.script = lambda method, path: (200, headers, body)
    with pytest.raises(StepError) as caught:
        client.manifest(place)
    assert str(caught.value) == (
        f"{place}: what the registry answered to GET {came}\n"
        f"  hint: is {place.registry} a registry? a login page or a proxy may answer for it"
    )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"config": None}, "`config` has no descriptor"),
        ({"config": {}}, "`config` has no digest of sha256 or sha512"),
        ({"config": {**descriptor(b""), "digest": "sha256:../../../etc"}},
         "`config` has no digest of sha256 or sha512"),
        ({"config": {**descriptor(b""), "size": -1}}, "`config` has no size"),
        ({"config": {**descriptor(b""), "size": "7"}}, "`config` has no size"),
        ({"config": {**descriptor(b""), "mediaType": 1}}, "`config` has no mediaType"),
        ({"layers": {}}, None),
        ({"layers": 7}, "`layers` is not a list"),
        ({"layers": ["x"]}, "`layers` has no descriptor"),
        ({"annotations": ["x"]}, "`annotations` has values that are not strings"),
        ({"annotations": {"x": 1}}, "`annotations` has values that are not strings"),
        ({"layers": [{**descriptor(LAYER), "annotations": 7}]},
         "`annotations of a descriptor` has values that are not strings"),
    ],
)  # fmt: skip
def test_a_manifest_that_says_what_none_may(
    registry: Registry, store: RegistryStore, place: Reference, change: object, what: str | None
) -> None:
    assert isinstance(change, dict)
    manifest = json.dumps({**json.loads(BODY), **change}).encode()
    blobs = {digest_of(CONFIG): CONFIG, digest_of(LAYER): LAYER}

    def script(method: str, path: str) -> StoredMetadata:
        return (200, {}, manifest if "manifests" in path else blobs[path.rpartition("/")[2]])

    registry.script = script
    if what is None:
        assert store.get(place) == Artifact(kind="x/y", config=CONFIG, files={})
        return
    with pytest.raises(StepError) as caught:
        store.get(place)
    assert str(caught.value) == (
        f"{place}: its manifest is damaged: {what}\n  hint: push it again, or remove it"
    )


@pytest.mark.parametrize(
    "config", [b"{}", b"[]", b"<html>", b'{"rootfs": 7}', b'{"rootfs": {"diff_ids": []}}']
)
def test_a_configuration_that_does_not_describe_its_layers(
    registry: Registry, store: RegistryStore, place: Reference, config: bytes
) -> None:
    manifest = json.dumps({**json.loads(BODY), "config": descriptor(config)}).encode()
    registry.script = lambda method, path: (200, {}, manifest if "manifests" in path else config)
    with pytest.raises(StepError) as caught:
        store.layers(place)
    assert caught.value.message.startswith(f"{place}: its manifest is damaged: its configuration ")


def test_a_blob_is_as_long_as_its_manifest_says(
    registry: Registry, store: RegistryStore, place: Reference
) -> None:
    registry.script = lambda method, path: (
        (200, {}, BODY) if "manifests" in path else (200, {}, b"x" * (1 << 20))
    )
    with pytest.raises(StepError) as caught:
        store.get(place)
    assert caught.value.message == (
        f"{place}: blob {digest_of(LAYER)} has more than the {len(LAYER)} bytes that are stated"
    )


def test_nothing_is_asked_but_what_is_wanted(
    registry: Registry, store: RegistryStore, place: Reference
) -> None:
    """No registry is asked first how it wants to be spoken to: most want nothing."""
    told = {"Docker-Content-Digest": digest_of(BODY)}
    registry.script = lambda method, path: (
        (200, {}, b'{"tags": ["tag"]}') if "tags" in path else (200, told, BODY)
    )
    for repository in ("image", "other"):
        store.tags(f"{registry.address}/{repository}")
        store.digest(replace(place, repository=repository))
    assert len(registry.asked) == 4
    assert registry.pings == 0


# Tags.


@pytest.mark.parametrize(
    "link",
    [
        "</v2/image/tags/list?last=b>; rel=\"next\"",
        "<list?last=b>; rel=next",
        "<?last=b>; rel=\"next\"",
        "<http://ADDRESS/v2/image/tags/list?last=b>; rel=\"next\"",
        "<http://internal.example/v2/image/tags/list?last=b>; rel=\"next\"",
        "<https://OTHER/v2/image/tags/list?last=b>; rel=\"next\"",
        "</x>; rel=\"prev\", </v2/image/tags/list?last=b>; rel=\"next\"",
    ],
)  # fmt: skip
def test_the_next_page_is_asked_of_the_registry_itself(
    registry: Registry, other: Registry, client: RegistryClient, place: Reference, link: str
) -> None:
    link = link.replace("ADDRESS", registry.address).replace("OTHER", other.address)
    pages = {
        "/v2/image/tags/list?n=1000": (200, {"Link": link}, b'{"tags": ["a", "b"]}'),
        "/v2/image/tags/list?last=b": (200, {}, b'{"tags": ["c"]}'),
    }
    registry.script = lambda method, path: pages[path]
    assert list(client.tags(place)) == ["a", "b", "c"]
    assert other.asked == []


def test_a_next_page_that_is_nowhere(
    registry: Registry, client: RegistryClient, place: Reference
) -> None:
    link = {"Link": '<http://[bad>; rel="next"'}
    registry.script = lambda method, path: (200, link, b'{"tags": ["a"]}')
    with pytest.raises(StepError) as caught:
        list(client.tags(place))
    assert caught.value.message == (
        f"{registry.address} answers with an invalid location: 'http://[bad'"
    )


def test_tags_that_do_not_end(registry: Registry, client: RegistryClient, place: Reference) -> None:
    link = '</v2/image/tags/list?n=1000>; rel="next"'
    registry.script = lambda method, path: (200, {"Link": link}, b'{"tags": ["a"]}')
    with pytest.raises(StepError, match="list of tags does not end"):
        list(client.tags(place))
    assert len(registry.asked) <= 2


@pytest.mark.parametrize("tags", ['"a"', "[1]", '["../x"]', '[""]', '{"a": 1}'])
def test_tags_that_are_none(
    registry: Registry, client: RegistryClient, place: Reference, tags: str
) -> None:
    registry.script = lambda method, path: (200, {}, f'{{"tags": {tags}}}'.encode())
    with pytest.raises(StepError, match=r"the registry lists invalid tags$"):
        list(client.tags(place))


# Uploads.


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/v2/image/blobs/uploads/1", "/v2/image/blobs/uploads/1?digest="),
        ("1?state=a%2Fb", "/v2/image/blobs/uploads/1?state=a%2Fb&digest="),
        ("/artifacts-uploads/x?y=z", "/artifacts-uploads/x?y=z&digest="),
        ("http://ADDRESS/any/where", "/any/where?digest="),
        ("//ADDRESS/any/where", "/any/where?digest="),
        # a proxy that ends TLS, the other way round
        ("https://ADDRESS/any/where", "/any/where?digest="),
    ],
)
def test_an_upload_goes_where_the_registry_says(
    registry: Registry, client: RegistryClient, place: Reference, location: str, expected: str
) -> None:
    answers = {
        "HEAD": (404, {}, b""),
        "POST": (202, {"Location": location.replace("ADDRESS", registry.address)}, b""),
        "PUT": (201, {}, b""),
    }
    registry.script = lambda method, path: answers[method]
    client.put_blob(place, Blob(kind="x/y", data=LAYER))
    assert registry.asked[-1] == ("PUT", f"{expected}{digest_of(LAYER)}")


def test_an_upload_to_another_host_goes_without_the_password(
    registry: Registry, other: Registry, client: RegistryClient, place: Reference, tmp_path: Path
) -> None:
    login(tmp_path, registry)
    answers = {
        ("HEAD", f"/v2/image/blobs/{digest_of(LAYER)}"): (404, {}, b""),
        ("POST", "/v2/image/blobs/uploads/"): (
            202, {"Location": f"http://{other.address}/up?signed=1"}, b"",
        ),
    }  # fmt: skip
    guarded(registry, answers)
    other.script = lambda method, path: (201, {}, b"")
    client.put_blob(place, Blob(kind="x/y", data=LAYER))
    assert other.asked == [("PUT", f"/up?signed=1&digest={digest_of(LAYER)}")]
    assert other.logins == [""]
    assert registry.logins == ["", "Basic YW5uOnJpZ2h0", "Basic YW5uOnJpZ2h0"]


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "the registry answered POST with 202 and without a Location,"
             " so the upload cannot go on"),
        ({"Location": "ftp://a/b"}, "answers with an invalid location: 'ftp://a/b'"),
        ({"Location": "http://u:p@a/b"}, "answers with an invalid location: 'http://u:p@a/b'"),
        ({"Location": "http://[bad"}, "answers with an invalid location: 'http://[bad'"),
    ],
)  # fmt: skip
def test_an_upload_that_goes_nowhere(
    registry: Registry, client: RegistryClient, place: Reference, headers: dict[str, str], text: str
) -> None:
    registry.script = lambda method, path: (404 if method == "HEAD" else 202, headers, b"")
    with pytest.raises(StepError) as caught:
        client.put_blob(place, Blob(kind="x/y", data=LAYER))
    assert registry.address in caught.value.message
    assert text in caught.value.message


@pytest.mark.parametrize(
    ("code", "mounted"), [(201, True), (202, False), (404, False), (403, False)]
)
def test_a_registry_may_decline_a_mount(
    registry: Registry, client: RegistryClient, place: Reference, code: int, *, mounted: bool
) -> None:
    registry.script = lambda method, path: (404 if method == "HEAD" else code, {}, b"")
    parent = replace(place, repository="team/parent")
    assert client.mount(place, MISSING, parent) is mounted
    assert registry.asked[-1] == (
        "POST", f"/v2/image/blobs/uploads/?mount={MISSING}&from=team/parent",
    )  # fmt: skip


# Redirects.


@pytest.mark.parametrize(
    "where", ["http://[bad", "http://a:99999/", "http://a:x/", "http://u:p@a/"]
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_redirect_that_leads_nowhere(
    registry: Registry, client: RegistryClient, place: Reference, where: str, method: str
) -> None:
    registry.script = lambda method, path: (302, {"Location": where}, b"")
    asks = {"GET": client.manifest, "PUT": lambda place: client.put_manifest(place, BODY, MANIFEST)}
    with pytest.raises(StepError) as caught:
        asks[method](place)
    assert caught.value.message == (
        f"{registry.address} answers with an invalid location: {where!r}"
    )


def test_an_identity_token_is_posted_to_its_realm_alone(
    registry: Registry, other: Registry, client: RegistryClient, place: Reference, tmp_path: Path
) -> None:
    login(tmp_path, registry)
    entry = {"auth": "YW5uOg==", "identitytoken": "secret"}
    (tmp_path / ".docker" / "config.json").write_text(
        json.dumps({"auths": {registry.address: entry}})
    )
    challenge = {"WWW-Authenticate": f'Bearer realm="http://{registry.address}/token"'}
    registry.script = lambda method, path: (
        (307, {"Location": f"http://{other.address}/token"}, b"")
        if path == "/token"
        else (401, challenge, b"")
    )
    with pytest.raises(StepError) as caught:
        client.manifest(place)
    assert caught.value.message == (
        f"{registry.address} redirects a secret to another host, {other.address}"
    )
    assert other.asked == []


@pytest.mark.parametrize("name", ["Registry.Example", "registry.example:443"])
def test_a_registry_whose_name_is_spelled_in_another_way_gets_its_password(
    tmp_path: Path, files: CredentialFiles, name: str
) -> None:
    site = Site(tmp_path)
    site.authority.issue_cert("registry.example").configure_cert(site.context)
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(
        json.dumps({"auths": {name: {"auth": "YW5uOnJpZ2h0"}}})
    )

    def answer(request: Request) -> SiteAnswer:
        if request.headers.get("Authorization") != "Basic YW5uOnJpZ2h0":
            return SiteAnswer(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        if request.method == "HEAD" and "/blobs/" in request.path:
            return SiteAnswer(status=404)
        if request.method == "POST":
            return SiteAnswer(status=202, headers={"Location": "https://REGISTRY.example/up"})
        return SiteAnswer(body=BODY)

    with serve(answer, tls=site.context) as tls, serve(proxy(tls.port)) as way:
        network = replace(NO_NETWORK, ca=str(site.ca), proxy=Proxy(https=way.url))
        client = RegistryClient(Distribution(credentials=files, network=network))
        reference = parse(f"{name}/image:tag")
        assert client.digest(reference) == digest_of(BODY)
        client.put_blob(reference, Blob(kind="x/y", data=LAYER))
        assert tls.requests[-1].path == f"/up?digest={digest_of(LAYER)}"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_blob_in_an_object_store_is_fetched_without_the_password(
    registry: Registry, other: Registry, client: RegistryClient, place: Reference, tmp_path: Path,
    code: int,
) -> None:  # fmt: skip
    login(tmp_path, registry)
    path = f"/v2/image/blobs/{digest_of(LAYER)}"
    where = {"Location": f"http://{other.address}/bucket?signature=x"}
    guarded(registry, {("GET", path): (code, where, b"")})
    other.script = lambda method, path: (200, {}, LAYER)
    assert client.blob(place, digest_of(LAYER), len(LAYER)) == LAYER
    assert other.asked == [("GET", "/bucket?signature=x")]
    assert other.logins == [""]


def test_an_object_store_that_asks_for_a_password_gets_none(
    registry: Registry, other: Registry, client: RegistryClient, place: Reference, tmp_path: Path
) -> None:
    login(tmp_path, registry)
    path = f"/v2/image/blobs/{digest_of(LAYER)}"
    guarded(registry, {("GET", path): (307, {"Location": f"http://{other.address}/b"}, b"")})
    other.script = lambda method, path: (401, {"WWW-Authenticate": 'Basic realm="x"'}, b"")
    with pytest.raises(StepError, match="answered 401 Unauthorized to GET /b"):
        client.blob(place, digest_of(LAYER), len(LAYER))
    assert other.logins == [""]


def test_redirects_that_do_not_end(
    registry: Registry, client: RegistryClient, place: Reference
) -> None:
    registry.script = lambda method, path: (302, {"Location": path + "x"}, b"")
    with pytest.raises(StepError) as caught:
        client.blob(place, MISSING, 1)
    assert caught.value.message == f"{registry.address} redirects more than 5 times"
    assert len(registry.asked) == 5


def test_a_write_is_not_sent_again_as_a_read(
    registry: Registry, client: RegistryClient, place: Reference
) -> None:
    registry.script = lambda method, path: (302, {"Location": "http://login.example/"}, b"")
    with pytest.raises(StepError) as caught:
        client.put_manifest(place, BODY, MANIFEST)
    assert caught.value.message == (
        f"{registry.address} answers PUT with a redirect to login.example"
    )


def test_nothing_that_was_encrypted_goes_on_in_the_open(
    tmp_path: Path, other: Registry, files: CredentialFiles
) -> None:
    site = Site(tmp_path)
    site.authority.issue_cert("registry.example").configure_cert(site.context)
    where = {"Location": f"http://{other.address}/b"}
    with (
        serve(lambda _: SiteAnswer(status=307, headers=where), tls=site.context) as tls,
        serve(proxy(tls.port)) as way,
    ):
        network = replace(NO_NETWORK, ca=str(site.ca), proxy=Proxy(https=way.url))
        client = RegistryClient(Distribution(credentials=files, network=network))
        with pytest.raises(StepError) as caught:
            client.blob(parse("registry.example/image:tag"), MISSING, 1)
    assert caught.value.message == (
        f"registry.example redirects from https to http, at {other.address}"
    )
    assert other.asked == []


def test_a_registry_that_is_not_trusted_is_said_at_once(
    tmp_path: Path, files: CredentialFiles
) -> None:
    site = Site(tmp_path)
    site.authority.issue_cert("registry.example").configure_cert(site.context)
    with serve(lambda _: SiteAnswer(), tls=site.context) as tls, serve(proxy(tls.port)) as way:
        client = RegistryClient(
            Distribution(credentials=files, network=replace(NO_NETWORK, proxy=Proxy(https=way.url)))
        )
        with pytest.raises(StepError) as caught:
            client.digest(parse("registry.example/image:tag"))
        trusted = replace(NO_NETWORK, proxy=Proxy(https=way.url), ca=str(site.ca))
        client = RegistryClient(Distribution(credentials=files, network=trusted))
        with pytest.raises(StepError) as other_name:
            client.digest(parse("registry.elsewhere/image:tag"))
    assert not isinstance(caught.value, TransientError)
    assert str(caught.value) == (
        "registry registry.example: its certificate is not trusted:"
        " unable to get local issuer certificate\n"
        "  hint: name the file of its CA: `network.ca` in matrix.yaml, or BUILDER_CA"
    )
    assert not isinstance(other_name.value, TransientError)
    assert other_name.value.hint == "is its name right in `catalog.registries`?"


def test_docker_hub_is_asked_at_its_api(tmp_path: Path, files: CredentialFiles) -> None:
    site = Site(tmp_path)
    site.authority.issue_cert("registry-1.docker.io").configure_cert(site.context)
    digest = {"Docker-Content-Digest": MISSING}
    with (
        serve(lambda _: SiteAnswer(headers=digest), tls=site.context) as tls,
        serve(proxy(tls.port)) as way,
    ):
        network = replace(NO_NETWORK, ca=str(site.ca), proxy=Proxy(https=way.url))
        client = RegistryClient(Distribution(credentials=files, network=network))
        for name in ("docker.io/debian", "index.docker.io/debian", "docker.io/org/image"):
            assert client.digest(parse(f"{name}:tag")) == MISSING
        assert {request.path for request in way.requests} == {"registry-1.docker.io:443"}
        assert [request.path for request in tls.requests] == [
            "/v2/library/debian/manifests/tag",
            "/v2/library/debian/manifests/tag",
            "/v2/org/image/manifests/tag",
        ]


def test_where_a_location_leads() -> None:
    url = "https://registry.example/v2/image/blobs/uploads/"
    assert resolved(url, "http://registry.example/v2/x") == "https://registry.example/v2/x"
    assert resolved(url, "https://store.example/x?a=b") == "https://store.example/x?a=b"
    assert (
        own_path("https://evil.example/v2/image/tags/list?last=b") == "/v2/image/tags/list?last=b"
    )


# Faults.


def test_a_connection_that_ends_too_early(
    registry: Registry, client: RegistryClient, place: Reference
) -> None:
    registry.script = lambda method, path: (200, {"Content-Length": "1000"}, b"short")
    with pytest.raises(TransientError) as caught:
        client.manifest(place)
    assert not isinstance(caught.value, NoConnectionError)


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [pytest.param(formatdate(time() + 20, usegmt=True), 0, 21, id="a date soon"),
     pytest.param(formatdate(time() + 9000, usegmt=True), 60, 60, id="a date far away"),
     ("-5", 0, 0), ("soon", 0, 0),
     ("", 0, 0), ("99999999999", 60, 60),
     ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", 0, 0)],
)  # fmt: skip
def test_how_long_a_registry_asks_one_to_wait(
    place: Reference, said: str, least: float, most: float
) -> None:
    answer = Answer(
        method="GET", reference=place, url="http://x/", code=503, reason="x",
        headers={"Retry-After": said},
    )  # fmt: skip
    with pytest.raises(TransientError) as caught:
        check(answer, "x")
    assert least <= caught.value.after <= most


def test_what_a_registry_says_of_an_error_is_told(place: Reference) -> None:
    errors = [{"code": "NAME_UNKNOWN", "message": "no such\nrepository"}, {"code": "X"}]
    for content, text in (
        (json.dumps({"errors": errors}).encode(), ": NAME_UNKNOWN no such repository; X"),
        (b"<html>long", ""),
        (b'{"errors": 7}', ': {"errors": 7}'),
        (b"", ""),
        (b"\x1b[2J all is well\r\x07", ": [2J all is well"),  # a terminal would clear its screen
    ):
        answer = Answer(
            method="POST", reference=place, url="http://x/", code=404, reason="Not Found",
            content=content,
        )  # fmt: skip
        with pytest.raises(StepError) as caught:
            check(answer, "what")
        assert caught.value.message == f"what: the registry answered 404 Not Found{text}"


def test_who_may_not_push_is_told_what_was_asked_and_what_was_said(
    registry: Registry, client: RegistryClient, place: Reference, tmp_path: Path
) -> None:
    login(tmp_path, registry)
    challenge = (
        f'Bearer realm="http://{registry.address}/token",'
        'scope="repository:image:pull,push",error="insufficient_scope"'
    )

    def script(method: str, path: str) -> StoredMetadata:
        if path.startswith("/token"):
            return 200, {}, b'{"token": "t"}'
        return 401, {"WWW-Authenticate": challenge}, b""

    registry.script = script
    with pytest.raises(StepError) as caught:
        client.put_manifest(place, BODY, MANIFEST)
    host = registry.address
    assert str(caught.value) == (
        f"{place}: the registry answered 401 Unauthorized to PUT /v2/image/manifests/tag"
        ' (error="insufficient_scope", scope="repository:image:pull,push");'
        f" with the credentials of {tmp_path}/.docker/config.json\n"
        f"  hint: that login may lack the permission: log in: `podman login {host}`,"
        f" `skopeo login {host}` or `docker login {host}`"
    )
    assert len([path for _, path in registry.asked if path.startswith("/token")]) == 1
    assert len(registry.asked) == 3


@pytest.mark.parametrize("code", [401, 403])
def test_a_token_that_is_good_for_less_is_replaced(
    registry: Registry, client: RegistryClient, place: Reference, code: int
) -> None:
    realm = f'Bearer realm="http://{registry.address}/token"'

    def script(method: str, path: str) -> StoredMetadata:
        if path.startswith("/token"):
            return 200, {}, b'{"token": "wide"}' if "delete" in path else b'{"token": "narrow"}'
        if registry.logins[-1] == "Bearer wide":
            return 201, {}, b""
        challenge = f'{realm},scope="repository:image:delete",error="insufficient_scope"'
        return code, {"WWW-Authenticate": challenge}, b""

    registry.script = script
    client.put_manifest(place, BODY, MANIFEST)
    client.put_manifest(place, BODY, MANIFEST)
    assert [path for _, path in registry.asked if "token" in path] == [
        "/token?scope=repository%3Aimage%3Apull%2Cpush%2Cdelete"
    ]
    assert len(registry.asked) == 4


# Blobs.


def test_a_blob_that_arrives_damaged_leaves_no_file(
    registry: Registry, client: RegistryClient, place: Reference, tmp_path: Path
) -> None:
    registry.script = lambda method, path: (200, {}, b"torn")
    with pytest.raises(TransientError):
        client.save_blob(place, ImageLayer(digest=MISSING, size=4, diff=""), tmp_path / "blob")
    assert list(tmp_path.iterdir()) == []


def test_a_registry_on_loopback_that_takes_tls_alone_is_asked_so(
    files: CredentialFiles, tmp_path: Path
) -> None:
    site = Site(tmp_path)
    with serve(lambda _: SiteAnswer(body=BODY), tls=site.context) as tls:
        reference = parse(f"127.0.0.1:{tls.port}/image:tag")
        client = RegistryClient(
            Distribution(credentials=files, network=replace(NO_NETWORK, ca=str(site.ca)))
        )
        assert client.digest(reference) == digest_of(BODY)
        assert client.digest(reference) == digest_of(BODY)
        assert [request.path for request in tls.requests] == ["/v2/image/manifests/tag"] * 2
        with pytest.raises(StepError) as caught:
            RegistryClient(Distribution(credentials=files)).digest(reference)
    assert caught.value.message.startswith(
        f"registry 127.0.0.1:{tls.port}: its certificate is not trusted: "
    )


def test_threads_that_ask_a_registry_of_tls_together_all_get_their_answers(
    files: CredentialFiles, tmp_path: Path
) -> None:
    site = Site(tmp_path)
    with serve(lambda _: SiteAnswer(body=BODY), tls=site.context) as tls:
        reference = parse(f"127.0.0.1:{tls.port}/image:tag")
        trusting = replace(NO_NETWORK, ca=str(site.ca))
        client = RegistryClient(Distribution(credentials=files, network=trusting))
        together = threading.Barrier(8)

        def ask(_number: int) -> str | None:
            together.wait(timeout=10)
            return client.digest(reference)

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(ask, range(8))) == [digest_of(BODY)] * 8
