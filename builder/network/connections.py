"""Connections of the builder itself: which certificates they trust, and which proxy they use.

The settings of builds are in `build_env`. A connection trusts the machine's certificates and the
catalog's own CA, so that one run can reach a private registry and a public one.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util import Retry

from builder.catalog.models import Network
from builder.common.errors import ConfigError, Location
from builder.common.files import write
from builder.common.limits import ANSWER_PATIENCE, ANSWER_RATE
from builder.network.build_env import BUNDLES, proxies
from builder.oci.reference import is_loopback

_THIS_MACHINE = "localhost,127.0.0.1,::1"
UNTRUSTED = "name the file of its CA: `network.ca` in matrix.yaml, or BUILDER_CA"
"""The hint for a certificate whose CA this machine does not trust."""
LONGEST_WAIT = 60.0
"""The largest number of seconds that is waited where an answer asks for a pause."""
_LARGEST_REDIRECT = 64 << 10
_PIECE = 1 << 20


class SlowAnswerError(urllib3.exceptions.HTTPError):
    """The body of an answer comes so slowly that it may never end."""


class UnencryptedError(requests.RequestException):
    """An answer over TLS redirects to a host (the message) that is not spoken to over TLS.

    Everybody on the way there could change what comes.
    """


def body(
    raw: Any, *, patience: float = ANSWER_PATIENCE, rate: float = ANSWER_RATE
) -> Iterator[bytes]:
    """Yield the body of an answer as it comes, not decoded.

    Raises SlowAnswerError where waiting for it took more than `patience` seconds, and a second for
    each `rate` bytes. A time limit for each read is none for a body that comes byte by byte.
    """
    waited, size = 0.0, 0
    while True:
        start = time.monotonic()
        piece = raw.read1(_PIECE, decode_content=False)
        waited += time.monotonic() - start
        size += len(piece or b"")
        if waited > patience + size / rate:
            raise SlowAnswerError(f"{size} bytes in {waited:.0f} s")
        if not piece:
            return
        yield piece


def beginning(raw: Any, size: int) -> bytes:
    """Return at most `size` bytes of the body of an answer, as `body` does."""
    read = b""
    for piece in body(raw):
        read += piece
        if len(read) >= size:
            break
    return read[:size]


def retry_after(header: str) -> float:
    """Return the seconds that `Retry-After` asks for, at most `LONGEST_WAIT`, or 0 without any."""
    try:
        seconds = Retry().parse_retry_after(header)
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return 0.0
    return min(seconds, LONGEST_WAIT)


class BoundedRetry(Retry):
    """Retries as urllib3 does, but never waits longer than `LONGEST_WAIT`."""

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float:
        """Return the seconds that an answer asks for, as `retry_after` has them."""
        return retry_after(response.headers.get("Retry-After", ""))


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, the outermost first."""
    seen: list[BaseException] = []
    queue: list[object] = [error]
    while queue:
        candidate = queue.pop(0)
        if isinstance(candidate, BaseException) and candidate not in seen:
            seen.append(candidate)
            yield candidate
            queue += [getattr(candidate, "reason", None), candidate.__cause__, *candidate.args]


class Session(requests.Session):
    """A session that trusts the certificates of `network`, and `certificates` for its one host.

    It reads nothing from the environment, whose settings are in `network` already. It keeps no
    cookies. Several threads may use it.
    """

    def __init__(
        self, network: Network, *, retry: Retry | None = None, certificates: Iterable[Path] = ()
    ) -> None:
        super().__init__()
        self._network = network
        self._retry = retry or Retry(total=0, read=False, raise_on_status=False)
        self._certificates = tuple(certificates)
        self._mounting = threading.Lock()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers["Accept-Encoding"] = "identity"
        self.mount("http://", HTTPAdapter(max_retries=self._retry))
        self.adapters.pop("https://")  # `get_adapter` makes it on first use: it reads a few files

    def get_adapter(self, url: str) -> Any:
        """Return the adapter of a URL; the one of https knows the certificates."""
        with self._mounting:
            if url.lower().startswith("https:") and "https://" not in self.adapters:
                context = tls_context(self._network, self._certificates)
                self.mount("https://", _Adapter(context, max_retries=self._retry))
            return super().get_adapter(url)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return the URL to which an answer redirects, or None where it is not a URL.

        requests would read the whole body of such an answer, which may never end.
        """
        target = super().get_redirect_target(resp)
        if target is None:
            return None
        beginning(resp.raw, _LARGEST_REDIRECT)
        resp.close()
        try:
            return _encrypted(resp.url, target)
        except ValueError:
            return None

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Return the settings of a request, with the proxy of its URL."""
        proxies = proxy_for(self._network, str(url))
        return super().merge_environment_settings(url, proxies, stream, verify, cert)

    def rebuild_proxies(self, prepared_request: Any, proxies: Any) -> Any:
        """Return the proxies of a request after a redirect, those of its new URL."""
        proxies = proxy_for(self._network, prepared_request.url)
        rebuild: Any = super().rebuild_proxies
        return rebuild(prepared_request, proxies)


