"""A package index on loopback: pages of links to wheels and source distributions of nothing."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


@dataclass
class Index:
    """What it has: `files` by name, `links` by package; `answers` are statuses of pages instead."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{self.address}/simple"

    def wheel(self, name: str, version: str, *needs: str, link: str = "") -> str:
        """Offer a wheel; its file name. `link` are attributes of its link."""
        file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        self.files[file] = wheel(name, version, needs)
        return self.offer(name, file, link)

    def sdist(self, name: str, version: str) -> str:
        """Offer a source distribution, whose setup.py must never be run here."""
        file = f"{name.replace('-', '_')}-{version}.tar.gz"
        self.files[file] = sdist(name, version)
        return self.offer(name, file, "")

    def offer(self, name: str, file: str, link: str) -> str:
        sha256 = hashlib.sha256(self.files[file]).hexdigest()
        href = "" if "href=" in link else f'href="/files/{file}#sha256={sha256}"'
        self.links.setdefault(name, []).append(f"<a {href} {link}>{file}</a>")
        return file

    def drop(self, name: str) -> None:
        """Take a package from the index."""
        for link in self.links.pop(name):
            self.files.pop(link.rpartition("</a>")[0].rpartition(">")[2], None)


@contextmanager
def indexing() -> Iterator[Index]:
    """An index that runs."""
    index = Index()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            kind, _, rest = unquote(self.path).lstrip("/").partition("/")
            name = rest.strip("/")
            if kind == "files" and name in index.files:
                self._send(200, index.files[name], "application/octet-stream")
            elif name in index.moved:
                self._send(302, b"", "text/html", f"/simple/{index.moved[name]}/")
            elif name in index.answers:
                self._send(index.answers[name], b"no", "text/plain")
            elif kind == "simple" and name in index.links:
                page = "<!DOCTYPE html><html><body>" + "\n".join(index.links[name])
                self._send(200, page.encode(), "text/html")
            else:
                self._send(404, b"no", "text/plain")

        do_HEAD = do_GET

        def _send(self, code: int, body: bytes, kind: str, location: str = "") -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            if location:
                self.send_header("Location", location)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    index.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wheel(name: str, version: str, needs: tuple[str, ...] = ()) -> bytes:
    """A wheel of one module."""
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in needs)
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    content = {f"{module}.py": "x = 1\n", f"{info}/METADATA": metadata, f"{info}/WHEEL": tags}
    record, file = "", io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            record += f"{path},sha256={digest.rstrip(b'=').decode()},{len(text)}\n"
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return file.getvalue()


def sdist(name: str, version: str) -> bytes:
    """A source distribution that says nothing before its setup.py is run."""
    content = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "setup.py": "raise SystemExit('setup.py was run')\n",
    }
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for path, text in content.items():
            member = tarfile.TarInfo(f"{name.replace('-', '_')}-{version}/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return file.getvalue()
