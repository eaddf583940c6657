"""How this machine itself reaches the network: whom it trusts, and which proxy it asks.

What a build is given is in `build_env`. A connection trusts what the machine trusts and the
catalog's own CA beside it, so that a private registry and a public one are reached in one run.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util import Retry

from builder.catalog.models import Network
from builder.common.errors import ConfigError, Location
from builder.common.files import write
from builder.network.build_env import BUNDLES, proxies
from builder.oci.reference import is_loopback

"""The file, below a run's own folder, of what its programs trust."""
_THIS_MACHINE = "localhost,127.0.0.1,::1"
UNTRUSTED = "name the file of its CA: `network.ca` in matrix.yaml, or BUILDER_CA"
"""The hint of a certificate that nobody signed whom this machine trusts."""
LONGEST_WAIT = 60.0
"""The seconds that an answer may have one wait before another try."""
LARGEST_FILE = 64 << 30
"""The bytes of a file or a layer: what is longer is taken for one that does not end."""
_LARGEST_REDIRECT = 64 << 10


def retry_after(header: str) -> float:
    """Return the seconds that `Retry-After` asks for, `LONGEST_WAIT` at most; 0: it says none."""
    try:
        seconds = Retry().parse_retry_after(header)
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return 0.0
    return min(seconds, LONGEST_WAIT)


class BoundedRetry(Retry):
    """Asks again as urllib3 does, which would wait for hours where a host says so."""

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float:
        """Return the seconds that an answer asks for, as `retry_after` has them."""
        return retry_after(response.headers.get("Retry-After", ""))


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what is inside of it, the outermost first."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, BaseException) and item not in seen:
            seen.append(item)
            yield item
            waiting += [getattr(item, "reason", None), item.__cause__, *item.args]


class Session(requests.Session):
    """A session that trusts what `network` says, and `certificates` for its one host.

    Nothing is read from the environment: that is in `network` already. No cookie is kept. For any
    number of threads.
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
        self.adapters.pop("https://")  # it is made when it is needed, as it reads a few files

    def get_adapter(self, url: str) -> Any:
        """Return the adapter of a URL; the one of https knows the certificates."""
        with self._mounting:
            if url.lower().startswith("https:") and "https://" not in self.adapters:
                context = tls_context(self._network, self._certificates)
                self.mount("https://", _Adapter(context, max_retries=self._retry))
            return super().get_adapter(url)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where an answer leads, or None where that is no URL: then it leads nowhere.

        requests would read all that such an answer has to say, which may never end.
        """
        target = super().get_redirect_target(resp)
        if target is None:
            return None
        resp.raw.read(_LARGEST_REDIRECT, decode_content=False)
        resp.close()
        try:
            urlsplit(urljoin(resp.url, target)).port  # noqa: B018 - it raises where it is none
        except ValueError:
            return None
        return target

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Return the settings of a request: by the proxy of its URL."""
        proxies = proxy_for(self._network, str(url))
        return super().merge_environment_settings(url, proxies, stream, verify, cert)

    def rebuild_proxies(self, prepared_request: Any, proxies: Any) -> Any:
        """After a redirect: the proxy of where it leads."""
        proxies = proxy_for(self._network, prepared_request.url)
        rebuild: Any = super().rebuild_proxies
        return rebuild(prepared_request, proxies)


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
    """Return what https is spoken with. Raises ConfigError where `network.ca` cannot be read.

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
    """Add the CAs of a file, or of a folder of them."""
    try:
        if Path(path).is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(
            f"the certificates that are to be trusted cannot be read: {reason}",
            hint="`network.ca`, BUILDER_CA or a variable such as SSL_CERT_FILE names it",
            location=Location(file=path),
        ) from error


def _load_folder(context: ssl.SSLContext, folder: Path) -> None:
    """Add the CAs of a folder, and the certificate by which a client shows who it is."""
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
    if is_loopback(host) or any(_is_exempt(host, port, item) for item in exempt):
        return {}
    proxy = {"http": network.proxy.http, "https": network.proxy.https}.get(parts.scheme)
    return {parts.scheme: proxy} if proxy else {}


def _is_exempt(host: str, port: int, item: str) -> bool:
    """Return whether an item of NO_PROXY is about a host: `*`, a network, a name (and port).

    A name stands for all names below it, as curl, Go and Python have it.
    """
    if item == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(item, strict=False)
    except ValueError:
        pass  # one of them is a name
    name, colon, number = item.rpartition(":")
    if colon and number.isdecimal():
        if int(number) != port:
            return False
        item = name
    item = item.lstrip("*").lstrip(".").strip("[]")
    return bool(item) and (host == item or host.endswith(f".{item}"))


def program_environment(network: Network, bundle: Path) -> dict[str, str]:
    """Return what skopeo, podman, helm and git are told of proxies and certificates.

    None of them asks a proxy for this machine itself. Where the catalog has a CA of its own it is
    written to `bundle` together with what the machine trusts, as they take one file alone.
    """
    direct = ",".join(filter(None, (network.proxy.none, _THIS_MACHINE)))
    variables = proxies(replace(network, proxy=replace(network.proxy, none=direct)))
    if not network.proxy.http and not network.proxy.https:
        variables = {}
    own = [path for path in (network.ca, *network.trust) if path not in BUNDLES]
    files = [Path(path) for path in dict.fromkeys(own) if Path(path).is_file()]
    if files:
        system = [path for path in map(Path, BUNDLES) if path.is_file()][:1]
        text = b"\n".join(path.read_bytes() for path in (*system, *files))
        write(bundle, text)
        variables |= {"SSL_CERT_FILE": str(bundle), "GIT_SSL_CAINFO": str(bundle)}
    return variables


def certificate_folders(registry: str) -> tuple[Path, ...]:
    """Return where containers' clients and Docker keep the certificates of one registry."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    folders = (Path(home) / "containers", Path("/etc/containers"), Path("/etc/docker"))
    places = (folder / "certs.d" / registry for folder in folders)
    return tuple(folder for folder in places if folder.is_dir())
