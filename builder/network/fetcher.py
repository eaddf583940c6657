"""Downloads texts and files; a file is stored under its sha256."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import urllib3
from urllib3 import exceptions as lower

from builder.catalog.models import Network, RemoteFile
from builder.common.errors import StepError, UnreachableError
from builder.common.files import write
from builder.common.limits import ANSWER_PATIENCE, FILE, TEXT, bounded, read_json
from builder.common.text import one_line
from builder.network.build_env import variable
from builder.network.connections import (
    BoundedRetry,
    Session,
    SlowAnswerError,
    UnencryptedError,
    body,
    causes,
)
from builder.network.upstreams import UPSTREAM, SourceUrl, source_url

_PIECE = 1 << 20
_HASH = re.compile(r"[0-9a-f]{64}|[0-9a-f]{128}")  # of sha256, of sha512
_HTML = (b"<!doctype html", b"<html")
_AGAIN = (429, 500, 502, 503, 504)
_TRIES = 3
Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that have arrived, and their total, or 0 if unknown."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """The time limits of a request, in seconds, and how often it is repeated.

    `read` is for each read, `patience` for waiting for a body, with a second for each so many
    bytes of it.
    """

    connect: float = 10.0
    read: float = 60.0
    patience: float = ANSWER_PATIENCE
    retries: int = 3
    backoff: float = 0.5


class MissingError(StepError):
    """The host answers that the URL does not exist."""


class Fetcher:
    """Downloads from upstream, or from the mirrors in `network`. Messages show no credentials."""

    def __init__(
        self,
        *,
        network: Network,
        folder: Path,
        retry_policy: RetryPolicy | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._network = network
        self._folder = folder
        self._retry_policy = retry_policy or RetryPolicy()
        self._progress = progress
        self._session = Session(network, retry=_retry(self._retry_policy))
        self._lock = threading.Lock()
        self._dead: dict[str, str] = {}  # the reason, by host

    @property
    def folder(self) -> Path:
        """Return the folder of files; their names are their hashes, sha256 or sha512."""
        return self._folder

    def text(self, url: str | SourceUrl, expected: str = "text", limit: int = TEXT) -> str:
        """Fetch a small text, no web page. Raises MissingError, UnreachableError, StepError."""
        data, source, kind = self._body(url, limit)
        if _is_page(data, kind):
            raise _web_page(source, expected)
        return data.decode(errors="replace")

    def page(self, url: str) -> str:
        """Fetch a small web page."""
        return self._body(url)[0].decode(errors="replace")

    def json(self, url: str | SourceUrl) -> Any:
        """Fetch and parse a JSON document."""
        source = self._place(url)
        return read_json(self.text(url, "JSON").encode(), TEXT, f"{source.source}: {source.shown}")

    def file(self, file: RemoteFile, source: SourceUrl | None = None, *, limit: int = FILE) -> Path:
        """Return the path of a file after checking its hash. Raises StepError, UnreachableError.

        `source` is where it is fetched from, where that is not its URL's.
        """
        if (cached := self.cached(file.sha256)) is not None:
            return cached
        digest = self._download(file.name, source or file.url, sha256=file.sha256, limit=limit)
        return self._folder / digest

    def file_by_sha512(self, name: str, source: SourceUrl, sha512: str) -> Path:
        """Return the path of a file whose sha512 is known, as `file` does."""
        return self._folder / self._download(name, source, sha512=sha512, by="sha512")

    def cached(self, digest: str) -> Path | None:
        """Return the path of a downloaded file by its hash in hex, or None."""
        path = self._folder / digest
        return path if _HASH.fullmatch(digest) and path.is_file() else None

    def record(
        self, name: str, url: str, *, sha512: str = "", again: bool = False, limit: int = FILE
    ) -> RemoteFile:
        """Fetch a file whose sha256 upstream does not state, and record its hash.

        A URL is fetched once, as a released file never changes; `again` fetches it in any case.
        `sha512` is checked where it is given.
        """
        hash_file = self._folder / "urls" / hashlib.sha256(url.encode()).hexdigest()
        if hash_file.is_file() and not again:
            digest = hash_file.read_text().strip()
            if self.cached(digest) is not None:
                return RemoteFile(name=name, url=url, sha256=digest)
        digest = self._download(name, url, sha512=sha512, limit=limit)
        write(hash_file, f"{digest}\n".encode())
        return RemoteFile(name=name, url=url, sha256=digest)

    def has(self, url: str) -> bool:
        """Whether a URL exists."""
        try:
            with self._asked(url, method="HEAD"):
                return True
        except MissingError:
            return False

    def check_reachable(self, url: str) -> None:
        """Raise UnreachableError unless the host answers, with whatever status."""
        with contextlib.suppress(MissingError), self._asked(url, method="HEAD"):
            pass

    # Asking.

    def _body(self, url: str | SourceUrl, limit: int = TEXT) -> tuple[bytes, SourceUrl, str]:
        with self._asked(url) as (answer, source):
            what = f"{source.source}: {source.shown}"
            pieces = _decoded(answer, self._pieces(answer), what)
            data = b"".join(bounded(pieces, limit, what))
            return data, source, answer.headers.get("Content-Type", "")

    @contextlib.contextmanager
    def _asked(
        self, url: str | SourceUrl, *, method: str = "GET"
    ) -> Iterator[tuple[requests.Response, SourceUrl]]:
        """Open a successful response. Errors while it is read are converted too."""
        source = self._place(url)
        with self._lock:
            if source.host in self._dead:
                raise unreachable_error(source, self._dead[source.host])
        try:
            with self._session.request(
                method, source.url, stream=True, allow_redirects=True,
                timeout=(self._retry_policy.connect, self._retry_policy.read),
            ) as answer:  # fmt: skip
                _check(answer, source)
                yield answer, source
        except (requests.exceptions.ChunkedEncodingError, UnencryptedError) as error:
            raise unreachable_error(source, why(error, self._retry_policy.connect)) from None
        except requests.RequestException as error:
            # The reason is stored, so that only one request waits for a dead host.
            reason = why(error, self._retry_policy.connect)
            with self._lock:
                self._dead[source.host] = reason
            raise unreachable_error(source, reason) from None
        except urllib3.exceptions.HTTPError as error:
            raise unreachable_error(source, why(error, self._retry_policy.connect)) from None

    def _pieces(self, answer: requests.Response) -> Iterator[bytes]:
        return body(answer.raw, patience=self._retry_policy.patience)

    def _place(self, url: str | SourceUrl) -> SourceUrl:
        return url if isinstance(url, SourceUrl) else source_url(url, self._network.mirrors)

    # Files.

    def _download(
        self,
        name: str,
        url: str | SourceUrl,
        *,
        sha256: str = "",
        sha512: str = "",
        by: str = "sha256",
        limit: int = FILE,
    ) -> str:
        """Download a file, check its hashes, store it under its hash `by`, and return that one."""
        stated = {"sha256": sha256, "sha512": sha512}
        for _ in range(_TRIES - 1):
            try:
                return self._download_once(name, url, stated, by, limit)
            except UnreachableError:
                with self._lock:  # a broken connection is worth another try, a dead host is not
                    if self._place(url).host in self._dead:
                        raise
        return self._download_once(name, url, stated, by, limit)

    def _download_once(
        self, name: str, url: str | SourceUrl, stated: Mapping[str, str], by: str, limit: int
    ) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as file:
            partial = Path(file.name)
            try:
                with self._asked(url) as (answer, source):
                    digests = self._stream(name, answer, source, file.write, limit)
                for kind, digest in stated.items():
                    if digest not in ("", digests[kind]):
                        raise _differs(name, source, kind, digest, digests[kind])
                file.flush()
                partial.chmod(0o644)
                partial.replace(self._folder / digests[by])
                return digests[by]
            except BaseException:
                partial.unlink(missing_ok=True)
                raise

    def _stream(
        self,
        name: str,
        answer: requests.Response,
        source: SourceUrl,
        sink: Callable[[bytes], object],
        limit: int,
    ) -> dict[str, str]:
        """Copy the body of an answer to `sink`, and return its hashes."""
        total = answer.raw.length_remaining or 0
        digesters, done = (hashlib.sha256(), hashlib.sha512()), 0
        # Not decoded: a server that calls a .tgz "encoded" must not have it unpacked.
        pieces = self._pieces(answer)
        for piece in bounded(pieces, limit, f"{source.source}: {source.shown}"):
            if not done and _is_page(piece, answer.headers.get("Content-Type", "")):
                raise _web_page(source, name)
            for digester in digesters:
                digester.update(piece)
            sink(piece)
            done += len(piece)
            if self._progress is not None:
                self._progress(name, done, total)
        return {digester.name: digester.hexdigest() for digester in digesters}


def store_by_hash(file: Path, folder: Path) -> str:
    """Move a file into a folder of the same disk under its sha256, which is returned."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    file.chmod(0o644)
    file.replace(folder / digest)
    return digest


