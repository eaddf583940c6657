"""The OCI distribution API. oras does the authentication, as `docker login` left it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import requests
from oras.provider import Registry

from builder.errors import ConflictError, StepError, TransientError
from builder.reference import Reference

_LONGEST = 60.0


class _Session(requests.Session):
    """A session whose requests cannot wait for ever."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", self._timeout)
        return super().request(*args, **kwargs)


class Distribution:
    """Asks registries by name; those on loopback in plain HTTP. For any number of threads.

    An answer may keep it waiting for `timeout` seconds, and never for more than a minute.
    """

    def __init__(self, timeout: float = _LONGEST) -> None:
        self._timeout = min(timeout, _LONGEST)
        self._local = threading.local()

    def ask(
        self,
        registry: str,
        repository: str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> requests.Response:
        """The answer to a request below a registry. Raises TransientError, StepError."""
        try:
            client = self._client(registry, repository)
            url = f"{client.prefix}://{registry}{path}"
            # Without the decorator of oras, which would wait for minutes: the scheduler retries.
            response: requests.Response = Registry.do_request.__wrapped__(
                client, url, method, data=data, headers=dict(headers or {})
            )
        except requests.RequestException as error:
            raise TransientError(
                f"registry {registry} does not answer: {short(error)}",
                hint="is it up, and is its name right in `catalog.registries`?",
            ) from error
        except ValueError as error:
            raise StepError(
                f"registry {registry} refuses: {error}", hint=f"run `docker login {registry}`"
            ) from error
        return response

    def _client(self, registry: str, repository: str) -> Registry:
        """A client of this thread for this repository: tokens are per repository."""
        clients: dict[tuple[str, str], Registry] = self._local.__dict__.setdefault("clients", {})
        key = (registry, repository)
        if key not in clients:
            insecure = Reference(registry=registry, repository=repository).is_loopback
            session = _Session(self._timeout)
            answer = session.get(f"{'http' if insecure else 'https'}://{registry}/v2/")
            scheme = answer.headers.get("Www-Authenticate", "").split(" ")[0].lower()
            client = Registry(
                hostname=registry,
                insecure=insecure,
                auth_backend="basic" if scheme == "basic" else "token",
            )
            client.session = client.auth.session = session
            container = client.get_container(f"{registry}/{repository}:latest")
            client.auth.load_configs(container)
            if scheme == "basic" and not getattr(client.auth, "_basic_auth", ""):
                raise ValueError("it wants a name and a password, and there are none")
            clients[key] = client
        return clients[key]


def check(response: requests.Response, what: str) -> None:
    """Raise what an answer of a registry to `what` means, if it is no success."""
    code = response.status_code
    if code < 400:
        return
    message = f"{what}: the registry answered {code} {response.reason}"
    if code in {401, 403}:
        raise StepError(message, hint="are you logged in, with the right to push?")
    if code == 409:
        raise ConflictError(message)
    # What came was not what was sent: plain files mix up what is written at the same time.
    if code == 429 or code >= 500 or (code == 400 and "DIGEST_INVALID" in response.text):
        raise TransientError(message, after=_after(response))
    raise StepError(f"{message}: {response.text[:200]}")


def _after(response: requests.Response) -> float:
    """The seconds that a registry asks one to wait, a minute at most; 0 where it does not say."""
    said = response.headers.get("Retry-After", "")
    return min(float(said), _LONGEST) if said.isdecimal() else 0.0


def short(error: requests.RequestException) -> str:
    """Why a request failed, without what a library says around it."""
    reason = getattr(error.args[0], "reason", error) if error.args else error
    return str(reason).rsplit(": ", 1)[-1][:200]
