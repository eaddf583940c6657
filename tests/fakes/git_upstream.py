"""A repository of git that a catalog stands on, made by a test."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from builder.common.process import Command, Runner

_NO_CONFIGURATION = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
_WHO = "committer a <a@example.org> 1795161600 +0000\n"  # 2026-11-20
LINK, SUBMODULE = "120000", "160000"


class Repository:
    """A bare repository. Each commit on `main` holds exactly the files that it is given."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        self.git("init", "--quiet", "--bare", "--initial-branch=main")

    @property
    def url(self) -> str:
        """Its address, by its path."""
        return f"file://{self.root}"

    def git(self, *words: str, stdin: bytes | None = None) -> str:
        """What git prints."""
        argv = ("git", f"--git-dir={self.root}", *words)
        command = Command(argv=argv, env=_NO_CONFIGURATION, stdin=stdin)
        return Runner().run(command).stdout.strip()

    def commit(
        self, files: Mapping[str, str], *, links: Mapping[str, str] | None = None,
        submodules: Mapping[str, str] | None = None, is_new: bool = False,
    ) -> str:  # fmt: skip
        """Make a commit of files, links and submodules; its id.

        It follows the last one, unless it `is_new`: then the history is rewritten.
        """
        has_parent = not is_new and bool(self.git("for-each-ref", "refs/heads/main"))
        lines = ["reset refs/heads/main\n"] if is_new else []
        lines += ["commit refs/heads/main\n", _WHO, "data 1\nx\n"]
        lines += ["from refs/heads/main^0\n", "deleteall\n"] if has_parent else []
        for mode, texts in (("100644", files), (LINK, links or {})):
            for path, text in texts.items():
                lines.append(f"M {mode} inline {path}\ndata {len(text.encode())}\n{text}\n")
        lines += [f"M {SUBMODULE} {oid} {path}\n" for path, oid in (submodules or {}).items()]
        self.git("fast-import", "--quiet", "--force", stdin="".join(lines).encode())
        return self.git("rev-parse", "main")

    def commit_tree(self, *entries: tuple[str, str, str]) -> str:
        """Make a commit whose folder `images` has exactly these names, modes and ids."""
        images = self.tree(*entries)
        matrix = self.git("rev-parse", "main:matrix.yaml")
        top = self.tree(("images", "40000", images), ("matrix.yaml", "100644", matrix))
        commit = self.git(
            "-c", "user.name=a", "-c", "user.email=a@example.org", "commit-tree", top, "-m", "x"
        )
        self.git("update-ref", "refs/heads/main", commit)
        return commit

    def tree(self, *entries: tuple[str, str, str]) -> str:
        """Store a tree of names with modes and ids, whatever they are; its id."""
        raw = b"".join(
            f"{mode} {name}".encode() + b"\0" + bytes.fromhex(oid) for name, mode, oid in entries
        )
        return self.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)


@contextlib.contextmanager
def served(repository: Repository) -> Iterator[str]:
    """Serve a repository over HTTP on loopback by git's own program; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            env = {
                **os.environ, **_NO_CONFIGURATION, "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROJECT_ROOT": str(repository.root.parent), "PATH_INFO": path,
                "QUERY_STRING": query, "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }  # fmt: skip
            found = subprocess.run(
                ["git", "http-backend"], input=body, env=env, capture_output=True, check=True
            )
            head, _, content = found.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{repository.root.name}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