def _retry(policy: RetryPolicy) -> BoundedRetry:
    """Return urllib3's retry policy. An untrusted certificate is not tried again."""
    return BoundedRetry(
        total=policy.retries,
        connect=min(policy.retries, 1),  # an unknown host is still unknown a second later
        other=0,
        backoff_factor=policy.backoff,
        status_forcelist=_AGAIN,
        raise_on_status=False,
    )


def _check(answer: requests.Response, source: SourceUrl) -> None:
    if answer.status_code in (404, 410):
        raise MissingError(f"{source.source}: {source.shown} does not exist")
    if answer.status_code >= 300:  # a redirect that leads nowhere, too
        reason = one_line(answer.reason or "")
        raise unreachable_error(source, f"it answered {answer.status_code} {reason}".rstrip())


def _decoded(answer: requests.Response, pieces: Iterator[bytes], what: str) -> Iterator[bytes]:
    """Yield the body of an answer, which comes in pieces, unpacked where it is packed unasked.

    A few bytes may stand for many: no piece is larger than what is asked for. Raises StepError.
    """
    coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if coding == "identity":
        yield from pieces
        return
    if coding not in {"gzip", "x-gzip"}:
        raise StepError(f"{what} has the Content-Encoding {one_line(coding)!r}")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for piece in pieces:
            packed = piece
            while packed:
                yield unpacker.decompress(packed, _PIECE)
                packed = unpacker.unconsumed_tail
    except zlib.error as error:
        raise StepError(f"{what} is damaged: {error}") from error


