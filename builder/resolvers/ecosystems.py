"""Every resolver of layers, by the name of its ecosystem."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from builder.catalog.models import Base, Network
from builder.common.errors import Location
from builder.common.process import Runner
from builder.common.state_dir import StateDir
from builder.lock.interfaces import PackageResolver, Provider
from builder.lock.lockfile import BaseLock
from builder.network.fetcher import Fetcher
from builder.resolvers.apt.packages import AptResolver
from builder.resolvers.apt.root import AptRoot
from builder.resolvers.julia.packages import JuliaResolver
from builder.resolvers.npm.packages import NpmResolver
from builder.resolvers.npm.registry import NpmPackages
from builder.resolvers.python.packages import PipResolver
from builder.resolvers.r.packages import RResolver


def package_resolvers(
    *,
    prepare: Callable[[Base, BaseLock], AptRoot],
    providers: Mapping[str, Provider],
    fetcher: Fetcher,
    runner: Runner,
    network: Network,
    state: StateDir,
    locate: Callable[[str, str], Location],
    only_looks: bool = False,
) -> dict[str, PackageResolver]:
    """All of them, in the order in which they install: `prepare` gives apt's root of a base.

    `locate` says where a recipe names a package.

    `only_looks`: what they choose is for people, and for no lock.
    """
    folder = fetcher.folder
    apt = AptResolver(
        prepare=prepare, providers=providers, fetcher=fetcher, folder=state.apt_records,
        locate=locate,
    )  # fmt: skip
    return {
        "apt": apt,
        "pip": PipResolver(runner=runner, network=network, folder=folder, only_looks=only_looks),
        "wheel": PipResolver(
            runner=runner, network=network, folder=folder, only_looks=only_looks, is_alone=True
        ),
        "npm": NpmResolver(packages=NpmPackages(runner=runner, network=network), fetcher=fetcher),
        "r": RResolver(fetcher=fetcher),
        "julia": JuliaResolver(fetcher=fetcher),
    }
