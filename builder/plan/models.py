"""The parts of a plan and the registry state that it is made from. `planner` makes plans."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from builder.catalog.expansion import Expansion, own_values
from builder.catalog.ids import BaseId, ValueId
from builder.catalog.models import Base, Catalog, RemoteFile, Target
from builder.charts.next_version import checked_tag
from builder.lock.lockfile import BaseLock, Lock
from builder.lock.requests import unlocked_line
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.dockerfile import Dockerfile
from builder.plan.fingerprint import Fingerprint
from builder.plan.fingerprint_document import compare
from builder.plan.step_id import StepId
from builder.registry.release_record import Adopted, Record, ReleasedChart, ReleasedTarget

FORMAT = 2
MADE = frozenset({"build", "mirror"})
"""The actions of targets that a run makes: it builds them, or mirrors an upstream's image."""
BROUGHT = frozenset({"adopt", "fetch", *MADE})
"""The actions of targets and bases that are in the registry once their step has ended."""


@dataclass(frozen=True, kw_only=True)
class Adoptable:
    """An image of a release of a catalog below that can be copied as it is.

    `tests_hash` is that of the tests that it passed there; a base has none.
    """

    catalog: str
    release: str
    image: Reference  # with its digest
    tests_hash: str = ""
    metadata: Reference | None = None  # of its metadata; a base has none

    @property
    def digest(self) -> str:
        """The digest of the image."""
        return self.image.digest

    @property
    def adopted(self) -> Adopted:
        """What a release record says of it."""
        return Adopted(catalog=self.catalog, release=self.release, reference=str(self.image))


@dataclass(frozen=True, kw_only=True)
class Adoptables:
    """What catalogs below have of the images that the own registry lacks, by id.

    `refused` says why one that a release has cannot be adopted, `unasked` why that is not known:
    a registry could not be asked.
    """

    images: Mapping[str, Adoptable] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    unasked: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RegistryState:
    """The state of the first registry.

    `digests` maps the id of a target or base to the digest of its fingerprint tag. `doubts` says
    why an image that is there is not believed; `digests` has none of those. `was_read` is false if
    the registry was not asked.
    """

    was_read: bool = True
    digests: Mapping[str, str] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    record: Record | None = None
    releases: tuple[str, ...] = ()
    adoptables: Adoptables = Adoptables()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One unit of work. `needs` are the ids of the steps that come first."""

    id: str  # the text of a StepId
    kind: str
    target: str
    needs: tuple[str, ...]
    action: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class TargetPlan:
    """The plan of a target. `digest` is that of its image in the registry."""

    target: Target
    fingerprint: Fingerprint
    dockerfile: Dockerfile
    tests_hash: str  # of the tests of its lineage
    files: tuple[RemoteFile, ...]  # to download for the build
    budget: int  # the bytes that its recipe may add; 0 for no budget
    repository: Reference
    exact: str
    immutable: tuple[str, ...]
    rolling: tuple[str, ...]
    action: str  # adopt, build, mirror, test, reuse, retire or block
    reason: str
    digest: str | None = None
    adoptable: Adoptable | None = None  # what the action adopt copies
    released: ReleasedTarget | None = None  # in the current release, if it has the same image
    before: ReleasedTarget | None = None  # in the current release, with any image

    @property
    def is_made(self) -> bool:
        """Whether a run builds it, or mirrors it."""
        return self.action in MADE

    @property
    def is_brought(self) -> bool:
        """Whether the registry has it only once its step has ended."""
        return self.action in BROUGHT

    @property
    def is_tested_again(self) -> bool:
        """Whether it is adopted, and did not pass the tests that it has here."""
        return self.adoptable is not None and self.adoptable.tests_hash != self.tests_hash

    @property
    def reference(self) -> Reference:
        """The reference of the image that is built from its inputs."""
        return self.repository.with_tag(self.fingerprint.tag)


@dataclass(frozen=True, kw_only=True)
class ChartPlan:
    """The plan of a chart. `images` are the references in its values.

    `files` are the rendered files of its package, empty if it has no image. `fingerprint` is
    their hash.
    """

    name: str
    repository: Reference
    version: str
    images: tuple[str, ...]
    variants: tuple[str, ...]  # ids of the targets of the images
    action: str  # package, keep or skip; block or retire if it has no image
    reason: str
    before: ReleasedChart | None = None  # in the current release
    files: Mapping[str, bytes] = field(default_factory=dict)
    fingerprint: str = ""

    @property
    def reference(self) -> Reference:
        """The reference of the package that has passed its checks."""
        return self.repository.with_tag(checked_tag(self.fingerprint, self.version))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A plan. `release` is the name of the release that it makes.

    `never_locked` are the release lines of the catalog that no target was ever built with.
    """

    release: str
    targets: Mapping[str, TargetPlan]
    charts: Mapping[str, ChartPlan]
    bases: Mapping[str, Base]
    steps: Mapping[str, Step]
    never_locked: tuple[str, ...] = ()
    adoptable_bases: Mapping[str, Adoptable] = field(default_factory=dict)