def _encrypted(url: str, target: str) -> str:
    """Return where an answer redirects to. Raises ValueError, UnencryptedError.

    A server behind a proxy that ends TLS may not know that it is asked by https: the same host is
    never spoken to unencrypted.
    """
    asked, wanted = urlsplit(url), urlsplit(urljoin(url, target))
    wanted.port  # noqa: B018 - it raises where it is none
    if asked.scheme != "https" or wanted.scheme == "https":
        return target
    if wanted.netloc.lower() != asked.netloc.lower():
        raise UnencryptedError(wanted.netloc)
    return urlunsplit(wanted._replace(scheme="https"))


class _Adapter(HTTPAdapter):
    """An adapter whose connections use one TLS context, through proxies too."""

    def __init__(self, context: ssl.SSLContext, **options: Any) -> None:
        self._context = context
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(
            proxy, ssl_context=self._context, proxy_ssl_context=self._context, **options
        )

    def cert_verify(self, *_arguments: Any) -> None:
        """Do nothing: the TLS context holds all certificates."""


def tls_context(network: Network, certificates: Iterable[Path] = ()) -> ssl.SSLContext:
    """Return the TLS context for https. Raises ConfigError where `network.ca` cannot be read.

    `certificates` are folders of certificates for one registry, as containers-certs.d(5) has them.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_default_verify_paths()  # with SSL_CERT_FILE and SSL_CERT_DIR
    system = [file for file in BUNDLES if Path(file).is_file()]
    for file in system or [DEFAULT_CA_BUNDLE_PATH]:
        context.load_verify_locations(cafile=file)
    for path in dict.fromkeys((network.ca, *network.trust)):
        if path and path not in system:
            _load(context, path)
    for folder in certificates:
        _load_folder(context, folder)
    return context


def _load(context: ssl.SSLContext, path: str) -> None:
    """Trust the CAs in a file or a folder."""
    try:
        if Path(path).is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        reason = (
            "the file contains no certificate"
            if isinstance(error, ssl.SSLError)
            else error.strerror
        )
        raise ConfigError(
            f"the trusted certificates cannot be read: {reason}",
            hint="correct `network.ca`, BUILDER_CA or SSL_CERT_FILE, whichever names this file",
            location=Location(file=path),
        ) from error


def _load_folder(context: ssl.SSLContext, folder: Path) -> None:
    """Trust the CAs in a folder, and load the client certificate there."""
    try:
        for file in sorted(folder.glob("*.crt")):
            context.load_verify_locations(cafile=file)
        for file in sorted(folder.glob("*.cert")):
            context.load_cert_chain(file, file.with_suffix(".key"))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"the certificates of a registry cannot be read: {error}",
            location=Location(file=str(folder)),
        ) from error


def proxy_for(network: Network, url: str) -> dict[str, str]:
    """Return the proxy of a URL by its scheme, as requests takes it; none for this machine."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    exempt = network.proxy.none.replace(",", " ").lower().split()
    if is_loopback(host) or any(_is_exempt(host, port, entry) for entry in exempt):
        return {}
    proxy = {"http": network.proxy.http, "https": network.proxy.https}.get(parts.scheme)
    return {parts.scheme: proxy} if proxy else {}


def _is_exempt(host: str, port: int, entry: str) -> bool:
    """Return whether an item of NO_PROXY is about a host: `*`, a network, a name (and port).

    A name stands for all names below it, as curl, Go and Python have it.
    """
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        pass  # one of them is a name
    name, colon, number = entry.rpartition(":")
    if colon and number.isdecimal():
        if int(number) != port:
            return False
        entry = name
    entry = entry.lstrip("*").lstrip(".").strip("[]")
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))


def program_environment(network: Network, bundle: Path) -> dict[str, str]:
    """Return the proxy and certificate variables for skopeo, podman, helm and git.

    No proxy is used for this machine itself. These programs take a single file of certificates:
    where the catalog has a CA of its own, `bundle` gets it together with the machine's.
    """
    direct = ",".join(filter(None, (network.proxy.none, _THIS_MACHINE)))
    variables = proxies(replace(network, proxy=replace(network.proxy, none=direct)))
    if not network.proxy.http and not network.proxy.https:
        variables = {}
    certificates = [path for path in (network.ca, *network.trust) if path not in BUNDLES]
    files = [Path(path) for path in dict.fromkeys(certificates) if Path(path).is_file()]
    if files:
        system = [path for path in map(Path, BUNDLES) if path.is_file()][:1]
        text = b"\n".join(path.read_bytes() for path in (*system, *files))
        write(bundle, text)
        variables |= {"SSL_CERT_FILE": str(bundle), "GIT_SSL_CAINFO": str(bundle)}
    return variables


def certificate_folders(registry: str) -> tuple[Path, ...]:
    """Return the folders in which podman, skopeo and Docker keep the certificates of a registry."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    folders = (Path(home) / "containers", Path("/etc/containers"), Path("/etc/docker"))
    candidates = (folder / "certs.d" / registry for folder in folders)
    return tuple(folder for folder in candidates if folder.is_dir())
