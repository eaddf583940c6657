"""Send requests of the OCI distribution API over HTTP, and check the answers.

A registry's answer may be hostile or broken: each is bounded, and each fault has the registry, the
repository and the method in its message. Credentials go to the registry and its realm alone.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import requests
import urllib3

from builder.catalog.models import Network
from builder.common.errors import (
    ConflictError,
    DamagedError,
    NoConnectionError,
    StepError,
    TransientError,
)
from builder.common.limits import MANIFEST, TOKEN, bounded, read_json
from builder.common.mappings import json_object
from builder.common.text import one_line
from builder.network.connections import (
    UNTRUSTED,
    Session,
    UnencryptedError,
    beginning,
    body,
    causes,
    certificate_folders,
    retry_after,
)
from builder.oci.reference import Reference
from builder.registry.authentication import (
    CLIENT,
    Authenticator,
    TokenAnswer,
    TokenRequest,
    challenges,
    log_in,
)
from builder.registry.credentials import CredentialFiles

_E = TypeVar("_E", bound=BaseException)
_LONGEST = 60.0
_HOPS = 5
_LONGEST_TRY = 5.0
_MOVED = {301, 302, 303, 307, 308}
_KEEPS_METHOD = {307, 308}
CREATE = "create the repository first: this registry makes none by a push, as Amazon ECR"
NO_NETWORK = Network()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer of a registry to a request.

    `login` is the file of the credentials it got; `lacking` is a helper that could not be asked.
    """

    method: str
    reference: Reference
    url: str
    code: int
    reason: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    login: str = ""
    lacking: str = ""

    def json(self, expected: str) -> dict[str, Any]:
        """Return the JSON document in it. Raises StepError if it is something else."""
        is_page = "html" in self.headers.get("Content-Type", "") or self.content[
            :200
        ].lstrip().startswith(b"<")
        if is_page:
            raise self._other(f"{self._what} is a web page, not {expected}")
        document = read_json(self.content, len(self.content), self._what, error=self._other)
        if not isinstance(document, dict):
            raise self._other(f"{self._what} is not {expected}")
        return document

    @property
    def _what(self) -> str:
        return f"{self.reference}: what the registry answered to {self.method}"

    def _other(self, message: str) -> StepError:
        """Return the error of an answer that is not what a registry answers."""
        host = self.reference.registry
        hint = f"is {host} a registry? a login page or a proxy may answer for it"
        return StepError(message, hint=hint)


