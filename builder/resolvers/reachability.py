"""Test which providers of a catalog can be reached, and which release lines depend on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.catalog.models import AxisValue, Catalog
from builder.common.errors import BuilderError, ConfigError, UnreachableError
from builder.common.parallel import in_parallel
from builder.network.upstreams import UPSTREAM
from builder.resolvers.interfaces import ProviderDefinition, ResolverTools
from builder.resolvers.providers import PROVIDERS


@dataclass(frozen=True, kw_only=True)
class Question:
    """A provider with its sources, and the release lines that come from it.

    `problem` says why there is no such provider; "" if there is one.
    """

    provider: str
    sources: tuple[str, ...]
    lines: tuple[str, ...]
    definition: ProviderDefinition | None
    problem: str = ""

    @property
    def name(self) -> str:
        """Its name for people, with its sources if they depend on the release line."""
        is_fixed = self.definition is not None and bool(self.definition.sources)
        has_several = bool(self.sources) and not is_fixed
        return f"{self.provider} ({', '.join(self.sources)})" if has_several else self.provider


def questions(catalog: Catalog, root: Path | None = None) -> tuple[Question, ...]:
    """Return every provider that the matrix names, in its order.

    `root` is the folder of the catalog. Raises ToolError if a plugin does not work.
    """
    lines: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    definitions: dict[str, ProviderDefinition | None] = {}
    problems: dict[str, str] = {}
    served = (
        one
        for values in catalog.matrix.axes.values()
        for value in values
        for one in value.alternatives
    )
    for value in served:
        if value.provider is None:
            continue
        name = value.provider
        if name not in definitions:
            definitions[name], problems[name] = _definition(name, root)
        sources = _sources(value, catalog, definitions[name])
        names = lines.setdefault((name, sources), [])
        if value.id not in names:
            names.append(value.id)
    return tuple(
        Question(
            provider=name, sources=sources, lines=tuple(values),
            definition=definitions[name], problem=problems[name],
        )
        for (name, sources), values in lines.items()
    )  # fmt: skip


def _definition(name: str, root: Path | None) -> tuple[ProviderDefinition | None, str]:
    """Return a provider, or why there is none."""
    try:
        return PROVIDERS.get(name, catalog=root), ""
    except ConfigError as error:
        return None, error.message


def _sources(
    value: AxisValue, catalog: Catalog, definition: ProviderDefinition | None
) -> tuple[str, ...]:
    if definition is None or definition.sources:
        return definition.sources if definition else ()
    stated = catalog.provider_options(value.axis, definition.name) or ({},)
    found = (source for options in stated for source in definition.sources_of(value, options))
    return tuple(dict.fromkeys(found))


class Reachability:
    """Asks the sources of each provider once. The fetcher of `tools` should be an impatient one.

    `root` is the folder of the catalog.
    """

    def __init__(self, tools: ResolverTools, root: Path | None = None) -> None:
        self._tools = tools
        self._root = root

    def of(self, catalog: Catalog) -> Iterator[tuple[Question, str]]:
        """Yield each provider of a catalog with the reason why it cannot be reached, or ""."""
        return self.ask(questions(catalog, self._root))

    def ask(self, items: tuple[Question, ...]) -> Iterator[tuple[Question, str]]:
        """Yield each provider with the reason why it cannot be reached, or ""; in parallel."""
        reasons = in_parallel(self._reason, items, at_once=max(1, len(items)))
        yield from zip(items, reasons, strict=True)

    def _reason(self, item: Question) -> str:
        try:
            for source in item.sources:
                self._tools.fetcher.check_reachable(f"{UPSTREAM.get(source, source)}/")
            if item.problem or item.sources:
                return item.problem
            if item.definition is None or item.definition.ask is None:
                return "no recipe has an option with its address"
            item.definition.ask(self._tools)
        except UnreachableError as error:
            return error.message.replace(" cannot be reached", "", 1)
        except BuilderError as error:
            return error.message.splitlines()[0]
        return ""
