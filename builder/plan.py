"""What a plan is made of, and of what it is made. `planner` makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from builder.fingerprint import Fingerprint
from builder.lock import Lock
from builder.matrix import Expansion
from builder.model import Base, Catalog, Matrix, Target
from builder.reference import Reference
from builder.reference import parse as parse_reference
from builder.release import Record, ReleasedTarget

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What the first registry holds. `digests` maps a target or base id to its fp-tag's digest."""

    asked: bool = True
    digests: Mapping[str, str] = field(default_factory=dict)
    record: Record | None = None
    releases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One unit of work. `needs` are ids of steps that come first; kinds are open."""

    id: str
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
    repository: Reference
    exact: str
    immutable: tuple[str, ...]
    rolling: tuple[str, ...]
    action: str  # build, reuse, retire or block
    reason: str
    digest: str | None = None
    released: ReleasedTarget | None = None  # the same image, in the current release
    before: ReleasedTarget | None = None  # what the current release has, the same image or not


@dataclass(frozen=True, kw_only=True)
class ChartPlan:
    """What happens to a chart. `images` are references as its values name them."""

    name: str
    version: str
    images: tuple[str, ...]
    cells: tuple[str, ...]  # ids of the targets of the images
    action: str  # package, keep or skip
    reason: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All of it. `release` is the name that a release of this plan has."""

    release: str
    targets: Mapping[str, TargetPlan]
    charts: Mapping[str, ChartPlan]
    bases: Mapping[str, Base]
    steps: Mapping[str, Step]


def unlocked_line(values: Mapping[str, str], matrix: Matrix, lock: Lock) -> str:
    """The first line of a cell that the lock lacks, as `axis=value`, or nothing."""
    for axis, name in values.items():
        value = matrix.value(axis, name)
        if value.provider and value.id not in lock.lines:
            return value.id
    return ""


def unlocked_base(target: Target, expansion: Expansion, matrix: Matrix, lock: Lock) -> str:
    """The id of a target's base where the lock lacks it, or nothing.

    Another platform's base may be out of this machine's reach; the default one's must be locked.
    """
    base = expansion.base_of(target)
    is_needed = base.platform == matrix.default_platform
    return "" if is_needed or base.id in lock.bases else base.id


def held_back(targets: Mapping[str, TargetPlan]) -> dict[str, TargetPlan]:
    """A cell gets no tag of a release while one of its platforms is blocked."""
    barred = {item.target.cell.id for item in targets.values() if item.action == "block"}
    return {
        key: replace(item, immutable=item.immutable[:1], rolling=())
        if item.target.cell.id in barred
        else item
        for key, item in targets.items()
    }


def base_reference(base: Base, catalog: Catalog, lock: Lock) -> Reference:
    """The reference of a base's content."""
    content = lock.base(base.id).content.removeprefix("sha256:")
    repository = parse_reference(catalog.matrix.repository_of(base.axis))
    return repository.with_tag(f"fp-{content[:32]}")


def reference(target: Target, catalog: Catalog, fingerprint: Fingerprint) -> Reference:
    """The reference of what is built from a target's inputs."""
    return parse_reference(catalog.matrix.repository_of(target.cell.image)).with_tag(
        fingerprint.tag
    )