class Distribution:
    """Asks registries by reference; those on loopback in plain HTTP, unless they speak TLS alone.

    For any number of threads. An answer may keep it waiting for `timeout` seconds, and never for
    more than a minute.
    """

    def __init__(
        self,
        *,
        credentials: CredentialFiles,
        network: Network = NO_NETWORK,
        timeout: float = _LONGEST,
    ) -> None:
        self._network = network
        self._timeout = min(timeout, _LONGEST)
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, str], Session] = {}  # by the origin that is asked
        self._probing = threading.Lock()
        self._speak_tls: set[str] = set()  # registries on loopback that take nothing else
        self._login = Authenticator(
            find=credentials.find, fetch=self._token, lacking=lambda: credentials.lacking
        )
        self._credentials = credentials

    def ask(
        self,
        reference: Reference,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        scopes: tuple[str, ...] = (),
    ) -> Answer:
        """Return the answer to a request, whole. Raises TransientError, StepError.

        `path` is below the repository, or a URL. `scopes` are what it needs beside the repository.
        """
        with self.opened(reference, method, path, headers=headers, data=data, scopes=scopes) as (
            answer,
            pieces,
        ):
            what = f"{reference}: what the registry answered to {method}"
            content = b"".join(bounded(pieces, MANIFEST, what))
            return replace(answer, content=answer.content + content)

    @contextlib.contextmanager
    def opened(
        self,
        reference: Reference,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        scopes: tuple[str, ...] = (),
    ) -> Iterator[tuple[Answer, Iterator[bytes]]]:
        """Yield the answer to a request, and its content in pieces, as it was stored.

        The body of an error is in the answer itself.
        """
        needed_scopes = (_scope(reference, method), *scopes)
        reads = method in {"GET", "HEAD"}
        place = reference if reads else self._credentials.written(reference)
        with _explained(reference):
            response, used = self._reached(place, needed_scopes, method, path, headers, data)
            with contextlib.closing(response):
                is_error = response.status_code >= 400
                raw = response.raw
                answer = Answer(
                    method=method,
                    reference=reference,
                    url=response.url,
                    code=response.status_code,
                    reason=response.reason or "",
                    headers=response.headers,
                    content=beginning(raw, TOKEN) if is_error else b"",
                    login=self._login.source(place) if used else "",
                    lacking=self._credentials.lacking,
                )
                yield answer, iter(()) if is_error else body(raw)

    def _reached(
        self,
        reference: Reference,
        scopes: tuple[str, ...],
        method: str,
        path: str,
        headers: Mapping[str, str] | None,
        data: bytes | None,
    ) -> tuple[requests.Response, str]:
        """Return what `_answered` does, with TLS if a registry on loopback accepts nothing else."""
        url = self._url(reference, path)
        try:
            response, login = self._answered(reference, scopes, method, url, headers, data)
            if response.status_code != 400 or not self._turns_to_tls(reference, url):
                return response, login
            response.close()
        except requests.ConnectionError:
            if not self._turns_to_tls(reference, url):
                raise
        return self._answered(reference, scopes, method, self._url(reference, path), headers, data)

    def _turns_to_tls(self, reference: Reference, url: str) -> bool:
        """Whether a request at a URL in plain HTTP is to be repeated with TLS.

        One thread tries it for all. Who it is, its certificate says.
        """
        if not reference.is_loopback or urlsplit(url).scheme == "https":
            return False
        with self._probing:
            if reference.api not in self._speak_tls and _takes_tls(reference.api, self._timeout):
                self._speak_tls.add(reference.api)
            return reference.api in self._speak_tls

    def _origin(self, reference: Reference) -> str:
        is_plain = reference.is_loopback and reference.api not in self._speak_tls
        return f"{'http' if is_plain else 'https'}://{reference.api}"

    def _url(self, reference: Reference, path: str) -> str:
        return urljoin(f"{self._origin(reference)}/v2/{reference.api_repository}/", path)

    def _answered(
        self,
        reference: Reference,
        scopes: tuple[str, ...],
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        data: bytes | None,
    ) -> tuple[requests.Response, str]:
        """Return an open answer, and the authorization of its request. One refusal is answered."""
        is_own = _same_origin(url, self._origin(reference))
        login = self._login.authorization(reference, scopes) if is_own else ""
        response = self._send(method, url, headers=headers, data=data, login=login)
        challenge = response.headers.get("WWW-Authenticate", "")
        # RFC 6750 has 403 for a token that is good for less.
        is_narrow = response.status_code == 403 and "insufficient_scope" in challenge
        if not (response.status_code == 401 or is_narrow):
            return response, login
        if not is_own or not _same_origin(response.url, url):
            return response, login
        again = self._login.renewed_authorization(reference, scopes, challenge, login)
        if not again:
            return response, login
        beginning(response.raw, TOKEN)  # so that its connection can be used again
        response.close()
        return self._send(method, url, headers=headers, data=data, login=again), again

    def _send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None,
        data: bytes | None,
        login: str,
        is_secret: bool = False,
    ) -> requests.Response:
        """Return an answer, open, after the redirects. Raises RequestException, StepError.

        What says who asks goes to the first host alone, and to nobody unencrypted; so does `data`
        that `is_secret`.
        """
        first = url
        for _ in range(_HOPS):
            secret = {"Authorization": login} if login and _same_origin(url, first) else {}
            with _encrypted(first):
                response = self._session(url).request(
                    method,
                    url,
                    headers={**(headers or {}), **secret},
                    data=data,
                    timeout=self._timeout,
                    stream=True,
                    allow_redirects=False,
                )
            redirect = response.headers.get("Location")
            if response.status_code not in _MOVED or not redirect:
                return response
            response.close()
            next_url = resolved(url, redirect)
            if method not in {"GET", "HEAD"} and response.status_code not in _KEEPS_METHOD:
                raise StepError(
                    f"{_host(url)} answers {method} with a redirect to {_host(redirect)}"
                )
            url = next_url
            _check_redirect(first, url, is_secret=is_secret)
        raise StepError(f"{_host(first)} redirects more than {_HOPS} times")

    def _token(self, request: TokenRequest) -> TokenAnswer:
        """Ask a realm for a token."""
        method, headers, data = "GET", {}, None
        if request.form is not None:
            method, headers = "POST", {"Content-Type": "application/x-www-form-urlencoded"}
            data = urlencode(request.form).encode()
        response = self._send(
            method,
            request.url,
            headers=headers,
            data=data,
            login=request.authorization,
            is_secret=request.form is not None,
        )
        with contextlib.closing(response):
            pieces = body(response.raw)
            what = f"the answer of the token server {_host(request.url)}"
            return TokenAnswer(
                code=response.status_code,
                content=b"".join(bounded(pieces, TOKEN, what)),
                after=retry_after(response.headers.get("Retry-After", "")),
            )

    def _session(self, url: str) -> Session:
        """Return the session of an origin, which has its certificates; its connections are kept."""
        origin = _origin_of(url)
        with self._lock:
            if origin not in self._sessions:
                is_https = origin[0] == "https"
                folders = certificate_folders(urlsplit(url).netloc) if is_https else ()
                self._sessions[origin] = Session(self._network, certificates=folders)
                self._sessions[origin].headers["User-Agent"] = CLIENT
            return self._sessions[origin]


