"""Groups of commands that are imported only when they are used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """Commands with what each does; `command` of the module `modules.format("x")` is `x`."""

    def __init__(self, *, summaries: Mapping[str, str], modules: str, **options: Any) -> None:
        super().__init__(**options)
        self.summaries = summaries
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return list(self.summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command, and return the command; None if there is none."""
        if cmd_name not in self.summaries:
            return None
        command = importlib.import_module(self._modules.format(cmd_name)).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))
