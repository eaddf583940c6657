"""Options whose value is a name of a table to which installed packages add."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from builder.common.errors import ConfigError
from builder.common.plugins import Plugins
from builder.common.text import names_hint


class Named(click.ParamType):  # type: ignore[type-arg]  # generic in new versions only
    """A name of `table`, or one of `words`. `noun` is what a message calls it.

    What packages add is looked for only where a name is neither; nothing of it is imported.
    """

    name = "name"

    def __init__(self, table: Plugins[Any], *, words: Sequence[str] = (), noun: str = "") -> None:
        self._table = table
        self._words = (*words, *table.built_in)
        self._noun = noun or table.noun

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return the names without those that packages add, as `--help` shows them."""
        return f"[{'|'.join(self._words)}]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name. Raises ConfigError where nothing has it."""
        if value in self._words:
            return value
        added = self._table.names(ctx.params.get("root") if ctx else None)
        names = tuple(dict.fromkeys((*self._words, *added)))
        if value not in names:
            hint = names_hint(value, names)
            raise ConfigError(f"no {self._noun} is called {value!r}", hint=hint)
        return value
