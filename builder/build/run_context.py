"""What a run is about, and the outside world as its steps see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from builder.build.events import Listener
from builder.catalog.expansion import Expansion
from builder.catalog.models import Catalog, Target
from builder.common.state_dir import StateDir
from builder.engines.interfaces import Engine
from builder.lock.interfaces import BaseProvider, PackageResolver, RemoteFiles
from builder.lock.lockfile import Lock
from builder.plan.fingerprint import Fingerprint
from builder.plan.models import Plan
from builder.project import Project
from builder.registry.interfaces import Registry
from builder.testing.interfaces import SmokeTester


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The outside world, as steps see it."""

    engine: Engine
    store: Registry
    bases: BaseProvider
    files: RemoteFiles
    smoke: SmokeTester
    packages: Mapping[str, PackageResolver] = field(default_factory=dict)  # by ecosystem


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What a run is about. `state` is the folder for logs and build contexts."""

    project: Project
    lock: Lock
    fingerprints: Mapping[str, Fingerprint]
    plan: Plan
    state: StateDir
    listen: Listener
    timeout: float = 3600.0

    @property
    def catalog(self) -> Catalog:
        """The catalog."""
        return self.project.catalog

    @property
    def expansion(self) -> Expansion:
        """What its matrix stands for."""
        return self.project.expansion

    def epoch(self, target: Target) -> int:
        """The timestamp in seconds that a target's files get."""
        return self.lock.epoch(target.id, self.expansion.base_of(target).id)
