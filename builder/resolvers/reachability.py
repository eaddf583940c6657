"""Which providers of a catalog can be reached from here, and what waits for those that cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from builder.catalog.models import AxisValue, Base, Catalog, Network, Source
from builder.common.errors import BuilderError, UnreachableError
from builder.common.parallel import in_parallel
from builder.common.process import Command, Runner
from builder.lock.interfaces import ReleaseLineRequest
from builder.lock.lockfile import BaseLock
from builder.network.fetcher import Fetcher
from builder.network.upstreams import UPSTREAM
from builder.resolvers.npm.registry import NpmPackages
from builder.resolvers.python.pypi import PythonPackages

SOURCES: Mapping[str, tuple[str, ...]] = {
    "cran": ("cran", "cran-key"),
    "nvidia": ("nvidia",),
    "posit": ("posit",),
    "pytorch": ("pytorch",),
    "rstudio": ("rstudio", "rstudio-files"),
    "uv": ("python",),
}
"""The sources that a provider asks, where that depends on nothing else."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A provider with the sources that it asks, and the lines that come from it."""

    provider: str
    sources: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def name(self) -> str:
        """What people call it: with its source, where one provider has several."""
        told_by_name = self.sources in (SOURCES.get(self.provider, ()), ())
        return self.provider if told_by_name else f"{self.provider} ({', '.join(self.sources)})"


def asked(catalog: Catalog) -> tuple[Asked, ...]:
    """Every provider that the matrix names, in its order."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for values in catalog.matrix.axes.values():
        for value in values:
            if value.provider is not None:
                found.setdefault((value.provider, _sources(value, catalog)), []).append(value.id)
    return tuple(
        Asked(provider=provider, sources=sources, lines=tuple(lines))
        for (provider, sources), lines in found.items()
    )


def _sources(value: AxisValue, catalog: Catalog) -> tuple[str, ...]:
    provider = value.provider or ""
    if provider in SOURCES:
        return SOURCES[provider]
    if provider == "tarball":
        return (value.axis,) if value.axis in UPSTREAM else ()
    options: dict[str, str] = {}
    for recipe in catalog.recipes.values():
        options |= recipe.provides.get(value.axis, {}).get(provider, {})
    named = re.findall(r"\{([a-z-]+)\}|(https?://[^/\s]+)", " ".join(options.values()))
    return tuple(dict.fromkeys(name or url for name, url in named if url or name in UPSTREAM))


class Reach:
    """Asks each place once. `fetcher` should be an impatient one."""

    def __init__(self, *, fetcher: Fetcher, runner: Runner, network: Network) -> None:
        self._fetcher = fetcher
        self._runner = runner
        pypi = PythonPackages(runner=runner, network=network)
        clients: dict[str, Callable[[], object]] = {
            "apt": self._archive,
            "debian": self._archive,
            "npm": lambda: NpmPackages(runner=runner, network=network).lines(_package("npm")),
            "pypi": lambda: pypi.lines(_package("pip")),
        }
        self._clients = {**clients, "pypi-cpu": clients["pypi"]}

    def look(self, items: tuple[Asked, ...]) -> Iterator[tuple[Asked, str]]:
        """Each with why it cannot be reached, or nothing; all are asked at the same time."""
        reasons = in_parallel(self._reason, items, at_once=max(1, len(items)))
        yield from zip(items, reasons, strict=True)

    def _reason(self, item: Asked) -> str:
        try:
            for source in item.sources:
                self._fetcher.check_reachable(f"{UPSTREAM.get(source, source)}/")
            if not item.sources and item.provider in self._clients:
                self._clients[item.provider]()
            elif not item.sources:
                return "no recipe says where it is"
        except UnreachableError as error:
            return error.message.replace(" cannot be reached", "", 1)
        except BuilderError as error:
            return error.message.splitlines()[0]
        return ""

    def _archive(self) -> None:
        """The archive that this machine's own apt asks; that of a base is nearly always it."""
        argv = ("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages")
        text = self._runner.run(Command(argv=argv, timeout=30), check=False).stdout
        for site in dict.fromkeys(text.split()[:1]):
            self._fetcher.check_reachable(site)


def _package(name: str) -> ReleaseLineRequest:
    """A request for a package that every index has."""
    base = Base(id="", axis="", value="", platform="linux/amd64")
    lock = BaseLock(source=Source(bootstrap=""), content="", epoch=0)
    return ReleaseLineRequest(line="", base=base, lock=lock, options={"package": name})
