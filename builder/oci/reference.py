"""Parses image references, `registry/repository[:tag][@digest]`; no other module does."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace

from builder.common.errors import ConfigError
from builder.common.hashing import is_digest

# The grammar of the OCI distribution specification, 1.1 ("Pulling manifests").
_REPOSITORY = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
)
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_REGISTRY = re.compile(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9._-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?")
_HUB = "docker.io"
_HUB_API = "registry-1.docker.io"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A parsed reference. `registry` is `host[:port]`; `tag` and `digest` may be empty."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        text = self.name
        if self.tag:
            text += f":{self.tag}"
        if self.digest:
            text += f"@{self.digest}"
        return text

    @property
    def name(self) -> str:
        """Return `registry/repository`, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is on this machine, and so is accessed by plain HTTP."""
        return is_loopback(re.sub(r":\d+$", "", self.registry).strip("[]"))

    @property
    def api(self) -> str:
        """Return the `host[:port]` of the registry's API; Docker Hub has one of its own."""
        return _HUB_API if self.is_on_hub else self.registry

    @property
    def is_on_hub(self) -> bool:
        """Whether the registry is Docker Hub."""
        return hub_name(self.registry) == _HUB

    @property
    def api_repository(self) -> str:
        """Return the repository's name in the API; Docker Hub puts single names under `library`."""
        if self.is_on_hub and "/" not in self.repository:
            return f"library/{self.repository}"
        return self.repository

    def with_tag(self, tag: str) -> Reference:
        """Return the reference of `tag` in the same repository. Raises ConfigError for no tag."""
        if not is_tag(tag):
            raise ConfigError(f"not a tag of {self.name}: {tag[:200]!r}")
        return replace(self, tag=tag, digest="")

    def at(self, digest: str) -> Reference:
        """Return the reference of `digest` in the same repository, without a tag.

        Raises ConfigError for no digest: it becomes a part of a URL.
        """
        if not is_digest(digest):
            raise ConfigError(f"not a digest of {self.name}: {digest[:200]!r}")
        return replace(self, tag="", digest=digest)


def check_registry(text: str) -> None:
    """Raise ConfigError unless a text can be a registry, `host[:port][/path]`."""
    try:
        is_one = parse(f"{text}/image").name == f"{text}/image"
    except ConfigError:
        is_one = False
    if not is_one:
        raise ConfigError(
            f"not a registry: {text!r}",
            hint="host[:port][/path], in lower case and without https://, e.g. ghcr.io/myorg",
        )


def parse(text: str) -> Reference:
    """Parse a full reference; the registry must be named. Raises ConfigError."""
    rest, _, digest = text.partition("@")
    head, slash, tail = rest.partition("/")
    registry, repository, tag = head, tail, ""
    if ":" in tail:
        repository, tag = tail.rsplit(":", 1)
    valid = (
        slash
        and _REGISTRY.fullmatch(registry)
        and not re.search(r"[:@](@|$)", text)
        and _REPOSITORY.fullmatch(repository)
        and (not tag or _TAG.fullmatch(tag))
        and (not digest or is_digest(digest))
    )
    if not valid:
        raise ConfigError(
            f"not an image reference: {text!r}",
            hint="registry/repository[:tag][@sha256:...], all in lower case",
        )
    return Reference(registry=registry, repository=repository, tag=tag, digest=digest)


def hub_name(registry: str) -> str:
    """Return `docker.io` for each name of Docker Hub, and any other registry as it is."""
    return _HUB if registry in {_HUB, f"index.{_HUB}", _HUB_API} else registry


def is_loopback(host: str) -> bool:
    """Whether a host, without its port, is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_tag(text: str) -> bool:
    """Whether `text` is a valid tag."""
    return _TAG.fullmatch(text) is not None
