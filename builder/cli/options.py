"""Options that several commands share. Precedence: flag, BUILDER_*, file, default."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from builder.ci.systems import CI_SYSTEMS
from builder.cli.named import Named
from builder.common.errors import ConfigError, SelectionError
from builder.common.text import listed
from builder.engines.table import AUTO, ENGINES

Function = Callable[..., Any]


def _day(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    from datetime import UTC, date, datetime

    if value is None:
        return datetime.now(UTC).date().isoformat()
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ConfigError(f"not a date: {value!r}", hint="--today YYYY-MM-DD") from None


def _platforms(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    if not values:  # what reads fields takes time to import
        return values
    from builder.catalog.fields import PLATFORM

    for value in values:
        if re.fullmatch(PLATFORM, value) is None:
            raise ConfigError(f"not a platform: {value!r}", hint="--platform linux/arm64")
    return values


def _registries(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        named_registry(_context, _parameter, value)
    return values


def named_registry(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    """Return a registry, or the word `embedded`. Raises ConfigError for anything else."""
    from builder.oci.reference import check_registry

    if value not in {None, "embedded"}:
        check_registry(str(value))
    return value


def _catalogs(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for value in values:
        name, is_given, folder = value.partition("=")
        if not is_given or not Path(folder).is_dir():
            message = f"{value!r} is no NAME=PATH of a folder"
            raise SelectionError(message, hint="--catalog NAME=PATH")
        folders[name] = Path(folder)
    return folders


catalogs = click.option(
    "--catalog",
    "catalogs",
    multiple=True,
    metavar="NAME=PATH",
    callback=_catalogs,
    help="A folder in place of the catalog NAME, which this one stands on; repeatable.",
)
engine = click.option(
    "--engine",
    default=AUTO,
    type=Named(ENGINES, words=(AUTO,)),
    envvar="BUILDER_ENGINE",
    help="The container engine; auto is the first of "
    f"{listed(tuple(ENGINES.built_in))} that works here.",
)
ci = click.option(
    "--ci",
    default=AUTO,
    type=Named(CI_SYSTEMS, words=(AUTO,)),
    envvar="BUILDER_CI",
    help="The CI system that reads the output; auto is the one that runs this, if any.",
)
_REGISTRY = click.option(
    "--registry",
    "registries",
    multiple=True,
    envvar="BUILDER_REGISTRIES",
    callback=_registries,
    help="Use this registry in place of those of matrix.yaml; repeatable.",
)
today = click.option(
    "--today",
    envvar="BUILDER_TODAY",
    callback=_day,
    help="The day of the plan, YYYY-MM-DD; by default today.",
)


def root(function: Function) -> Function:
    """--root."""
    return click.option(
        "--root",
        type=click.Path(path_type=Path, file_okay=False),
        default=".",
        is_eager=True,
        envvar="BUILDER_ROOT",
        help="The folder of the catalog.",
    )(function)


def releasing(function: Function) -> Function:
    """Add the options of a command that changes releases and makes no plan."""
    return root(_REGISTRY(today(function)))


def planning(function: Function) -> Function:
    """Add the options on which a plan depends."""
    for option in (
        click.option(
            "--block-unlocked",
            is_flag=True,
            envvar="BUILDER_BLOCK_UNLOCKED",
            help="Block targets that matrix.lock does not fit; by default the run is refused.",
        ),
        _REGISTRY,
        catalogs,
        click.option(
            "--platform",
            "platforms",
            multiple=True,
            envvar="BUILDER_PLATFORMS",
            callback=_platforms,
            help="A platform, e.g. linux/arm64, in place of those of matrix.yaml; repeatable.",
        ),
        today,
        click.option(
            "--select",
            "-s",
            multiple=True,
            envvar="BUILDER_SELECT",
            help="A glob over ids, or axis=value; +x adds the ancestors of x, x+ its descendants.",
        ),
    ):
        function = option(function)
    return root(function)


reachable = click.option(
    "--reachable",
    is_flag=True,
    envvar="BUILDER_REACHABLE",
    help="Do not fail where a provider is unreachable or the engine does not support the platform.",
)


build_anyway = click.option(
    "--build-anyway",
    is_flag=True,
    envvar="BUILDER_BUILD_ANYWAY",
    help="Build all images of a catalog below that another builder renders otherwise.",
)


def running(function: Function) -> Function:
    """Add the options on which a plan depends, and those of carrying it out."""
    for option in (
        click.option(
            "--show-commands",
            is_flag=True,
            help="Print the commands of every step instead of running them.",
        ),
        reachable,
        build_anyway,
        click.option(
            "--fail-fast/--keep-going",
            envvar="BUILDER_FAIL_FAST",
            help="Stop at the first failure, or go on with steps that do not need it (default).",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(min=1),
            default=3600.0,
            envvar="BUILDER_TIMEOUT",
            help="Seconds that one step may take.",
        ),
        click.option(
            "--jobs",
            "-j",
            type=click.IntRange(min=1),
            default=os.cpu_count() or 2,
            show_default="the number of processors",
            envvar="BUILDER_JOBS",
            help="The number of steps at once.",
        ),
        ci,
        engine,
    ):
        function = option(function)
    return planning(function)


kubeconfig = click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Install and test charts in the cluster that this file names, not by podman.",
)
run_name = click.option(
    "--run",
    default="",
    metavar="NAME",
    envvar="BUILDER_RUN",
    help="The name of the run of a CI system: what another run handed over is refused.",
)


def since(function: Function) -> Function:
    """--since."""
    return click.option(
        "--since",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help="Only targets that changed compared with the catalog in this folder.",
    )(function)


def disk(function: Function) -> Function:
    """--disk-budget."""
    return click.option(
        "--disk-budget",
        default="0",
        show_default="no limit",
        metavar="SIZE",
        envvar="BUILDER_DISK_BUDGET",
        callback=_size,
        help="The disk space that a run may use, e.g. 14G; refused where a target cannot fit.",
    )(function)


def _size(_context: click.Context, _parameter: click.Parameter, value: str) -> int:
    from builder.common.text import size

    if value == "0":
        return 0
    try:
        return size(value)
    except ValueError as error:
        raise ConfigError(str(error), hint="--disk-budget 14G") from None
