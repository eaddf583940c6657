"""Loads a catalog with the ecosystems of packages that it names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from builder.project import Project, Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS


def load(root: Path | str = ".", *, platforms: Sequence[str] = ()) -> Project:
    """Read a catalog's folder, for `platforms` such as linux/arm64, or those of its matrix.

    Asks nobody. Raises ConfigError with all mistakes in it, each with file, line and column, and
    ToolError where the package that adds an ecosystem does not work.
    """
    return Workspace(Path(root).resolve()).load(tuple(platforms), ECOSYSTEMS)
