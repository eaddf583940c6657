"""The catalog of this repository."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from builder.project import Project, Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS


@cache
def this_catalog() -> Project:
    """Return it as it is read once by all tests of a process: that takes a second."""
    return Workspace(Path(__file__).parents[2]).load(ecosystems=ECOSYSTEMS)
