"""The two extensions of the builder: ecosystems of packages, and providers of release lines.

Both are objects. The tables `ecosystems` and `providers` name the built-in ones; a package of
somebody else names its own in an entry point. See docs/extend.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from builder.catalog.ecosystem import EcosystemRules
from builder.catalog.models import AxisValue, Base, Network, RemoteFile, Source
from builder.catalog.packages import LockedPackage
from builder.common.errors import Location
from builder.common.process import Runner
from builder.common.state_dir import StateDir
from builder.lock.interfaces import PackageResolver, Provider, ReleaseLineRequest
from builder.lock.lockfile import BaseLock
from builder.network.fetcher import Fetcher, RetryPolicy
from builder.network.upstreams import UPSTREAM

if TYPE_CHECKING:
    from builder.resolvers.apt.root import AptRoot

_SOURCE = re.compile(r"\{([a-z-]+)\}|(https?://[^/\s]+)")


def tell_nobody(_text: str) -> None:
    """Drop a line for a person."""


@dataclass(frozen=True, kw_only=True)
class ResolverTools:
    """The tools of resolvers and providers.

    `fetcher` downloads files and keeps them by their hash, `runner` runs programs with the
    environment that `network` asks for. `state` has the folders in `build/`. `apt_root` returns
    apt's private root of a locked base, with its indexes. `locate` returns the location at which a
    recipe names a package. `providers` are those of release lines, by name. With `only_looks`,
    results are shown to people and not written to the lock. `note` takes lines for a person.
    `download` gets the file of a release line, from pip's index too.
    """

    fetcher: Fetcher
    runner: Runner
    network: Network
    state: StateDir
    apt_root: Callable[[Base, BaseLock], AptRoot]
    locate: Callable[[str, str], Location]
    providers: Mapping[str, Provider] = field(default_factory=dict)
    only_looks: bool = False
    note: Callable[[str], None] = tell_nobody
    download: Callable[[RemoteFile], Path] | None = None

    def waiting(self, *, connect: float, read: float) -> ResolverTools:
        """Return tools that wait so many seconds for an answer, and ask once."""
        policy = RetryPolicy(connect=connect, read=read, retries=0)
        fetcher = Fetcher(network=self.network, folder=self.state.files, retry_policy=policy)
        return replace(self, fetcher=fetcher)


@dataclass(frozen=True, kw_only=True)
class Ecosystem(EcosystemRules):
    """An ecosystem of packages, with its resolver if they are locked."""

    resolver: Callable[[ResolverTools], PackageResolver] | None


def sources_in_options(value: AxisValue, options: Mapping[str, str]) -> tuple[str, ...]:
    """Return the sources and hosts that options name: `{github}/…`, `https://example.org/…`."""
    matches = _SOURCE.findall(" ".join(options.values()))
    return tuple(dict.fromkeys(name or url for name, url in matches if url or name in UPSTREAM))


def said_of(package: LockedPackage, digests: Sequence[str]) -> str:
    """Return what an index says of a package of which it states these digests; "" if the same."""
    if package.digest in digests:
        return ""
    other = " or ".join(digests[:3])
    return f"the index states {other}, not {package.digest}" if other else "the index has it not"


def below(sources: Iterable[str]) -> tuple[str, ...]:
    """Return the starts of the URLs of sources, each by its name or the start of its URLs."""
    return tuple(f"{UPSTREAM.get(source, source).rstrip('/')}/" for source in sources)


@dataclass(frozen=True, kw_only=True)
class ProviderDefinition:
    """A provider of release lines: how to make it, and how to test whether it can be reached.

    `summary` describes it for people. `sources` are the names in `network.mirrors`, or the starts
    of URLs, that it always uses. If it has none, `sources_of` returns those of an axis value with
    the options of recipes. If there are none either, `ask` asks the provider's own client; it
    raises UnreachableError. `urls_of` returns the URLs that files of a version may have, for an
    axis value with the options of a recipe; one that ends with a slash is the start of URLs. By
    default they are all below its sources. `has_cooldown`: whether it returns no version that is
    younger than `lock.cooldown`, or is exempt from it; otherwise its source states no dates.
    `dated` returns the versions of a request with the days on which they were published, "" where
    that is not known; without it, `lines` of the provider tells the versions. `comes_with_base`:
    whether each base has one version of its own, so that no index has newer ones.
    """

    name: str
    summary: str
    provider: Callable[[ResolverTools], Provider]
    sources: tuple[str, ...] = ()
    sources_of: Callable[[AxisValue, Mapping[str, str]], tuple[str, ...]] = sources_in_options
    ask: Callable[[ResolverTools], object] | None = None
    has_cooldown: bool = False
    urls_of: Callable[[AxisValue, Mapping[str, str], str], tuple[str, ...]] | None = None
    dated: Callable[[ResolverTools, ReleaseLineRequest], Sequence[tuple[str, str]]] | None = None
    comes_with_base: bool = False

    def versions(
        self, tools: ResolverTools, request: ReleaseLineRequest
    ) -> Sequence[tuple[str, str]]:
        """Return the versions that its index has, with their days, YYYY-MM-DD, "" if unknown.

        Raises UnreachableError, StepError.
        """
        if self.dated is not None:
            return self.dated(tools, request)
        return [(version, "") for version in self.provider(tools).lines(request)]

    def urls(self, value: AxisValue, options: Mapping[str, str], version: str) -> tuple[str, ...]:
        """Return the URLs, and the starts of URLs, that files of a version may have."""
        if self.urls_of is not None:
            return self.urls_of(value, options, version)
        return below(self.sources or self.sources_of(value, options))


def request_for(package: str) -> ReleaseLineRequest:
    """Return a request for a package that every index has, to ask whether one answers."""
    base = Base(id="", axis="", value="", platform="linux/amd64")
    lock = BaseLock(source=Source(bootstrap=""), content="", epoch=0)
    return ReleaseLineRequest(line="", base=base, lock=lock, options={"package": package})
