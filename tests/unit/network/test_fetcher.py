"""Files and texts of the network, and every way in which they are not to be had."""

from __future__ import annotations

import gzip
import hashlib
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from urllib3 import HTTPResponse

from builder.catalog.models import Network, Proxy, RemoteFile
from builder.charts.repository.http import ServedRepository
from builder.common.errors import StepError, UnreachableError
from builder.network.connections import BoundedRetry
from builder.network.fetcher import Fetcher, MissingError, RetryPolicy
from builder.network.upstreams import upstream
from tests.fakes.lines import IMPATIENT, Upstream, mirrored, nowhere
from tests.integration.session.servers import Answer, Request, authority, serve

DATA = b"\x1f\x8b julia" * 1000
URL = upstream("julia", "bin/julia.tar.gz")
PAGE = "<!DOCTYPE html><html><body>Please log in</body></html>"


def julia(data: bytes = DATA) -> RemoteFile:
    return RemoteFile(name="julia.tar.gz", url=URL, sha256=hashlib.sha256(data).hexdigest())


def test_a_file_is_kept_by_its_hash_and_fetched_once(there: Upstream) -> None:
    there.serve("julia/bin/julia.tar.gz", DATA)
    seen: list[tuple[str, int, int]] = []
    fetcher = there.fetcher(progress=lambda *now: seen.append(now))
    found = fetcher.file(julia())
    assert found == there.folder / julia().sha256
    assert found.read_bytes() == DATA
    assert found.stat().st_mode & 0o777 == 0o644
    assert seen[-1] == ("julia.tar.gz", len(DATA), len(DATA))
    assert there.fetcher().file(julia()) == found
    assert there.server.asked == [("GET", "/julia/bin/julia.tar.gz")]
    assert [path.name for path in there.folder.iterdir()] == [julia().sha256]


def test_a_file_that_a_server_calls_encoded_is_not_unpacked(there: Upstream) -> None:
    there.server.script = lambda method, path: (200, {"Content-Encoding": "gzip"}, DATA)
    assert there.fetcher().file(julia()).read_bytes() == DATA


def test_another_file_than_the_lock_names(there: Upstream) -> None:
    there.serve("julia/bin/julia.tar.gz", DATA)
    with pytest.raises(StepError) as caught:
        there.fetcher().file(julia(b"other"))
    assert str(caught.value) == (
        f"julia.tar.gz: http://{there.server.address}/julia/bin/julia.tar.gz"
        " does not have the expected sha256\n"
        f"    expected {hashlib.sha256(b'other').hexdigest()}\n"
        f"    found    {hashlib.sha256(DATA).hexdigest()}\n"
        "  hint: it was replaced upstream, or the mirror serves another file; do not build with it"
    )
    assert list(there.folder.iterdir()) == []


def test_a_web_page_is_no_file(there: Upstream) -> None:
    there.serve("julia/bin/julia.tar.gz", PAGE)
    with pytest.raises(StepError) as caught:
        there.fetcher().file(julia())
    assert str(caught.value) == (
        f"julia: http://{there.server.address}/julia/bin/julia.tar.gz answered with a web page,"
        " not julia.tar.gz: is it a login page or a proxy?\n"
        "  hint: open the URL, and check `network.mirrors` (julia) in matrix.yaml"
    )
    assert list(there.folder.iterdir()) == []


def test_a_web_page_is_no_json(there: Upstream) -> None:
    there.serve("julia/bin/versions.json", "Please log in", kind="text/html; charset=utf-8")
    with pytest.raises(StepError) as caught:
        there.fetcher().json(upstream("julia", "bin/versions.json"))
    assert caught.value.message == (
        f"julia: http://{there.server.address}/julia/bin/versions.json answered with a web page,"
        " not JSON: is it a login page or a proxy?"
    )


def test_a_torn_json(there: Upstream) -> None:
    there.serve("julia/bin/versions.json", '{"1.12.1": ')
    with pytest.raises(StepError) as caught:
        there.fetcher().json(upstream("julia", "bin/versions.json"))
    assert str(caught.value) == (
        f"julia: http://{there.server.address}/julia/bin/versions.json is not valid JSON:"
        " Expecting value (line 1, column 12)"
    )