@contextlib.contextmanager
def _encrypted(first: str) -> Iterator[None]:
    """Raise the error of a redirect from `first` that leaves TLS as StepError."""
    try:
        yield
    except UnencryptedError as error:
        raise StepError(f"{_host(first)} redirects from https to http, at {error}") from None


def _check_redirect(first: str, url: str, *, is_secret: bool) -> None:
    """Raise StepError where a redirect from `first` would show a secret to others at `url`."""
    if is_secret and not _same_origin(url, first):
        raise StepError(f"{_host(first)} redirects a secret to another host, {_host(url)}")


def resolved(url: str, location: str) -> str:
    """Return where `location` in the answer of `url` leads, used as it is (RFC 3986).

    A registry behind a proxy that ends TLS may not know that it is asked by https: the same host
    is never spoken to unencrypted. Raises StepError where it leads nowhere.
    """
    try:
        target = urlsplit(urljoin(url, location))
        requested = urlsplit(url)
        if target.netloc.lower() == requested.netloc.lower():
            target = target._replace(scheme=requested.scheme)
        has_host = target.hostname and target.port != 0  # `port` raises where it is out of range
        is_valid = target.scheme in {"http", "https"} and has_host and target.username is None
    except ValueError:
        is_valid = False
    if not is_valid:
        raise StepError(f"{_host(url)} answers with an invalid location: {location[:200]!r}")
    return urlunsplit(target)


def own_path(location: str) -> str:
    """Return the path and query of a `location`: what the registry is asked, whoever it names.

    Tags are listed by the registry, whatever it calls itself behind a proxy.
    """
    parts = urlsplit(location)
    return urlunsplit(("", "", parts.path, parts.query, ""))


def check(answer: Answer, subject: str) -> None:
    """Raise the error of an answer to `subject` that is not a success."""
    if answer.code < 400:
        return
    message = f"{subject}: the registry answered {answer.code} {one_line(answer.reason)}".rstrip()
    if answer.code in {401, 403}:
        raise _refused(answer, message)
    if details := _errors(answer.content):
        message += f": {details}"
    if answer.code == 409:
        raise ConflictError(message)
    # What came was not what was sent: plain files mix up what is written at the same time.
    if (
        answer.code == 429
        or answer.code >= 500
        or (answer.code == 400 and "DIGEST_INVALID" in details)
    ):
        raise TransientError(message, after=retry_after(answer.headers.get("Retry-After", "")))
    if answer.code == 404 and answer.method == "GET":
        raise DamagedError(message)  # what names it is there
    is_unknown = "NAME_UNKNOWN" in details and answer.method in {"POST", "PUT", "PATCH"}
    raise StepError(message, hint=CREATE if is_unknown else "")


