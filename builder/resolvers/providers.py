"""Every provider of release lines, by the name that matrix.yaml and recipes use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from builder.catalog.models import AxisValue, Catalog
from builder.common.errors import ConfigError
from builder.common.plugins import Plugins
from builder.lock.interfaces import Provider
from builder.lock.verify import UrlStarts
from builder.resolvers.interfaces import (
    ProviderDefinition,
    ResolverTools,
    below,
    sources_in_options,
)

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


def url_starts(catalog: Catalog, root: Path | None = None) -> UrlStarts:
    """Return what knows the URLs that files of release lines may have.

    Where the package is not installed that adds a provider, they are those that recipes name.
    `root` is the folder of the catalog. Raises ToolError if a plugin does not work.
    """
    values = {value.id: value for values in catalog.matrix.axes.values() for value in values}

    def starts(value_id: str, version: str) -> tuple[str, ...] | None:
        value = values.get(value_id)
        if value is None:
            return None
        found = [
            url
            for one in value.alternatives
            if one.provider
            for options in catalog.provider_options(one.axis, one.provider)
            for url in _urls(one, options, version, root)
        ]
        return tuple(dict.fromkeys(found))

    return starts


def _urls(
    value: AxisValue, options: Mapping[str, str], version: str, root: Path | None
) -> tuple[str, ...]:
    try:
        definition = PROVIDERS.get(value.provider or "", catalog=root)
    except ConfigError:
        return below(sources_in_options(value, options))
    return definition.urls(value, options, version)


def line_providers(
    tools: ResolverTools, named: Iterable[str] = (), root: Path | None = None
) -> dict[str, Provider]:
    """Return the built-in providers, and those of `named` that plugins add, by name.

    `root` is the folder of the catalog. Unknown names are left out. Raises ToolError if a plugin
    does not work.
    """
    definitions = PROVIDERS.chosen(named, catalog=root)
    return {name: definition.provider(tools) for name, definition in definitions.items()}