def test_what_is_not_there(there: Upstream) -> None:
    with pytest.raises(MissingError) as caught:
        there.fetcher().file(julia())
    assert str(caught.value) == (
        f"julia: http://{there.server.address}/julia/bin/julia.tar.gz does not exist"
    )
    assert not there.fetcher().has(URL)
    there.serve("julia/bin/julia.tar.gz", DATA)
    assert there.fetcher().has(URL)


@pytest.mark.parametrize("code", [401, 403, 503])
def test_a_place_that_refuses(there: Upstream, code: int) -> None:
    there.server.script = lambda method, path: (code, {}, b"")
    with pytest.raises(UnreachableError) as caught:
        there.fetcher(login="me:secret").text(URL)
    words = {401: "Unauthorized", 403: "Forbidden", 503: "Service Unavailable"}
    assert str(caught.value) == (
        f"julia cannot be reached: {there.server.address}: it answered {code} {words[code]}\n"
        "  hint: check `network.mirrors` (julia) in matrix.yaml"
    )


def test_a_fault_that_passes_is_asked_again(there: Upstream) -> None:
    answers = [(503, {}, b""), (429, {"Retry-After": "0"}, b""), (200, {}, b"fine")]
    there.server.script = lambda method, path: answers.pop(0)
    policy = RetryPolicy(connect=2, read=2, retries=3, backoff=0)
    assert there.fetcher(retry_policy=policy).text(URL) == "fine"


def test_a_connection_that_breaks_off_is_tried_again(there: Upstream) -> None:
    whole = (200, {}, DATA)
    answers = [None, whole]
    there.server.script = lambda method, path: answers.pop(0)
    policy = RetryPolicy(connect=2, read=2, retries=1, backoff=0)
    assert there.fetcher(retry_policy=policy).file(julia()).read_bytes() == DATA


@pytest.mark.parametrize(
    ("asked", "waited"), [("86400", 60.0), ("7", 7.0), ("-5", 0.0), ("soon", 0.0), ("", 0.0)]
)
def test_a_host_has_nobody_wait_for_hours(asked: str, waited: float) -> None:
    response = HTTPResponse(status=503, headers={"Retry-After": asked})
    retry = BoundedRetry(total=3, status_forcelist=[503])
    again = retry.increment("GET", "/", response=response)
    assert again.get_retry_after(response) == waited


@pytest.mark.parametrize("where", ["http://[bad", "http://a:99999/"])
def test_a_redirect_that_leads_nowhere(there: Upstream, where: str) -> None:
    there.server.script = lambda method, path: (302, {"Location": where}, b"")
    with pytest.raises(UnreachableError) as caught:
        there.fetcher().text(URL)
    assert caught.value.message == (
        f"julia cannot be reached: {there.server.address}: it answered 302 Found"
    )


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "1000000"}])
def test_a_body_that_comes_byte_by_byte_has_a_time_limit(
    there: Upstream, headers: dict[str, str]
) -> None:
    def drip() -> Iterator[bytes]:
        while True:
            yield b"x"
            time.sleep(0.01)

    there.server.script = lambda method, path: (200, headers, drip())
    fetcher = there.fetcher(retry_policy=replace(IMPATIENT, patience=0.1))
    start = time.monotonic()
    for ask in (lambda: fetcher.text(URL), lambda: fetcher.file(julia())):
        with pytest.raises(UnreachableError) as caught:
            ask()
        assert caught.value.message == (
            f"julia cannot be reached: {there.server.address}: it sends too slowly"
        )
    assert time.monotonic() - start < 10


def test_a_body_that_keeps_coming_may_take_longer_than_the_patience(there: Upstream) -> None:
    def flow() -> Iterator[bytes]:
        for _ in range(5):
            yield bytes(1 << 16)
            time.sleep(0.05)

    there.server.script = lambda method, path: (200, {}, flow())
    fetcher = there.fetcher(retry_policy=replace(IMPATIENT, patience=0.01))
    assert len(fetcher.text(URL)) == 5 << 16


