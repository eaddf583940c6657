"""Hands over what steps made, in a folder, to a machine that may write to the registry.

The machine that builds runs what others wrote, so it has no credential that can write.
`HandoverStore` stands in the place of the registry there: what steps would push becomes files.
`handed_over` is the other half.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from builder.build.events import ChartResult, ImageResult, Result
from builder.build.executor import Policy, Wait
from builder.build.patience import PatientStore
from builder.build.run_context import RunContext
from builder.common.errors import StepError
from builder.common.files import place_file, write, write_tree
from builder.common.hashing import digest_of
from builder.common.limits import check_name
from builder.oci import layout as layouts
from builder.oci.reference import Reference
from builder.plan.models import Step
from builder.registry.interfaces import Artifact, Registry
from builder.testing.interfaces import TestCounts

FORMAT = 1
DOCUMENT = "handover.json"
IMAGE = "image"
ARTIFACT = "artifact"
CONFIG = "config.json"
FILES = "files"


@dataclass(frozen=True, kw_only=True)
class Handover:
    """What a folder is for: a step, the full hash of its inputs, and the run that carried it out.

    `tests` are the results of its tests, if it has any.
    """

    step: str
    inputs: str
    run: str
    tests: TestCounts | None = None


class HandoverStore(PatientStore):
    """A Registry that is only read: what is pushed becomes files of one step in `folder`."""

    def __init__(
        self, store: Registry, folder: Path, *, wait: Wait, policy: Policy | None = None
    ) -> None:
        super().__init__(store, wait=wait, policy=policy)
        self._folder = folder

    def push(self, layout: Path, reference: Reference, parent: Reference | None = None) -> str:
        """Keep a layout without the layers of the parent, and return its digest."""
        below = self.layers(parent) if parent is not None else ()
        known = {layouts.blob(layout, layer.digest) for layer in below}
        for path in layout.rglob("*"):
            if path.is_file() and path not in known:
                name = path.relative_to(layout).as_posix()
                place_file(path, self._folder / IMAGE, name, str(layout))
        return str(layouts.entry(layout)["digest"])

    hands_over = True
    """What it gets is signed by the machine that pushes it."""

    def put(self, artifact: Artifact, reference: Reference) -> str:
        """Keep an artifact, and return the digest of its configuration."""
        files = {f"{FILES}/{title}": blob.data for title, blob in artifact.files.items()}
        write_tree(self._folder / ARTIFACT, {CONFIG: artifact.config, **files})
        return digest_of(artifact.config)

    def copy(self, source: Reference, target: Reference) -> None:
        """Leave the copy of a digest to the machine that writes. Raises StepError for a tag."""
        if source.digest:
            return
        raise StepError(f"{target} cannot be made a tag of {source}: this run only hands over")

    def delete(self, reference: Reference) -> bool:
        """Raise StepError: nothing is deleted here."""
        raise StepError(f"{reference} cannot be deleted: this run only hands over")

    def untag(self, reference: Reference) -> bool:
        """Raise StepError: nothing is deleted here."""
        return self.delete(reference)


def folder_of(folder: Path, step: str) -> Path:
    """Return the folder in which a step is handed over, below that of all."""
    name = step.replace("/", "_").replace(":", "-")
    check_name(name, step)
    return folder / name


def inputs_of(context: RunContext, step: Step) -> str:
    """Return the full hash of the inputs of a step: both halves compute it for themselves.

    Raises StepError for the release, which is made where its images are.
    """
    if step.kind == "release":
        raise StepError("a release is not handed over", hint="builder step release")
    if step.kind == "base":
        return context.lock.base(step.target).content
    if step.kind == "chart":
        return context.plan.charts[step.target].fingerprint
    return context.fingerprints[step.target].digest


def handing_over(
    act: Callable[[Step], Result], context: RunContext, folder: Path, run: str
) -> Callable[[Step], Result]:
    """Return the action of a step that leaves `folder` whole, or not at all.

    There is none where the step has nothing to push.
    """

    def hand_over(step: Step) -> Result:
        inputs = inputs_of(context, step)
        shutil.rmtree(folder, ignore_errors=True)
        result = None
        try:
            result = act(step)
        finally:
            if result is None or result.status != "done":
                shutil.rmtree(folder, ignore_errors=True)
        if result.status == "done":
            write(folder / DOCUMENT, _document(inputs, run, result))
        return result

    return hand_over


def _document(inputs: str, run: str, result: Result) -> bytes:
    tested = result.detail if isinstance(result.detail, ImageResult | ChartResult) else None
    handover = Handover(
        step=result.step,
        inputs=inputs,
        run=run,
        tests=tested.tests if tested else None,
    )
    return json.dumps({"format": FORMAT, **asdict(handover)}, indent=1).encode()
