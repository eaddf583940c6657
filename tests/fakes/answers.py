"""A registry that answers what it is told to, over HTTP."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, dict[str, str], bytes | Iterable[bytes]]
"""A status, headers, and a body: whole, or in pieces, which need not end.

Pieces come as chunks, unless there is a header Content-Length.
"""


class Registry(ThreadingHTTPServer):
    """Answers `/v2/` well, and the rest from `script`: by (method, path without its host)."""

    daemon_threads = True
    request_queue_size = 128  # many threads ask at once, and a busy machine answers late

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: Callable[[str, str], Answer | None] = lambda method, path: (404, {}, b"")
        self.root: Answer = (200, {}, b"{}")
        self.asked: list[tuple[str, str]] = []
        self.pings = 0  # requests for `/v2/`, which are not among `asked`
        self.logins: list[str] = []  # the header Authorization of each of `asked`, or nothing

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def serving() -> Iterator[Registry]:
    """Have one answer until the end of the block."""
    server = Registry()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Registry
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found: Answer | None = self.server.root
        self.server.pings += self.path == "/v2/"
        if self.path != "/v2/":
            self.server.asked.append((self.command, self.path))
            self.server.logins.append(self.headers.get("Authorization", ""))
            found = self.server.script(self.command, self.path)
        if found is None:  # reset the connection
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True
            return
        code, headers, body = found
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        if isinstance(body, bytes):
            self.send_header("Content-Length", str(len(body)))
        elif is_chunked := "Content-Length" not in headers:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            return
        if isinstance(body, bytes):
            self.wfile.write(body)
            return
        with contextlib.suppress(OSError):  # who asked had enough
            for piece in body:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
            self.wfile.write(b"0\r\n\r\n" if is_chunked else b"")
            return
        self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
