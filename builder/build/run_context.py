"""The context of a run, and the adapters that its steps use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from builder.build.events import Listener, StepUse
from builder.catalog.expansion import Expansion
from builder.catalog.models import Catalog, Target
from builder.common.state_dir import StateDir
from builder.engines.interfaces import ImageBuilder
from builder.lock.interfaces import BaseProvider, PackageResolver, RemoteFiles
from builder.lock.lockfile import Lock
from builder.plan.fingerprint import Fingerprint
from builder.plan.models import Plan
from builder.project import Project
from builder.registry.interfaces import Registry
from builder.testing.interfaces import SmokeTester
from builder.trust.seals import PLAIN, Seals


@dataclass(frozen=True, kw_only=True)
class Toolbox:
    """The adapters to engine, registry and network that the steps of a run use."""

    engine: ImageBuilder
    store: Registry
    bases: BaseProvider
    files: RemoteFiles
    smoke: SmokeTester
    packages: Mapping[str, PackageResolver] = field(default_factory=dict)  # by ecosystem


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """The inputs of a run. `state` has logs and build contexts; `timeout` is in seconds.

    `takes_chroot` says that images which were built in a chroot count, but for a release. `use`
    says what the step has needed until now, where the context is that of one step. `trust`
    signs what is pushed, and says whose signatures count.
    """

    project: Project
    lock: Lock
    fingerprints: Mapping[str, Fingerprint]
    plan: Plan
    state: StateDir
    listen: Listener
    timeout: float = 3600.0
    takes_chroot: bool = False
    use: Callable[[], StepUse] = StepUse
    trust: Seals = PLAIN

    @property
    def catalog(self) -> Catalog:
        """The catalog."""
        return self.project.catalog

    @property
    def expansion(self) -> Expansion:
        """The expanded matrix of the catalog."""
        return self.project.expansion

    def epoch(self, target: Target) -> int:
        """Return the timestamp of the files of a target, in seconds since 1970."""
        return self.lock.epoch(target.id, self.expansion.base_of(target).id)
