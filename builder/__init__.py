"""Expands a version matrix to container images and Helm charts, and locks, plans, builds, tests and
releases them.

Read from the bottom up, the packages are the pipeline: `common`, `oci`, `catalog`, `lock`,
`overlay`, `project`, then `registry`, `engines`, `network` and `catalog_fetch`, then `trust` and
`sbom`, then `charts`, `testing` and `resolvers`, then `plan`, `build`, `release`, `gate`, `diff`,
`ci` and `bump`, then `report` and `export`, and on top `app` and `cli`. Each imports only packages
that are named before it; `make lint` checks this.

What `__all__` names is the Python API, see docs/python-api.md. It is imported when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from builder.app.adapters import AdapterFactory, Adapters, Setup
    from builder.app.app import App
    from builder.app.load import load
    from builder.app.options import Options
    from builder.app.planning import Planned
    from builder.app.run import Interrupted, Run
    from builder.build.events import Event, Result
    from builder.common.errors import BuilderError
    from builder.diff.compare import Difference
    from builder.lock.locker import LockResult
    from builder.lock.lockfile import Lock
    from builder.project import Project

__all__ = (
    "AdapterFactory", "Adapters", "App", "BuilderError", "Difference", "Event", "Interrupted",
    "Lock", "LockResult", "Options", "Planned", "Project", "Result", "Run", "Setup", "load",
)  # fmt: skip

_MODULES = {
    "builder.app.adapters": ("AdapterFactory", "Adapters", "Setup"),
    "builder.app.app": ("App",),
    "builder.app.options": ("Options",),
    "builder.app.planning": ("Planned",),
    "builder.app.run": ("Interrupted", "Run"),
    "builder.build.events": ("Event", "Result"),
    "builder.common.errors": ("BuilderError",),
    "builder.diff.compare": ("Difference",),
    "builder.lock.locker": ("LockResult",),
    "builder.lock.lockfile": ("Lock",),
    "builder.app.load": ("load",),
    "builder.project": ("Project",),
}


def __getattr__(name: str) -> object:
    """Import what the API names when it is first used: `builder --help` needs none of it."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'builder' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
