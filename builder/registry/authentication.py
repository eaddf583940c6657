"""Authenticate to registries: parse their challenges, and fetch the tokens that answer them.

A token is good for the actions of its scope and for a time: it is kept by its realm, service and
scope, and asked for anew when it ends. The distribution specification has it so ("Token
Authentication", RFC 6750 and RFC 7235 for the form of a challenge).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from builder.common.errors import StepError, TransientError
from builder.common.mappings import json_object
from builder.oci.reference import Reference, is_loopback
from builder.registry.credentials import Credentials

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_PART = re.compile(
    rf"[\s,]*(?:(?P<key>{_TOKEN})\s*=\s*(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<plain>[^\s,\"]+))"
    rf"|(?P<scheme>{_TOKEN})(?:[ \t]+[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$)))?)"
)
_LONGEST = 8192
_SECONDS = 60.0  # the life of a token that does not say its own, or says that it has none
_MARGIN = 10.0
CLIENT = "catalog-builder"


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """A challenge of a registry: its scheme, and its parameters by name; names in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Return a parameter, or ""."""
        return self.parameters.get(name, "")


def challenges(header: str) -> tuple[Challenge, ...]:
    """Return the challenges of a header `WWW-Authenticate`, or of several, joined by commas."""
    schemes: list[tuple[str, dict[str, str]]] = []
    position = 0
    while match := _PART.match(header[:_LONGEST], position):
        position = match.end()
        if match["scheme"]:
            schemes.append((match["scheme"].lower(), {}))
        elif schemes:
            quoted = match["quoted"]
            value = match["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            schemes[-1][1].setdefault(match["key"].lower(), value)
    return tuple(Challenge(scheme=scheme, parameters=values) for scheme, values in schemes)


def merged(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes with the actions of each resource together: `repository:name:pull,push`."""
    actions: dict[str, dict[str, None]] = {}
    for scope in scopes:
        resource, _, names = scope.rpartition(":")
        if resource:
            actions.setdefault(resource, {}).update(dict.fromkeys(names.split(",")))
    return tuple(f"{resource}:{','.join(names)}" for resource, names in actions.items())


def covers(scopes: Iterable[str], needed: Iterable[str]) -> bool:
    """Whether other scopes contain all actions of the scopes that are needed."""
    return _actions(needed) <= _actions(scopes)


def _actions(scopes: Iterable[str]) -> set[tuple[str, str]]:
    parts = (scope.rpartition(":") for scope in scopes)
    return {(resource, name) for resource, _, names in parts for name in names.split(",")}


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """A request for a token: a POST of `form` if there is one, else a GET."""

    url: str
    authorization: str = ""
    form: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class _Token:
    value: str
    scopes: tuple[str, ...]
    begin: float
    end: float


@dataclass(frozen=True, kw_only=True)
class TokenAnswer:
    """The answer of a realm. `after` are the seconds that it asks to wait, or 0."""

    code: int
    content: bytes
    after: float = 0.0


Fetch = Callable[[TokenRequest], TokenAnswer]
"""Asks a realm. Raises TransientError, StepError."""