def test_a_text_has_a_bound(there: Upstream) -> None:
    there.serve("julia/bin/julia.tar.gz", "abc")
    assert there.fetcher().text(URL, limit=3) == "abc"
    there.serve("julia/bin/julia.tar.gz", "abcd")
    with pytest.raises(StepError) as caught:
        there.fetcher().text(URL, limit=3)
    assert caught.value.message == (
        f"julia: http://{there.server.address}/julia/bin/julia.tar.gz has more than 3 bytes"
    )


def test_a_text_that_comes_packed_unasked_is_unpacked_within_its_bound(there: Upstream) -> None:
    def serve(coding: str, body: bytes) -> None:
        headers = {"Content-Encoding": coding}
        there.server.script = lambda method, path: (200, headers, body)

    place = f"julia: http://{there.server.address}/julia/bin/julia.tar.gz"
    serve("gzip", gzip.compress(b"abc"))
    assert there.fetcher().text(URL) == "abc"
    bomb = gzip.compress(bytes(64 << 20))
    serve("gzip", bomb)
    tracemalloc.start()
    with pytest.raises(StepError) as caught:
        there.fetcher().text(URL, limit=4 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.message == f"{place} has more than 4 MiB"
    assert peak < 16 << 20
    for coding, body, message in (
        ("gzip, gzip", gzip.compress(bomb), "has the Content-Encoding 'gzip, gzip'"),
        ("br", b"abc", "has the Content-Encoding 'br'"),
        ("gzip", b"abc", "is damaged: Error -3 while decompressing data: incorrect header check"),
    ):
        serve(coding, body)
        with pytest.raises(StepError) as caught:
            there.fetcher().text(URL)
        assert caught.value.message == f"{place} {message}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[" * 100_000, "has more than 64 levels"),
        (b"[" + b"1," * 1_000_000 + b"1]", "has more than 1,000,000 nodes"),
        (b'{"a": 1, "a": 2}', "is not valid JSON: the key 'a' stands twice in one object"),
    ],
)
def test_a_hostile_document_is_refused(there: Upstream, body: bytes, message: str) -> None:
    there.serve("julia/bin/versions.json", body)
    with pytest.raises(StepError) as caught:
        there.fetcher().json(upstream("julia", "bin/versions.json"))
    place = f"julia: http://{there.server.address}/julia/bin/versions.json"
    assert str(caught.value) == f"{place} {message}"


def test_a_file_has_a_bound(there: Upstream) -> None:
    there.serve("julia/bin/julia.tar.gz", DATA)
    with pytest.raises(StepError) as caught:
        there.fetcher().file(julia(), limit=len(DATA) - 1)
    assert caught.value.message == (
        f"julia: http://{there.server.address}/julia/bin/julia.tar.gz has more than"
        f" {len(DATA) - 1:,} bytes"
    )
    assert list(there.folder.iterdir()) == []
    with pytest.raises(StepError):
        there.fetcher().record("julia.tar.gz", URL, limit=len(DATA) - 1)
    assert list(there.folder.iterdir()) == []
    assert there.fetcher().file(julia(), limit=len(DATA)).read_bytes() == DATA


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError) as caught:
        nowhere(tmp_path).text(URL)
    assert str(caught.value) == (
        "julia cannot be reached: 127.0.0.1:1: the connection was refused\n"
        "  hint: check `network.mirrors` (julia) in matrix.yaml"
    )


def test_a_host_that_does_not_answer_is_waited_for_once(there: Upstream) -> None:
    there.server.script = lambda _method, _path: None  # it resets the connection
    fetcher = there.fetcher()
    with pytest.raises(UnreachableError):
        fetcher.file(julia())
    tries = len(there.server.asked)
    assert tries > 0
    with pytest.raises(UnreachableError):
        fetcher.text(upstream("julia", "other"))
    assert len(there.server.asked) == tries


