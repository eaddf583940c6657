"""Every provider of release lines, by the name that matrix.yaml and recipes use."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from builder.common.plugins import Plugins
from builder.lock.interfaces import Provider
from builder.resolvers.interfaces import ProviderDefinition, ResolverTools

PROVIDERS: Plugins[ProviderDefinition] = Plugins(
    noun="provider",
    group="catalog_builder.providers",
    kind=ProviderDefinition,
    built_in={
        "apt": "builder.resolvers.apt.providers:APT",
        "cran": "builder.resolvers.apt.providers:CRAN",
        "debian": "builder.resolvers.apt.providers:DEBIAN",
        "npm": "builder.resolvers.npm.registry:NPM",
        "nvidia": "builder.resolvers.apt.providers:NVIDIA",
        "posit": "builder.resolvers.r.posit:POSIT",
        "pypi": "builder.resolvers.python.pypi:PYPI",
        "pypi-cpu": "builder.resolvers.python.pypi:PYPI_CPU",
        "pytorch": "builder.resolvers.python.pypi:PYTORCH",
        "rstudio": "builder.resolvers.downloads.rstudio:RSTUDIO",
        "tarball": "builder.resolvers.tarballs:TARBALL",
        "url": "builder.resolvers.downloads.url:URL",
        "uv": "builder.resolvers.python.standalone:UV",
    },
)


def line_providers(
    tools: ResolverTools, named: Iterable[str] = (), root: Path | None = None
) -> dict[str, Provider]:
    """Return the built-in providers, and those of `named` that plugins add, by name.

    `root` is the folder of the catalog. Unknown names are left out. Raises ToolError if a plugin
    does not work.
    """
    definitions = PROVIDERS.chosen(named, catalog=root)
    return {name: definition.provider(tools) for name, definition in definitions.items()}
