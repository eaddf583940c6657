"""What the commands of `builder upstream` share: a catalog with those below it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from builder.app.stacks import Stack, StackComparison, read_stack
from builder.cli.open import app_on
from builder.common.errors import ConfigError, SelectionError
from builder.diff.stacks import StackDiff
from builder.project import Workspace

FOLDERS = click.option(
    "--catalog",
    "catalogs",
    multiple=True,
    metavar="NAME=PATH",
    help="The folder that takes the place of the catalog NAME below; repeatable.",
)


def workspace_of(root: Path) -> Workspace:
    """Return the folder of a catalog. Raises ConfigError where it stands on no other one."""
    workspace = Workspace(root.resolve())
    if not workspace.files.below:
        raise ConfigError(
            "this catalog stands on no other one", hint="`extends` in matrix.yaml names one"
        )
    return workspace


def stacked(root: Path, platforms: tuple[str, ...] = ()) -> Stack:
    """Return a catalog as far as it can be read."""
    return read_stack(workspace_of(root), platforms)


def compared(
    before: Stack, after: Stack, labels: Mapping[str, tuple[str, str]], **options: Any
) -> StackDiff:
    """Return what differs between a catalog on two contents below, for an app with options."""
    return StackComparison(
        before, after, labels=labels, as_app=lambda project: app_on(project, **options)
    ).compare()


def folders_of(texts: tuple[str, ...]) -> dict[str, Path]:
    """Return the folders of `NAME=PATH` by name. Raises SelectionError where there is none."""
    return dict(map(_folder, texts))


def _folder(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not Path(path).is_dir():
        raise SelectionError(f"{text!r} is no NAME=PATH of a folder", hint="--catalog NAME=PATH")
    return name, Path(path)
