"""Every ecosystem of packages by its name, in the order in which packages are installed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from builder.common.plugins import Plugins
from builder.lock.interfaces import PackageResolver
from builder.resolvers.interfaces import Ecosystem, ResolverTools

ECOSYSTEMS: Plugins[Ecosystem] = Plugins(
    noun="ecosystem",
    group="catalog_builder.ecosystems",
    kind=Ecosystem,
    built_in={
        "apt": "builder.resolvers.apt.ecosystem:APT",
        "pip": "builder.resolvers.python.ecosystem:PIP",
        "wheel": "builder.resolvers.python.ecosystem:WHEEL",
        "npm": "builder.resolvers.npm.ecosystem:NPM",
        "r": "builder.resolvers.r.ecosystem:R",
        "julia": "builder.resolvers.julia.ecosystem:JULIA",
        "maven": "builder.resolvers.maven.ecosystem:MAVEN",
    },
)


def package_resolvers(
    tools: ResolverTools,
    names: Iterable[str] = tuple(ECOSYSTEMS.built_in),
    root: Path | None = None,
) -> dict[str, PackageResolver]:
    """Return the resolvers of ecosystems by name, where packages of them are locked.

    `root` is the folder of the catalog.
    """
    factories = {name: ECOSYSTEMS.get(name, catalog=root).resolver for name in names}
    return {name: resolver(tools) for name, resolver in factories.items() if resolver is not None}
