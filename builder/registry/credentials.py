"""Find credentials where podman, skopeo and Docker keep them.

The files are looked at in the order of containers-auth.json(5); the first that has an entry for a
repository, or for what is above it, counts. No secret is in a message; the file's name is.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from builder.common.errors import ConfigError, Location, StepError, ToolError
from builder.common.mappings import json_object
from builder.common.process import Command, Runner, ended
from builder.oci.reference import Reference, hub_name

_HUB = ("https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io")
_LARGEST = 4 << 20
_NO_USER = "00000000-0000-0000-0000-000000000000"  # as Docker has it beside an identity token
_TOKEN_USER = "<token>"  # what a helper calls an identity token's user
_MISSING = "credentials not found"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A name and a password, or an identity token; `source` is the file that has them."""

    source: str
    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """Return the value of a header of basic authentication, without its scheme."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, kw_only=True)
class WriteAccess:
    """The address at which a registry takes what is written, and the credentials for it."""

    address: str
    credentials: Credentials


class CredentialFiles:
    """The credential files of one environment, each read once. Safe for any number of threads.

    `write_access` knows the registries that are written at another address than references name.
    """

    def __init__(
        self,
        *,
        runner: Runner,
        environment: Mapping[str, str] | None = None,
        write_access: Callable[[str], WriteAccess | None] = lambda registry: None,
    ) -> None:
        self._runner = runner
        self._environment = os.environ if environment is None else environment
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Credentials | None] = {}
        self._write_access = write_access
        self._own: dict[str, Credentials] = {}  # by the address that is written
        self._lacking = ""

    @property
    def lacking(self) -> str:
        """Return a missing helper of all registries and the file that names it, or ""."""
        with self._lock:
            return self._lacking

    def find(self, reference: Reference) -> Credentials | None:
        """Return the credentials of a repository. Raises ConfigError, StepError, ToolError."""
        key = (reference.registry, reference.api_repository)
        with self._lock:
            if own := self._own.get(reference.registry):
                return own
            if key not in self._known:
                self._known[key] = self._find(reference)
            return self._known[key]

    def written(self, reference: Reference) -> Reference:
        """Return the reference by which something is written; `find` has its credentials."""
        access = self._write_access(reference.registry)
        if access is None:
            return reference
        with self._lock:
            self._own[access.address] = access.credentials
        return replace(reference, registry=access.address)

    @contextlib.contextmanager
    def shared(self, references: Sequence[Reference]) -> Iterator[tuple[str, ...]]:
        """Yield options that give skopeo the same credentials; their file lasts for this block."""
        entries: dict[str, object] = {}
        for reference in references:
            if credentials := self.find(reference):
                for registry in {reference.registry, hub_name(reference.registry)}:
                    entries[f"{registry}/{reference.api_repository}"] = _entry(credentials)
        if not entries:
            yield ()
            return
        with tempfile.TemporaryDirectory(prefix="builder-login-") as folder:
            file = Path(folder) / "auth.json"
            file.touch(0o600)
            file.write_text(json.dumps({"auths": entries}))
            yield ("--authfile", str(file))

    def _find(self, reference: Reference) -> Credentials | None:
        for file in self._files():
            content = _read(file)
            if content is not None and (credentials := self._in_file(file, content, reference)):
                return credentials
        return None

    def _files(self) -> list[Path]:
        """Return the files where credentials may be, in the order in which they count."""
        get = self._environment.get
        home = Path(get("HOME") or Path.home())
        below = Path("containers") / "auth.json"
        auth_file = get("REGISTRY_AUTH_FILE", "")
        runtime = get("XDG_RUNTIME_DIR") or f"/run/containers/{os.geteuid()}"
        at_runtime = below if get("XDG_RUNTIME_DIR") else Path("auth.json")
        return [
            *([Path(auth_file)] if auth_file else []),
            Path(runtime) / at_runtime,
            Path(get("XDG_CONFIG_HOME") or home / ".config") / below,
            Path(get("DOCKER_CONFIG") or home / ".docker") / "config.json",
            home / ".dockercfg",
        ]

    def _in_file(
        self, file: Path, content: Mapping[str, Any], reference: Reference
    ) -> Credentials | None:
        """Look for a helper of the registry, then an entry, then the helper of all registries."""
        is_hub = hub_name(reference.registry) != reference.registry or reference.registry in _HUB
        names = _HUB if is_hub else (reference.registry, f"https://{reference.registry}")
        helpers = _mapping(content, "credHelpers", file)
        for name in names:
            if helper := helpers.get(name):
                return self._from_helper(str(helper), names, file)
        # The oldest file is a table of entries itself.
        is_oldest = file.name == ".dockercfg"
        entries = content if is_oldest else _mapping(content, "auths", file)
        if (credentials := _from_entries(entries, reference, file)) is not None:
            return credentials
        store = content.get("credsStore")
        if not store or is_oldest:
            return None
        try:
            return self._from_helper(str(store), names, file)
        except ToolError as error:
            # What another machine or a desktop left must not bar registries that want no login.
            self._lacking = f"{error.message}, which {file} names"
            return None

    def _from_helper(self, helper: str, names: Sequence[str], file: Path) -> Credentials | None:
        """Ask a program `docker-credential-…` for the registry by each of its names."""
        if re.fullmatch(r"[A-Za-z0-9._-]+", helper) is None:
            raise ConfigError(
                f"not the name of a credential helper: {helper!r}", location=_at(file)
            )
        program = f"docker-credential-{helper}"
        for name in names:
            command = Command(argv=(program, "get"), stdin=name.encode(), timeout=30)
            try:
                output = self._runner.run(command, check=False)
            except ToolError as error:
                hint = f"{file} names it: install it, or log in without it"
                raise ToolError(error.message, hint=hint) from error
            if output.code == 0:
                return _from_answer(output.stdout, program, file)
            if _MISSING not in output.log.lower():
                # One that waits for somebody to type a password is ended.
                how = ended(output.code) if output.code < 0 else f"ended with {output.code}"
                raise StepError(
                    f"{program} returns no credentials for {name}: it {how}",
                    hint=f"{file} names it: log in again, or run `{program} list`",
                )
        return None


def _read(file: Path) -> Mapping[str, Any] | None:
    """Return the content of a file of credentials, or None if there is none."""
    try:
        if not file.is_file():
            return None
        with file.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"the credentials cannot be read: {error.strerror}", location=_at(file)
        ) from error
    try:
        content = json.loads(data) if data.strip() else {}
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            "the credentials cannot be read: it is not JSON",
            hint="mend it, or remove it and log in again",
            location=_at(file),
        ) from error
    if not isinstance(content, dict):
        raise ConfigError("the credentials cannot be read: not a JSON object", location=_at(file))
    return content


def _from_entries(
    entries: Mapping[str, Any], reference: Reference, file: Path
) -> Credentials | None:
    """Return the entry of the repository, or of the nearest above it, else of the registry."""
    registry = hub_name(reference.registry)
    parts = reference.api_repository.split("/")
    above = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    hosts = {reference.registry: None, registry: None}
    keys = [f"{host}/{path}" for path in above for host in hosts] + list(hosts)
    keys += [key for key in entries if hub_name(_host(key)) == registry]
    for key in keys:
        if credentials := _from_entry(entries.get(key), key, file):
            return credentials
    return None


def _host(key: str) -> str:
    """Return the registry that a key of an older client means; "" where it names a repository."""
    scheme, separator, rest = key.rpartition("://")
    host, _, path = rest.partition("/")
    is_api = path.strip("/") in {"", "v1", "v2"}
    return host if is_api or (separator and scheme) else ""


def _from_entry(entry: object, key: str, file: Path) -> Credentials | None:
    """Return the credentials of an entry; None if they are elsewhere, as with a helper."""
    if not isinstance(entry, dict):
        return None
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if auth := entry.get("auth"):
        try:
            text = base64.b64decode(str(auth), validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise ConfigError(
                f"the entry of {key} is damaged", hint="log in again", location=_at(file)
            ) from error
        user, _, password = text.partition(":")
    credentials = Credentials(
        source=str(file),
        user=user,
        password=password.strip("\0"),
        identity_token=str(entry.get("identitytoken") or ""),
    )
    return (
        credentials
        if credentials.identity_token or (credentials.user and credentials.password)
        else None
    )


def _from_answer(text: str, program: str, file: Path) -> Credentials:
    """Return the credentials in the answer of a helper."""
    try:
        answer = json_object(text) or {}
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except KeyError as error:
        raise StepError(
            f"{program} printed no valid credentials", hint=f"{file} names it"
        ) from error
    source = f"{file} ({program})"
    if user == _TOKEN_USER:
        return Credentials(source=source, identity_token=secret)
    return Credentials(source=source, user=user, password=secret)


def _entry(credentials: Credentials) -> dict[str, str]:
    """Return credentials as a file has them."""
    if credentials.identity_token:
        user = base64.b64encode(f"{credentials.user or _NO_USER}:".encode()).decode()
        return {"auth": user, "identitytoken": credentials.identity_token}
    return {"auth": credentials.basic}


def _mapping(content: Mapping[str, Any], key: str, file: Path) -> Mapping[str, Any]:
    value = content.get(key) or {}
    if not isinstance(value, dict):
        raise ConfigError(f"{key} is not a JSON object", location=_at(file))
    return value


def _at(file: Path) -> Location:
    return Location(file=str(file))
