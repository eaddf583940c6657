"""Servers on loopback for hosts by name: HTTP, TLS of a private CA, and the proxy that leads there.

A host is known where a site stands for it. A client is told of the proxy and of the CA by its
environment, as in an organisation that has both.
"""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import trustme

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "authorization", "host"}
_PIECE = 1 << 16
_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client asks. `body` gives the next piece of what it sends, which ends with b""."""

    is_secure: bool
    host: str
    method: str
    target: str
    headers: Message
    body: Callable[[], bytes]

    @property
    def path(self) -> str:
        """The path of the target."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query of the target."""
        return self.target.partition("?")[2]

    def to(self, target: str) -> Request:
        """The same to another path and query."""
        return replace(self, target=target)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a site says; `rest` is what follows `body`, and is `length` bytes long with it."""

    code: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    rest: Iterator[bytes] = field(default_factory=lambda: iter(()))
    length: int | None = None

    def header(self, name: str) -> str:
        """The value of a header, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def with_headers(self, more: Mapping[str, str], *, without: Sequence[str] = ()) -> Answer:
        """The same with other headers."""
        kept = [(key, value) for key, value in self.headers if key.lower() not in without]
        return replace(self, headers=(*kept, *more.items()))

    def read(self) -> bytes:
        """All that it says."""
        return self.body + b"".join(self.rest)


Site = Callable[[Request], Answer]