def _is_page(data: bytes, kind: str) -> bool:
    return kind.startswith("text/html") or data[:200].lstrip().lower().startswith(_HTML)


def _web_page(source: SourceUrl, expected: str) -> StepError:
    return StepError(
        f"{source.source}: {source.shown} answered with a web page, not {expected}:"
        " is it a login page or a proxy?",
        hint=f"open the URL, and check `network.mirrors` ({source.source}) in matrix.yaml",
    )


def _differs(name: str, source: SourceUrl, kind: str, expected: str, actual: str) -> StepError:
    return StepError(
        f"{name}: {source.shown} does not have the expected {kind}\n"
        f"    expected {expected}\n"
        f"    found    {actual}",
        hint="it was replaced upstream, or the mirror serves another file; do not build with it",
    )


def unreachable_error(source: SourceUrl, reason: str) -> UnreachableError:
    """Return the error for a host that cannot be reached."""
    if source.is_mirror:
        hint = f"check `network.mirrors` ({source.source}) in matrix.yaml"
    elif source.source in UPSTREAM:
        name = variable(source.source)
        hint = f"set a mirror: `network.mirrors:  {{{source.source}: URL}}`, or {name}"
    else:
        hint = "check the network connection, and `network` in matrix.yaml"
    host = f"{source.host}: " if source.host else ""
    error = UnreachableError(f"{source.source} cannot be reached: {host}{reason}", hint=hint)
    error.reason = reason
    return error


_WORDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((socket.gaierror, lower.NameResolutionError), "its host name is unknown"),
    ((lower.ProxyError,), "the proxy refused the connection"),
    (
        (lower.SSLError, requests.exceptions.SSLError),
        "its certificate is not trusted (`network.ca` in matrix.yaml, or BUILDER_CA)",
    ),
    ((ConnectionRefusedError,), "the connection was refused"),
    ((lower.ConnectTimeoutError,), "no answer within {timeout:.0f} s"),
    ((lower.ReadTimeoutError, requests.exceptions.ReadTimeout), "it stopped sending"),
    ((SlowAnswerError,), "it sends too slowly"),
    ((UnencryptedError,), "it redirects from https to an address that is not encrypted"),
    ((lower.IncompleteRead, lower.ProtocolError), "the connection was closed"),
)


def why(error: Exception, timeout: float) -> str:
    """Return the cause of an error in a few words, without URL or password."""
    inside = list(causes(error))
    for kinds, words in _WORDS:
        if any(isinstance(cause, kinds) for cause in inside):
            return words.format(timeout=timeout)
    return type(error).__name__
