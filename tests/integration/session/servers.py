"""What a session talks to, as real servers on loopback."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import trustme
from moto.server import ThreadedMotoServer


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked; `path` with its query."""

    method: str
    path: str
    headers: Message
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is said."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Application = Callable[[Request], Answer]


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A server that runs: its address, and what it was asked so far."""

    scheme: str
    port: int
    requests: list[Request]

    @property
    def host(self) -> str:
        """`127.0.0.1:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"{self.scheme}://{self.host}"


@contextlib.contextmanager
def serve(application: Application, *, tls: ssl.SSLContext | None = None) -> Iterator[Serving]:
    """Answer on a free port until the end of the block."""
    asked: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b"".join(self.chunks())
            request = Request(method=self.command, path=self.path, headers=self.headers, body=body)
            asked.append(request)
            answer = application(request)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def chunks(self) -> Iterator[bytes]:
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

        def do_CONNECT(self) -> None:
            asked.append(Request(method="CONNECT", path=self.path, headers=self.headers, body=b""))
            self.close_connection = True
            answer = application(asked[-1])
            if answer.status != 200:
                self.send_error(answer.status)
                return
            self.send_response(200)
            self.end_headers()
            tunnel(self.connection, int(answer.body))

        do_GET = do_HEAD = do_POST = do_PUT = handle_one

        def log_message(self, format: str, *arguments: object) -> None:
            """The tests look at `requests`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        port = server.server_address[1]
        yield Serving(scheme="https" if tls else "http", port=port, requests=asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def tunnel(client: socket.socket, port: int) -> None:
    """Carry bytes between a client and a port of this machine, until one of them ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as server:
        other = {client: server, server: client}
        while True:
            ready, _, _ = select.select(list(other), [], [], 10)
            for one in ready:
                data = one.recv(65536)
                if not data:
                    return
                other[one].sendall(data)
            if not ready:
                return


def watched(application: Application, *, secrets: tuple[str, ...]) -> Application:
    """The same; who asks is told 500 where a secret stands on any command line meanwhile."""

    def answer(request: Request) -> Answer:
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                line = file.read_bytes()
                if any(secret.encode() in line for secret in secrets):
                    return Answer(status=500, body=line)
        return application(request)

    return answer


def files(content: Mapping[str, bytes]) -> Application:
    """A folder: the content by path, 404 for the rest; a page where a path ends with a slash."""

    def answer(request: Request) -> Answer:
        path = unquote(urlsplit(request.path).path)
        if path not in content:
            return Answer(status=404)
        page = path.endswith("/")
        kind = "text/html" if page else "application/octet-stream"
        return Answer(body=content[path], headers={"Content-Type": kind})

    return answer


def proxy(port: int) -> Application:
    """A proxy to whom every host is that port of this machine."""

    def answer(request: Request) -> Answer:
        if request.method == "CONNECT":
            return Answer(body=str(port).encode())
        return Answer(body=b"by proxy\n")

    return answer


def vault(*, token: str, secrets: Mapping[str, object], role: str, jwt: str) -> Application:
    """The parts of Vault's API that a session uses: KV v2 at `kv`, and logins by JWT at `k8s`."""

    def login(body: Mapping[str, str]) -> Answer:
        if body != {"role": role, "jwt": jwt}:
            return Answer(status=400, body=b'{"errors":["permission denied"]}')
        return Answer(body=json.dumps({"auth": {"client_token": token}}).encode())

    def answer(request: Request) -> Answer:
        if request.method == "POST" and request.path == "/v1/auth/k8s/login":
            return login(json.loads(request.body))
        if request.headers.get("X-Vault-Token") != token:
            return Answer(status=403, body=b'{"errors":["permission denied"]}')
        secret = secrets.get(unquote(request.path).removeprefix("/v1/kv/data/"))
        if secret is None:
            return Answer(status=404, body=b'{"errors":[]}')
        return Answer(body=json.dumps({"data": {"data": secret, "metadata": {}}}).encode())

    return answer


def git(folder: Path, *, token: str = "") -> Application:
    """git's own HTTP backend; every repository below `folder` takes the token as a password.

    Without a token it is for everybody.
    """

    def answer(request: Request) -> Answer:
        expected = f":{token}".encode()
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        if token and not base64.b64decode(given).endswith(expected):
            return Answer(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        parts = urlsplit(request.path)
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(folder), "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": request.method, "PATH_INFO": unquote(parts.path),
            "QUERY_STRING": parts.query, "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""), "REMOTE_USER": "somebody",
        }  # fmt: skip
        done = subprocess.run(
            ["git", "http-backend"],
            input=request.body,
            env=environment,
            capture_output=True,
            check=True,
            timeout=30,
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200").split()[0])
        return Answer(status=status, body=body, headers=headers)

    return answer


def project(folder: Path) -> None:
    """The repository `project.git` below a folder, of two branches; its file names the branch."""
    script = """
        git init --quiet --initial-branch=main work && cd work
        git config user.name A && git config user.email a@example.org
        echo main > file && git add file && git commit --quiet --message=One
        git switch --quiet --create "other'branch" && echo other > file
        git commit --quiet --all --message=Two && git switch --quiet main
        git clone --quiet --bare . ../project.git
    """
    subprocess.run(["sh", "-ec", script], cwd=folder, check=True, timeout=60)


def mirror(content: Mapping[str, bytes], repositories: Application) -> Application:
    """A folder, and in it what serves `project.git`."""
    plain = files(content)

    def answer(request: Request) -> Answer:
        return (repositories if request.path.startswith("/project.git") else plain)(request)

    return answer


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A certificate authority that nobody knows: its certificate, and what its servers use."""

    bundle: Path
    server: ssl.SSLContext


def authority(folder: Path) -> Authority:
    """One for 127.0.0.1 and mirror.example, its certificate in a folder."""
    ca = trustme.CA()
    bundle = folder / "bundle.crt"
    bundle.write_bytes(ca.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "mirror.example").configure_cert(context)
    return Authority(bundle=bundle, server=context)


@contextlib.contextmanager
def s3() -> Iterator[str]:
    """An S3 server until the end of the block: its URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()
