"""Asks the indexes of providers which versions there are, and tables for ends of life."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from builder.common.errors import ConfigError
from builder.lock.interfaces import ReleaseLineRequest
from builder.resolvers.ends_of_life import EndTable, read_table
from builder.resolvers.interfaces import ResolverTools
from builder.resolvers.observation import Seen
from builder.resolvers.providers import PROVIDERS


class Observers:
    """The indexes of all providers. The fetcher of `tools` should be an impatient one.

    `root` is the folder of the catalog.
    """

    def __init__(self, tools: ResolverTools, root: Path | None = None) -> None:
        self._tools = tools
        self._root = root

    def has_index(self, provider: str) -> bool:
        """Whether an index may have newer lines than a base has. Raises ToolError."""
        try:
            return not PROVIDERS.get(provider, catalog=self._root).comes_with_base
        except ConfigError:  # of a package that is not installed
            return False

    def versions(self, provider: str, request: ReleaseLineRequest) -> Sequence[Seen]:
        """Return what the index of a provider has. Raises UnreachableError, StepError."""
        definition = PROVIDERS.get(provider, catalog=self._root)
        found = definition.versions(self._tools, request)
        return [Seen(version=version, published=day) for version, day in found]

    def ends(self, source: str, product: str, support: str) -> EndTable:
        """Return a table of ends of life. Raises UnreachableError, StepError."""
        return read_table(self._tools.fetcher, source, product, support)
