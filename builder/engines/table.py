"""The engines, and which of them a run uses: the one that was asked for, or what this machine has.

Add an engine to `ENGINES`; what an installed package adds is loaded where an option names it. The
commands, `builder doctor`, the contract tests and docs/platforms-and-engines.md read this table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.common.errors import ToolError
from builder.common.plugins import Plugins
from builder.common.process import Runner
from builder.common.state_dir import StateDir
from builder.engines.interfaces import EngineFactory, HostEngine

AUTO = "auto"
"""In the place of a name: the first engine of the table that this machine can use."""

ENGINES: Plugins[EngineFactory] = Plugins(
    noun="engine",
    group="catalog_builder.engines",
    kind=EngineFactory,
    built_in={
        "docker": "builder.engines.docker:DOCKER",
        "podman": "builder.engines.podman.factory:PODMAN",
    },
)


def choose(
    name: str, runner: Runner, state: StateDir, *, catalog: Path | None = None
) -> HostEngine:
    """Make the engine `name`; what a killed run left of its containers is removed.

    No code is loaded from the folder `catalog`. Raises ConfigError where no engine has the name,
    ToolError with what to install.
    """
    chosen = chosen_name(name, runner)
    engine = ENGINES.get(chosen, catalog=catalog).make(runner, state.engine(chosen))
    engine.clean_up()
    return engine


def chosen_name(name: str, runner: Runner) -> str:
    """Return the name of the engine that `name` stands for, which may be `auto`.

    Where this machine can use none, it is the last of the table, which then says why.
    """
    if name != AUTO:
        return name
    *first, last = ENGINES.built_in
    return next((engine for engine in first if ENGINES.get(engine).is_ready(runner)), last)


def factories(
    name: str = AUTO, *, catalog: Path | None = None
) -> Iterator[tuple[str, EngineFactory]]:
    """Yield the engine called `name`, if it is not `auto`, then the other built-in ones."""
    names = dict.fromkeys((*((name,) if name != AUTO else ()), *ENGINES.built_in))
    for engine in names:
        yield engine, ENGINES.get(engine, catalog=catalog)


def rebuilding_name(name: str, *, catalog: Path | None = None) -> str:
    """Return the engine that builds again from nothing in a new folder: `name`, if it can.

    Raises ToolError where it cannot, because it keeps what it built elsewhere.
    """
    usable = [engine for engine, factory in factories() if not factory.keeps_elsewhere]
    if name == AUTO:
        return usable[0]
    if reason := ENGINES.get(name, catalog=catalog).keeps_elsewhere:
        hint = f"leave out --engine {name}"
        raise ToolError(f"{reason}: use {' or '.join(usable)}", hint=hint)
    return name


def engine_of(config: Mapping[str, Any], name: str = AUTO, *, catalog: Path | None = None) -> str:
    """Return the engine that built an image, as its configuration tells; `name` is asked first."""
    engines = factories(name, catalog=catalog)
    return next(
        (engine for engine, factory in engines if factory.has_built(config)), "another engine"
    )
