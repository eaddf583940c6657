"""What a plan is made of, and of what it is made. `planner` makes it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace

from builder.catalog.expansion import Expansion, own_values
from builder.catalog.ids import ValueId
from builder.catalog.models import Base, Catalog, RemoteFile, Target
from builder.charts.next_version import checked_tag
from builder.lock.lockfile import BaseLock, Lock
from builder.lock.requests import unlocked_line
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.dockerfile import Dockerfile
from builder.plan.fingerprint import Fingerprint
from builder.plan.fingerprint_document import compare
from builder.registry.release_record import Record, ReleasedChart, ReleasedTarget

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class RegistryState:
    """What the first registry holds. `digests` maps a target or base id to its fp-tag's digest."""

    asked: bool = True
    digests: Mapping[str, str] = field(default_factory=dict)
    record: Record | None = None
    releases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One unit of work. `needs` are ids of steps that come first; kinds are open."""

    id: str  # as a StepId has it
    kind: str
    target: str
    needs: tuple[str, ...]
    action: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class TargetPlan:
    """What happens to a target. `digest` is the one that the registry has."""

    target: Target
    fingerprint: Fingerprint
    dockerfile: Dockerfile
    suite: str  # the identity of its tests
    files: tuple[RemoteFile, ...]  # of the network, that it is built with
    budget: int  # the bytes that its recipe may add; 0: not said
    repository: Reference
    exact: str
    immutable: tuple[str, ...]
    rolling: tuple[str, ...]
    action: str  # build, test, reuse, retire or block
    reason: str
    digest: str | None = None
    released: ReleasedTarget | None = None  # the same image, in the current release
    before: ReleasedTarget | None = None  # what the current release has, the same image or not

    @property
    def reference(self) -> Reference:
        """The reference of what is built from its inputs."""
        return self.repository.with_tag(self.fingerprint.tag)


@dataclass(frozen=True, kw_only=True)
class ChartPlan:
    """What happens to a chart. `images` are references as its values name them.

    `files` are what its package has, rendered once; nothing where it has no image. `fingerprint`
    is their identity.
    """

    name: str
    repository: Reference
    version: str
    images: tuple[str, ...]
    variants: tuple[str, ...]  # ids of the targets of the images
    action: str  # package, keep or skip; block or retire where it has no image
    reason: str
    before: ReleasedChart | None = None  # what the current release has
    files: Mapping[str, bytes] = field(default_factory=dict)
    fingerprint: str = ""

    @property
    def reference(self) -> Reference:
        """The reference of its package once that passed its checks."""
        return self.repository.with_tag(checked_tag(self.fingerprint, self.version))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All of it. `release` is the name that a release of this plan has."""

    release: str
    targets: Mapping[str, TargetPlan]
    charts: Mapping[str, ChartPlan]
    bases: Mapping[str, Base]
    steps: Mapping[str, Step]


def unmet(step: Step, plan: Plan, besides: Container[str]) -> str:
    """The first step that a step needs and that is yet to be done, or nothing.

    Those of `besides` are not looked at: they are carried out first.
    """
    wanted = (need for need in step.needs if need not in besides)
    return next((need for need in wanted if plan.steps[need].action in ("fetch", "build")), "")


def not_locked(target: Target, catalog: Catalog, expansion: Expansion, lock: Lock) -> str:
    """Why the lock does not say all that a target is built from, or nothing."""
    matrix, base = catalog.matrix, expansion.base_of(target)
    if base.id not in lock.bases:
        return f"base {base.id} is not locked: `builder lock` says why"
    if line := unlocked_line(target.variant.values, matrix, lock):
        value = ValueId(line)
        provider = matrix.value(value.axis, value.value).provider
        asks = f"which asks provider {provider}, or says why it cannot"
        return f"{line} is not locked: run `builder lock`, {asks}"
    provides = catalog.recipes[target.recipe].provides
    for axis, name in own_values(target, expansion).items():
        line = ValueId.of(axis, name)
        held = lock.release_lines.get(line)
        if held is not None and axis in provides and held.files and base.id not in held.files:
            return f"{line} is locked without its files for {base.id}: run `builder lock`"
    return ""


def why_build(old: ReleasedTarget | None, fingerprint: Fingerprint) -> str:
    """Why the registry lacks a target; `old` is what the release before offers of it."""
    if old is None:
        return "new: no release has it"
    changed = compare(old.parts, fingerprint.parts)
    if not changed:
        return f"{fingerprint.tag} is gone from the registry"
    return f"changed since {old.since}: {', '.join(changed)}"


def held_back(targets: Mapping[str, TargetPlan]) -> dict[str, TargetPlan]:
    """A variant gets no tag of a release while one of its platforms is blocked."""
    barred = {item.target.variant.id for item in targets.values() if item.action == "block"}
    return {
        key: replace(item, immutable=item.immutable[:1], rolling=())
        if item.target.variant.id in barred
        else item
        for key, item in targets.items()
    }


def base_reference(base: Base, catalog: Catalog, lock: Lock) -> Reference:
    """The reference of a base's content."""
    return locked_reference(catalog, base, lock.base(base.id))


def locked_reference(catalog: Catalog, base: Base, lock: BaseLock) -> Reference:
    """The reference of a base as it is locked."""
    content = lock.content.removeprefix("sha256:")
    repository = parse_reference(catalog.matrix.repository_of(base.axis))
    return repository.with_tag(f"fp-{content[:32]}")


def reference(target: Target, catalog: Catalog, fingerprint: Fingerprint) -> Reference:
    """The reference of what is built from a target's inputs."""
    return parse_reference(catalog.matrix.repository_of(target.variant.image)).with_tag(
        fingerprint.tag
    )