def with_missing(
    selected: Sequence[str], expansion: Expansion, digests: Container[str]
) -> list[str]:
    """Return the selection and its ancestors and inputs that are not in the registry.

    `digests` has what is there, by id.
    """
    needed, stack = set(selected), [key for key in selected if key not in digests]
    while stack:
        for parent in expansion.needs[stack.pop()]:
            if parent in expansion.targets and parent not in needed and parent not in digests:
                needed.add(parent)
                stack.append(parent)
    return [key for key in expansion.targets if key in needed]


def steps_for(images: Sequence[str], targets: Mapping[str, TargetPlan]) -> tuple[str, ...]:
    """Return the steps after which images, given by target id, are believed.

    Steps that adopt do not wait for one another, so what is under an adopted image counts too.
    """
    steps, stack = list[str](), list(reversed(images))
    while stack:
        key = stack.pop()
        if key not in targets or (step := StepId.of("build", key)) in steps:
            continue
        steps.append(step)
        if targets[key].action == "adopt":
            target = targets[key].target
            if target.is_root:
                steps.append(StepId.of("base", target.parent))
            stack += [target.parent, *(name for _, name in target.inputs)]
    return tuple(dict.fromkeys(steps))


def unmet(step: Step, plan: Plan, done_first: Container[str]) -> str:
    """Return the first step that a step needs and that is not done yet, or "".

    The steps of `done_first` are ignored: they are carried out first.
    """
    needs = (need for need in step.needs if need not in done_first)
    return next((need for need in needs if plan.steps[need].action in BROUGHT), "")


def not_locked(target: Target, catalog: Catalog, expansion: Expansion, lock: Lock) -> str:
    """Return why the lock does not fit a target, or ""."""
    matrix, base = catalog.matrix, expansion.base_of(target)
    if target.is_mirrored:
        return _not_locked_image(target, base, catalog, lock)
    if base.id not in lock.bases:
        return f"base {base.id} is not locked: `builder lock` says why"
    if release_line := unlocked_line(target.variant.values, matrix, lock):
        value = ValueId(release_line)
        fitting = matrix.value(value.axis, value.value).fitting(target.variant.values)
        names = " or ".join(dict.fromkeys(one.provider or "" for one in fitting))
        asks = f"which asks provider {names}, or says why it cannot"
        return f"{release_line} is not locked: run `builder lock`, {asks}"
    provides = catalog.recipes[target.recipe].provides
    for axis, name in own_values(target, expansion).items():
        release_line = ValueId.of(axis, name)
        locked = lock.release_lines.get(release_line)
        if locked is not None and axis in provides and locked.lacks_files(base.id):
            return f"{release_line} is locked without its files for {base.id}: run `builder lock`"
    return ""


def _not_locked_image(target: Target, base: Base, catalog: Catalog, lock: Lock) -> str:
    """Return why the lock does not fit a mirrored image, or ""."""
    value, image = catalog.matrix.value(base.axis, base.value), target.variant.image
    if value.id not in lock.versions or base.id not in lock.bases:
        asked = " or ".join(source.value for source in value.sources)
        return f"{base.id} is not locked: run `builder lock -s {image}`, which asks {asked}"
    contents = {lock.bases[key].content for key in lock.bases if BaseId(key).value == value.id}
    if len(contents) > 1:
        again = f"run `builder lock -s {image} --upgrade {value.id}`"
        return f"{value.id} is locked to other content for another platform: {again}"
    return ""


def why_build(released: ReleasedTarget | None, fingerprint: Fingerprint) -> str:
    """Return why a target is missing in the registry; `released` is its last release."""
    if released is None:
        return "new: no release has it"
    changed = compare(released.parts, fingerprint.parts)
    if not changed:
        return f"{fingerprint.tag} is gone from the registry"
    return f"changed since {released.since}: {', '.join(changed)}"


def held_back(targets: Mapping[str, TargetPlan]) -> dict[str, TargetPlan]:
    """Return the plans without release tags for variants with a blocked platform."""
    blocked = {
        target_plan.target.variant.id
        for target_plan in targets.values()
        if target_plan.action == "block"
    }
    return {
        target_id: replace(target_plan, immutable=target_plan.immutable[:1], rolling=())
        if target_plan.target.variant.id in blocked
        else target_plan
        for target_id, target_plan in targets.items()
    }


def base_reference(base: Base, catalog: Catalog, lock: Lock) -> Reference:
    """Return the reference of a base."""
    return locked_reference(catalog, base, lock.base(base.id))


def locked_reference(catalog: Catalog, base: Base, lock: BaseLock) -> Reference:
    """Return the reference of a base with the content of its lock."""
    content = lock.content.removeprefix("sha256:")
    repository = parse_reference(catalog.matrix.repository_of(base.axis))
    return repository.with_tag(f"fp-{content[:32]}")


def reference(target: Target, catalog: Catalog, fingerprint: Fingerprint) -> Reference:
    """Return the reference of the image that is built from the inputs of a target."""
    return parse_reference(catalog.matrix.repository_of(target.variant.image)).with_tag(
        fingerprint.tag
    )
