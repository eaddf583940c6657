"""A reverse proxy between the builder and its registry, where a test makes things go wrong.

It passes each request on as it came, and notes it. A rule does something else with the requests
that it is about: answers in the registry's place, cuts the connection, keeps still, or ends the
builder just before or just after the registry has carried the request out.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a registry says."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Forward = Callable[[], Answer]


@dataclass(kw_only=True)
class Rule:
    """What is done with requests such as `PUT /v2/name/manifests/tag`, from the `first` on.

    `times` is how many it is done with; 0: all that come. `act` gets what passes the request on.
    """

    about: str  # a regular expression that finds the method and path
    act: Callable[[Forward], Answer | None]  # None: the connection is cut
    first: int = 1
    times: int = 1
    whole: bool = True  # whether the body is read before that
    seen: int = 0

    def applies(self, line: str) -> bool:
        """Whether it is about this request, which it counts."""
        if re.search(self.about, line) is None:
            return False
        self.seen += 1
        return self.seen >= self.first and (not self.times or self.seen < self.first + self.times)


class Gate:
    """A proxy on `address`, in front of the registry `upstream`."""

    def __init__(self) -> None:
        self.upstream = ""
        self.requests: list[str] = []
        self.rules: list[Rule] = []
        self.shut = False
        self.lock = threading.Lock()
        self._well = threading.Event()
        gate = self

        class Bound(_Handler):
            """The handler of this gate."""

            owner = gate

        self._server = _Server(("127.0.0.1", 0), Bound)
        self.address = f"127.0.0.1:{self._server.server_port}"

    @contextlib.contextmanager
    def serve(self) -> Iterator[Gate]:
        """Serve until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    @contextlib.contextmanager
    def goes_wrong(self, *rules: Rule) -> Iterator[None]:
        """Follow these rules, which all must come to apply."""
        self.rules = list(rules)
        self._well.clear()
        try:
            yield
        finally:
            self.rules, self.shut = [], False
            self._well.set()
        idle = [rule.about for rule in rules if rule.seen < rule.first]
        assert not idle, f"never asked: {idle}; asked: {self.requests}"

    def built(self) -> list[str]:
        """The repositories that got an image under its fingerprint, since the last `forget`."""
        found = (
            re.fullmatch(r"PUT /v2/(.+)/manifests/fp-[0-9a-f]{32}", line) for line in self.requests
        )
        return sorted(match[1] for match in found if match)

    def forget(self) -> None:
        """Begin to note requests anew."""
        self.requests.clear()

    def keeps_still(self, _: Forward) -> None:
        """Do not answer for as long as things go wrong."""
        self._well.wait(_SECONDS)

    def killer(self, kill: Callable[[], None], *, carried_out: bool) -> Callable[[Forward], None]:
        """End the builder, and let nothing more of it through."""

        def act(forward: Forward) -> None:
            with self.lock:
                if self.shut:
                    return
                if carried_out:
                    forward()
                self.shut = True
                kill()

        return act


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A builder that was killed does not wait for its answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Gate

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _pass(self) -> None:
        gate, line = self.owner, f"{self.command} {self.path}"
        with gate.lock:
            gate.requests.append(line)
            rule = next((rule for rule in gate.rules if rule.applies(line)), None)
        if gate.shut:
            self._cut()
            return
        body = self._body() if rule is None or rule.whole else b""
        answer = rule.act(lambda: self._ask(body)) if rule else self._ask(body)
        if answer is None:
            self._cut()
            return
        self.send_response(answer.code)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _pass

    def _ask(self, body: bytes) -> Answer:
        """What the registry says."""
        connection = http.client.HTTPConnection(self.owner.upstream, timeout=_SECONDS)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():  # some come more than once
                if name.lower() not in _HOP:
                    connection.putheader(name, value)
            if self.command in {"PUT", "POST", "PATCH"}:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            found = connection.getresponse()
            kept = {name: it for name, it in found.getheaders() if name.lower() not in _HOP}
            if self.command == "HEAD" and (length := found.getheader("Content-Length")):
                kept["Content-Length"] = length
            return Answer(code=found.status, headers=kept, body=found.read())
        finally:
            connection.close()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _cut(self) -> None:
        """End the connection as a host does that dies: the other side sees a reset."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RD)
        self.connection.close()
