"""A small S3, for smoke tests: `python FILE PORT FOLDER KEY`, inside the container.

It needs only Python, since an image has no server of its own. Buckets are the folders in FOLDER. It
answers requests that are signed with the access key KEY, at addresses in path style. It can read,
write and list objects; other requests are refused.
"""

from __future__ import annotations

import hashlib
import re
import sys
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    folder = Path()
    key = ""

    def do_GET(self) -> None:
        """Send an object or a part of it, or the list of the objects of a bucket."""
        if not self._is_signed():
            return
        path = self._path()
        if path.parent == self.folder:
            self._list(path)
        elif path.is_file():
            self._send(path)
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        """Store an object."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._is_signed():
            path = self._path()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            self._answer(200, b"", ETag=_etag(body))

    def _is_signed(self) -> bool:
        # The signature is in a header, or in a presigned address.
        if f"Credential={self.key}/" in self.headers.get("Authorization", "") + unquote(self.path):
            return True
        self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        return False

    def _path(self) -> Path:
        return self.folder / unquote(urlsplit(self.path).path).strip("/")

    def _send(self, path: Path) -> None:
        content = path.read_bytes()
        part, headers = content, {"ETag": _etag(content)}
        headers["Last-Modified"] = formatdate(path.stat().st_mtime, usegmt=True)
        headers["Accept-Ranges"] = "bytes"
        byte_range = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if byte_range:
            size = len(content)
            start = int(byte_range[1]) if byte_range[1] else size - int(byte_range[2])
            end = int(byte_range[2]) if byte_range[1] and byte_range[2] else size - 1
            part = content[start : end + 1]
            headers["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{size}"
        self._answer(206 if byte_range else 200, part, kind="application/octet-stream", **headers)

    def _list(self, bucket: Path) -> None:
        query = parse_qs(urlsplit(self.path).query)
        prefix, delimiter = (query.get(name, [""])[0] for name in ("prefix", "delimiter"))
        contents, folders = "", set()
        for path in sorted(bucket.rglob("*")):
            name = str(path.relative_to(bucket))
            if path.is_dir() or not name.startswith(prefix):
                continue
            if delimiter and delimiter in name[len(prefix) :]:
                folders.add(prefix + name[len(prefix) :].partition(delimiter)[0] + delimiter)
                continue
            content = path.read_bytes()
            contents += (
                f"<Contents><Key>{escape(name)}</Key><Size>{len(content)}</Size>"
                f"<ETag>{escape(_etag(content))}</ETag><StorageClass>STANDARD</StorageClass>"
                "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            )
        for name in sorted(folders):
            contents += f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
        text = f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
        self._answer(200, text.encode())

    def _answer(
        self, code: int, body: bytes, *, kind: str = "application/xml", **headers: str
    ) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


if __name__ == "__main__":
    Handler.folder, Handler.key = Path(sys.argv[2]), sys.argv[3]
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
