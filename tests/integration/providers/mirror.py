"""A mirror on loopback that wants a password, and serves the files of a folder."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from builder.catalog.models import Network
from builder.network.upstreams import UPSTREAM

USER = "me"
PASSWORD = "s3cr3t&/'@:%#"
LOGIN = "me:s3cr3t%26%2F%27%40%3A%25%23"
PAGE = b"<!DOCTYPE html>\n<html><body>Welcome. Please log in.</body></html>"


class Mirror(ThreadingHTTPServer):
    """Files below `folder`, or with `is_captive` a login page for whatever is asked."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.is_captive = False
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def network(self, login: str = LOGIN) -> Network:
        """A network in which every source is a folder of this mirror."""
        mirrors = {name: f"http://{login}@{self.address}/{name}" for name in UPSTREAM}
        return Network(mirrors=mirrors)


@contextmanager
def serving(folder: Path) -> Iterator[Mirror]:
    """A mirror that runs."""
    server = Mirror(folder)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Mirror
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.server.is_captive:
            self._send(200, PAGE, "text/html")
        elif self.headers.get("Authorization") != f"Basic {expected}":
            self._send(401, b"who are you?", "text/plain", {"WWW-Authenticate": "Basic realm=x"})
        else:
            self._send_file()

    do_HEAD = do_GET

    def _send_file(self) -> None:
        path = self.server.folder / unquote(urlsplit(self.path).path).strip("/")
        if path.is_file():
            self._send(200, path.read_bytes(), "application/octet-stream")
        elif path.is_dir() and self.path.endswith("/"):
            names = [f"{item.name}/" if item.is_dir() else item.name for item in path.iterdir()]
            links = "".join(f'<a href="{name}">{name}</a>\n' for name in sorted(names))
            self._send(200, f"<html><body>{links}</body></html>".encode(), "text/html")
        else:
            self._send(404, b"not found", "text/plain")

    def _send(
        self, code: int, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(code)
        for name, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