def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    network = Network()
    fetcher = Fetcher(network=network, folder=tmp_path, retry_policy=IMPATIENT)
    with pytest.raises(UnreachableError) as caught:
        fetcher.text("http://nowhere.invalid/x")
    assert str(caught.value) == (
        "nowhere.invalid cannot be reached: nowhere.invalid: its host name is unknown\n"
        "  hint: check the network connection, and `network` in matrix.yaml"
    )


def test_a_source_without_a_mirror_has_a_hint_of_one(tmp_path: Path) -> None:
    network = Network(proxy=Proxy(https="http://127.0.0.1:9"))
    fetcher = Fetcher(network=network, folder=tmp_path, retry_policy=IMPATIENT)
    with pytest.raises(UnreachableError) as caught:
        fetcher.text(upstream("rstudio-files", "x"))
    assert caught.value.hint == (
        "set a mirror: `network.mirrors:  {rstudio-files: URL}`, or BUILDER_MIRROR_RSTUDIO_FILES"
    )
    assert caught.value.message.endswith(": the proxy refused the connection")


def test_what_has_no_proxy_is_asked_directly(there: Upstream) -> None:
    there.serve("julia/x", "fine")
    mirrors = mirrored(there.server.address).mirrors
    network = Network(proxy=Proxy(http="http://127.0.0.1:9", none="127.0.0.1"), mirrors=mirrors)
    fetcher = Fetcher(network=network, folder=there.folder, retry_policy=IMPATIENT)
    assert fetcher.text(upstream("julia", "x")) == "fine"


def test_a_certificate_that_is_not_trusted_is_said_at_once(tmp_path: Path) -> None:
    """Of what is downloaded, and of a chart repository, which is read the same way."""
    trust = authority(tmp_path)
    asked: list[str] = []

    def index(request: Request) -> Answer:
        asked.append(request.path)
        generated = "2026-01-05T00:00:00Z"
        return Answer(body=f'apiVersion: v1\nentries: {{}}\ngenerated: "{generated}"\n'.encode())

    patient = RetryPolicy(connect=5, read=5, retries=3, backoff=5)
    with serve(index, tls=trust.server) as site:
        for ca in ("", str(trust.bundle)):
            network = Network(ca=ca)
            fetcher = Fetcher(network=network, folder=tmp_path, retry_policy=patient)
            charts = ServedRepository(url=site.url, fetcher=fetcher)
            if ca:
                assert charts.index() == {}
                continue
            began = time.monotonic()
            with pytest.raises(UnreachableError) as caught:
                fetcher.text(site.url)
            assert time.monotonic() - began < 4
            assert caught.value.reason == (
                "its certificate is not trusted (`network.ca` in matrix.yaml, or BUILDER_CA)"
            )
            with pytest.raises(StepError, match="its certificate is not trusted"):
                charts.index()
    assert asked == ["/index.yaml"]


def test_a_hash_that_upstream_does_not_say_is_recorded(there: Upstream) -> None:
    there.serve("julia/bin/julia.tar.gz", DATA)
    sha512 = hashlib.sha512(DATA).hexdigest()
    assert there.fetcher().record("julia.tar.gz", URL, sha512=sha512) == julia()
    assert there.fetcher().record("julia.tar.gz", URL) == julia()
    assert len(there.server.asked) == 1
    there.serve("julia/bin/julia.tar.gz", b"new")
    assert there.fetcher().record("julia.tar.gz", URL, again=True) == julia(b"new")


def test_a_sha512_that_differs(there: Upstream) -> None:
    there.serve("julia/bin/julia.tar.gz", DATA)
    with pytest.raises(StepError) as caught:
        there.fetcher().record("julia.tar.gz", URL, sha512="0" * 128)
    assert caught.value.message == (
        f"julia.tar.gz: http://{there.server.address}/julia/bin/julia.tar.gz"
        " does not have the expected sha512\n"
        f"    expected {'0' * 128}\n"
        f"    found    {hashlib.sha512(DATA).hexdigest()}"
    )