class Authenticator:
    """The challenges and tokens of registries. Safe for any number of threads."""

    def __init__(
        self,
        *,
        find: Callable[[Reference], Credentials | None],
        fetch: Fetch,
        lacking: Callable[[], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._fetch = fetch
        self._lacking = lacking
        self._clock = clock
        self._lock = threading.Lock()
        self._fetch_locks: dict[tuple[str, str], threading.Lock] = {}
        self._challenges: dict[str, Challenge] = {}  # by registry, as it last asked
        self._needed_scopes: dict[
            tuple[str, ...], tuple[str, ...]
        ] = {}  # scopes, as a registry wants them
        self._tokens: dict[tuple[str, str], list[_Token]] = {}  # by registry and repository

    def source(self, reference: Reference) -> str:
        """Return the file with the credentials of a registry, or ""."""
        credentials = self._find(reference)
        return credentials.source if credentials else ""

    def authorization(self, reference: Reference, scopes: Collection[str]) -> str:
        """Return the header for a request, as the registry asked before; "" where it did not."""
        challenge = self._challenges.get(reference.registry)
        if challenge is None:
            return ""
        if challenge.scheme == "basic":
            credentials = self._find(reference)
            return f"Basic {credentials.basic}" if credentials and credentials.user else ""
        return self._bearer(
            reference, challenge, self._needed_scopes.get(tuple(scopes), tuple(scopes))
        )

    def renewed_authorization(
        self, reference: Reference, scopes: Collection[str], header: str, refused: str
    ) -> str:
        """Return the header for another try after 401; nothing where there is no other.

        `refused` is the one that the registry did not accept. Raises StepError, TransientError.
        """
        challenge = _chosen(challenges(header), reference)
        if challenge is None:
            return ""
        if challenge.scheme == "basic":
            self._challenges[reference.registry] = challenge
            authorization = self.authorization(reference, scopes)
            return "" if authorization == refused else authorization
        needed_scopes = merged([*scopes, *challenge.get("scope").split()])
        with self._lock:
            self._challenges[reference.registry] = challenge
            self._needed_scopes[tuple(scopes)] = needed_scopes
            self._forget((reference.registry, reference.api_repository), refused)
        return self._bearer(reference, challenge, needed_scopes)

    def _forget(self, key: tuple[str, str], used: str) -> None:
        """Drop a token that was refused, and those that are as old: they will be refused too."""
        tokens = self._tokens.get(key, [])
        for refused in [token for token in tokens if f"Bearer {token.value}" == used]:
            self._tokens[key] = [token for token in tokens if token.begin > refused.begin]

    def _bearer(self, reference: Reference, challenge: Challenge, scopes: tuple[str, ...]) -> str:
        """Return a token that is good for the scopes; one thread fetches it for all that wait."""
        key = (reference.registry, reference.api_repository)
        with self._lock:
            fetch_lock = self._fetch_locks.setdefault(key, threading.Lock())
        with fetch_lock:
            now = self._clock()
            with self._lock:
                valid_tokens = [token for token in self._tokens.get(key, []) if token.end > now]
            # The newest: where that one is refused, so are the others.
            fitting = (token for token in reversed(valid_tokens) if covers(token.scopes, scopes))
            token = next(fitting, None)
            if token is None:
                token = self._fetched(reference, challenge, scopes)
                with self._lock:
                    self._tokens[key] = [*valid_tokens, token]
        return f"Bearer {token.value}"

    def _fetched(
        self, reference: Reference, challenge: Challenge, scopes: tuple[str, ...]
    ) -> _Token:
        requested_at = self._clock()
        credentials = self._find(reference)
        response = self._fetch(token_request(challenge, scopes, credentials))
        code = response.code
        realm = urlsplit(challenge.get("realm")).netloc
        if code in {401, 403}:
            message = f"{realm} refuses a token for {' '.join(scopes)} ({code})"
            raise refusal(reference, message, credentials, self._lacking())
        if code == 429 or code >= 500:
            message = f"registry {reference.registry}: {realm} answered {code}"
            raise TransientError(message, after=response.after)
        answer = json_object(response.content) or {}
        value = answer.get("token") or answer.get("access_token")
        try:
            lifetime = float(answer.get("expires_in", _SECONDS))
        except (ValueError, TypeError, OverflowError):
            value, lifetime = None, 0.0
        if code >= 400 or not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]+", value):
            raise StepError(
                f"registry {reference.registry}: {realm} answers ({code}) without a token"
            )
        lifetime = lifetime if lifetime >= 1 else _SECONDS
        end = requested_at + lifetime - min(_MARGIN, lifetime / 4)
        return _Token(value=value, scopes=scopes, begin=requested_at, end=end)


def token_request(
    challenge: Challenge, scopes: tuple[str, ...], credentials: Credentials | None
) -> TokenRequest:
    """Return the request for a token, with credentials or without any."""
    service = {"service": challenge.get("service")} if challenge.get("service") else {}
    realm = challenge.get("realm")
    if credentials and credentials.identity_token:
        form = {
            "grant_type": "refresh_token",
            **service,
            "client_id": CLIENT,
            "scope": " ".join(scopes),
            "refresh_token": credentials.identity_token,
        }
        return TokenRequest(url=realm, form=form)
    account = {"account": credentials.user} if credentials else {}
    query = urlencode([*service.items(), *account.items(), *(("scope", scope) for scope in scopes)])
    separator = "&" if urlsplit(realm).query else "?"
    authorization = f"Basic {credentials.basic}" if credentials else ""
    return TokenRequest(url=f"{realm}{separator}{query}", authorization=authorization)


def refusal(
    reference: Reference, message: str, credentials: Credentials | None, lacking: str = ""
) -> StepError:
    """Return the error of a refused request; it names the credentials that were used."""
    login = (
        f"with the credentials of {credentials.source}"
        if credentials
        else "no credentials were found"
    )
    hint = log_in(reference, "" if credentials else lacking)
    return StepError(f"registry {reference.registry}: {message}; {login}", hint=hint)


def log_in(reference: Reference, lacking: str = "") -> str:
    """Return the hint of how to log in; `lacking` is a helper that is not installed."""
    host = reference.registry
    instructions = f"log in: `podman login {host}`, `skopeo login {host}` or `docker login {host}`"
    return f"{lacking}: install it, or {instructions}" if lacking else instructions


def _chosen(challenges: Collection[Challenge], reference: Reference) -> Challenge | None:
    """Return the challenge to answer: a bearer before a basic one. Raises StepError."""
    for scheme in ("bearer", "basic"):
        for challenge in challenges:
            if challenge.scheme == scheme:
                if scheme == "bearer":
                    _check_realm(challenge.get("realm"), reference)
                return challenge
    if challenges:
        schemes = ", ".join(challenge.scheme for challenge in challenges)
        raise StepError(
            f"registry {reference.registry} asks for an unsupported authentication"
            f" scheme: {schemes}",
            hint="Basic and Bearer are supported",
        )
    return None


def _check_realm(realm: str, reference: Reference) -> None:
    """Raise StepError if a password would go to no host, or unencrypted over the network."""
    try:
        parts = urlsplit(realm)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    is_private = parts.scheme == "https" or (
        parts.scheme == "http" and reference.is_loopback and is_loopback(host)
    )
    if not host or not is_private or parts.username is not None:
        raise StepError(
            f"registry {reference.registry} names a token server that is not safe for credentials:"
            f" {realm[:200]!r}",
            hint="it must be an https URL",
        )