def _refused(answer: Answer, message: str) -> StepError:
    """Return the error of a request that is refused, with the request and the answer."""
    message += f" to {answer.method} {urlsplit(answer.url).path}"
    header = answer.headers.get("WWW-Authenticate", "")
    for challenge in challenges(header):
        values = {name: one_line(challenge.get(name))[:200] for name in ("error", "scope")}
        challenge_parameters = [f'{name}="{value}"' for name, value in values.items() if value]
        if challenge_parameters:
            message += f" ({', '.join(challenge_parameters)})"
            break
    if details := _errors(answer.content):
        message += f": {details}"
    if not answer.login:
        hint = log_in(answer.reference, answer.lacking)
        return StepError(f"{message}; no credentials were found", hint=hint)
    hint = f"that login may lack the permission: {log_in(answer.reference)}"
    return StepError(f"{message}; with the credentials of {answer.login}", hint=hint)


def _errors(content: bytes) -> str:
    """Return what a body says of an error: as the specification has it, or how its text begins."""
    text = content[:2000].decode(errors="replace")
    try:
        errors = (json_object(content) or {})["errors"]
        messages = [f"{item['code']} {item.get('message') or ''}".strip() for item in errors]
    except (KeyError, TypeError, AttributeError):
        messages = [] if text.lstrip().startswith("<") else [text]
    return one_line("; ".join(messages))[:200]


def short(error: Exception) -> str:
    """Return why a request failed, without the words of the library around it."""
    reason = getattr(error.args[0], "reason", error) if error.args else error
    return str(reason).rsplit(": ", 1)[-1][:200]


@contextlib.contextmanager
def _explained(reference: Reference) -> Iterator[None]:
    """Raise the errors of a connection as TransientError or StepError."""
    registry = reference.registry
    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        if trust := _cause(error, ssl.SSLCertVerificationError):
            raise _untrusted(registry, trust) from error
        is_down = _cause(error, urllib3.exceptions.NewConnectionError) is not None
        kind = NoConnectionError if is_down else TransientError
        hint = "is it up, and is its name right in `catalog.registries`?"
        if reference.is_loopback and _cause(error, ConnectionResetError):
            hint = "is it up, and does it take plain HTTP? on loopback it is asked so"
        raise kind(f"registry {registry} does not answer: {short(error)}", hint=hint) from error


def _untrusted(registry: str, error: ssl.SSLCertVerificationError) -> StepError:
    is_other = "mismatch" in error.verify_message.lower() or "not valid for" in str(error)
    return StepError(
        f"registry {registry}: its certificate is not trusted: {error.verify_message}",
        hint="is its name right in `catalog.registries`?" if is_other else UNTRUSTED,
    )


def _cause(error: BaseException, kind: type[_E]) -> _E | None:
    """Return the cause of an error that is of a kind, or None."""
    return next((cause for cause in causes(error) if isinstance(cause, kind)), None)


def _scope(reference: Reference, method: str) -> str:
    """Return the scope that a request needs; one token is for reading and writing."""
    actions = {"GET": "pull", "HEAD": "pull", "DELETE": "pull,delete"}.get(method, "pull,push")
    return f"repository:{reference.api_repository}:{actions}"


def _takes_tls(host: str, timeout: float) -> bool:
    """Whether a port of this machine accepts TLS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    parts = urlsplit(f"//{host}")
    address = (parts.hostname or "", parts.port or 443)
    try:
        with (
            socket.create_connection(address, timeout=min(timeout, _LONGEST_TRY)) as connection,
            context.wrap_socket(connection, server_hostname=parts.hostname),
        ):
            return True
    except OSError:
        return False


def _origin_of(url: str) -> tuple[str, str]:
    """Return the scheme and the host of a URL, in the one spelling by which they are compared.

    requests gives a host in lower case, however it is written; a port is optional (RFC 3986).
    """
    parts = urlsplit(url)
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return parts.scheme, parts.netloc.lower().removesuffix(usual)


def _same_origin(first: str, second: str) -> bool:
    return _origin_of(first) == _origin_of(second)


def _host(url: str) -> str:
    return urlsplit(url).netloc or "itself"
