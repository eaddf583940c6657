"""Loads a catalog with the ecosystems of packages that it names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

from builder.catalog.models import Network
from builder.catalog_fetch.git import GitSources
from builder.catalog_fetch.newest import FetchedCatalogs
from builder.common.process import Runner
from builder.common.state_dir import StateDir
from builder.network.build_env import effective_network, passwords
from builder.network.connections import program_environment
from builder.overlay.extends import Finding, network_of
from builder.project import Project, Workspace
from builder.registry.interfaces import Registry
from builder.registry.store import RegistryStore
from builder.resolvers.ecosystems import ECOSYSTEMS


def load(
    root: Path | str = ".",
    *,
    platforms: Sequence[str] = (),
    catalogs: Mapping[str, Path] = MappingProxyType({}),
    pins: bool = False,
) -> Project:
    """Read a catalog's folder, for `platforms` such as linux/arm64, or those of its matrix.

    Asks nobody, but for catalogs that it stands on and that were not fetched yet. `catalogs` are
    folders in place of those, by name. With `pins`, what matrix.lock does not say of them is looked
    up. Raises ConfigError with all mistakes in it, each with file, line and column, and ToolError
    where the package that adds an ecosystem does not work.
    """
    folder = Path(root).resolve()
    finding = Finding(upstreams=upstreams(folder), pins=pins, given=catalogs)
    return Workspace(folder, finding=finding).load(tuple(platforms), ECOSYSTEMS)


def upstreams(root: Path) -> FetchedCatalogs:
    """Return what fetches the catalogs that the one in a folder stands on."""
    state = StateDir.of(root)

    @cache
    def network() -> Network:
        return effective_network(network_of(root), os.environ, {})

    @cache
    def runner() -> Runner:
        environment = program_environment(network(), state.trusted)
        return Runner(secrets=passwords(network()), environment=environment)

    def store() -> Registry:
        return RegistryStore(
            runner=runner(),
            skopeo="skopeo",  # which moves images: there are none
            enclose=lambda command: command,
            network=network(),
        )

    return FetchedCatalogs(lambda: GitSources(runner(), state.upstreams), store)