class Upstream:
    """The real registry at `address`, host:port."""

    def __init__(self, address: str) -> None:
        self._address = address

    def code(self, path: str) -> int:
        """The code of the answer to a HEAD request."""
        accept = {"Accept": "*/*"}
        for kind in ("manifest.v1", "index.v1"):
            accept["Accept"] += f", application/vnd.oci.image.{kind}+json"
        connection = http.client.HTTPConnection(self._address, timeout=_SECONDS)
        with contextlib.closing(connection):
            connection.request("HEAD", path, headers=accept)
            return connection.getresponse().status

    def answer(self, request: Request) -> Answer:
        """What it says to a request, the bodies of both in pieces."""
        connection = http.client.HTTPConnection(self._address, timeout=_SECONDS)
        connection.putrequest(request.method, request.target, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name.lower() not in _HOP:
                connection.putheader(name, value)
        sends = request.method in {"POST", "PUT", "PATCH"}
        length = request.headers.get("Content-Length")
        if sends and length is not None:
            connection.putheader("Content-Length", length)
        elif sends:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        if sends:
            for piece in iter(request.body, b""):
                chunk = piece if length is not None else b"%x\r\n%b\r\n" % (len(piece), piece)
                connection.send(chunk)
            if length is None:
                connection.send(b"0\r\n\r\n")
        found = connection.getresponse()
        size = found.getheader("Content-Length")
        return Answer(
            code=found.status,
            headers=[(key, value) for key, value in found.getheaders() if key.lower() not in _HOP],
            rest=_pieces(connection, found),
            length=None if size is None else int(size),
        )


def _pieces(
    connection: http.client.HTTPConnection, answer: http.client.HTTPResponse
) -> Iterator[bytes]:
    with contextlib.closing(connection):
        yield from iter(lambda: answer.read(_PIECE), b"")


class Web:
    """Sites by host. `ca` is the file of the CA that signs for those with a name."""

    def __init__(self, folder: Path, hosts: Sequence[str]) -> None:
        self._sites: dict[str, Site] = {}
        self.visited: list[str] = []
        self.faults: list[str] = []
        authority = trustme.CA()
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*hosts).configure_cert(context)
        self._plain = _Server(self, context=None)
        self._secure = _Server(self, context=context)
        self._proxy = _Proxy(self)
        self.address = f"127.0.0.1:{self._plain.server_port}"
        self.proxy = f"http://127.0.0.1:{self._proxy.server_port}"

    @contextlib.contextmanager
    def serve(self) -> Iterator[Web]:
        """Serve until the end of the block."""
        servers = (self._plain, self._secure, self._proxy)
        threads = [threading.Thread(target=it.serve_forever, args=(0.05,)) for it in servers]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            for server in servers:
                server.shutdown()
                server.server_close()
            for thread in threads:
                thread.join()

    @contextlib.contextmanager
    def standing(self, site: Site, hosts: Sequence[str]) -> Iterator[None]:
        """Have a site answer for hosts; what answered before comes back afterwards."""
        before = dict(self._sites)
        self._sites |= dict.fromkeys(hosts, site)
        try:
            yield
        finally:
            self._sites = before

    def answered(self, site: Site | None, request: Request) -> Answer:
        """What a site says; a fault of it is kept for who runs the tests."""
        if site is None:
            return Answer(code=421, body=b"no such host")
        try:
            return site(request)
        except Exception:
            self.faults.append(traceback.format_exc())
            return Answer(code=500, body=b"a fault of the tests")

    def site(self, host: str) -> Site | None:
        """What answers for a host."""
        return self._sites.get(host)

    def port(self, name: str, port: int) -> int | None:
        """The port of loopback where a name is; None for one that is not known."""
        self.visited.append(f"{name}:{port}")
        if name not in self._sites:
            return None
        return {80: self._plain.server_port, 443: self._secure.server_port}.get(port)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, web: Web, *, context: ssl.SSLContext | None) -> None:
        self.web = web
        self.context = context
        super().__init__(("127.0.0.1", 0), _Handler)

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """In the thread of the request: a handshake may take its time."""
        if self.context is None:
            super().finish_request(request, client_address)
            return
        with self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that does not trust the CA, or that goes away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        if "://" in self.path:  # through the proxy
            split = urlsplit(self.path)
            self.path = split._replace(scheme="", netloc="").geturl()
        body = self._body()
        host = self.headers.get("Host", "").removesuffix(":443").removesuffix(":80")
        site = self.server.web.site(host)
        request = Request(
            is_secure=self.server.context is not None,
            host=host,
            method=self.command,
            target=self.path,
            headers=self.headers,
            body=lambda: next(body, b""),
        )
        answer = self.server.web.answered(site, request)
        for _ in body:
            pass  # what no site read would be taken for the next request
        self._say(answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _answer

    def _say(self, answer: Answer) -> None:
        self.send_response(answer.code)
        for name, value in answer.headers:
            self.send_header(name, value)
        is_empty = self.command == "HEAD" or answer.code in {204, 304}
        length = len(answer.body) if answer.length is None else answer.length
        if answer.code != 204:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if not is_empty:
            self.wfile.write(answer.body)
        for piece in answer.rest:
            self.wfile.write(piece)

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left and (piece := self.rfile.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, web: Web) -> None:
        self.web = web
        super().__init__(("127.0.0.1", 0), _ProxyHandler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that goes away."""


class _ProxyHandler(BaseHTTPRequestHandler):
    rbufsize = 0  # what follows the headers is for the other side
    disable_nagle_algorithm = True
    server: _Proxy

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_CONNECT(self) -> None:
        """Lead to a host, and pass on what is said."""
        name, _, port = self.path.rpartition(":")
        if (target := self.server.web.port(name, int(port))) is None:
            self.send_error(403)
            return
        with _connection(target) as there:
            self.send_response(200)
            self.end_headers()
            _join(self.connection, there)

    def _pass(self) -> None:
        """Pass on a request in plain HTTP, and what follows on its connection."""
        split = urlsplit(self.path)
        target = self.server.web.port(split.hostname or "", split.port or 80)
        if target is None:
            self.send_error(403)
            return
        with _connection(target) as there:
            there.sendall(f"{self.requestline}\r\n{self.headers}".encode("latin-1"))
            _join(self.connection, there)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _pass


def _connection(port: int) -> socket.socket:
    found = socket.create_connection(("127.0.0.1", port))
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def _join(one: socket.socket, other: socket.socket) -> None:
    """Pass on what either side says, until one ends."""
    while ready := select.select([one, other], [], [], _SECONDS)[0]:
        for side in ready:
            if not (data := side.recv(_PIECE)):
                return
            (other if side is one else one).sendall(data)
