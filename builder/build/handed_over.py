"""Takes what was handed over, verifies it, and pushes it: the other half of `handover`.

Steps are carried out as where they were built, on this checkout and its lock, but nothing is built,
run or tested: images and results come from the folder that was handed over. Whoever could write to
it is not believed: what it says is compared with what this run computes, and every blob is hashed.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from builder.build.executor import Policy, Wait
from builder.build.handover import (
    ARTIFACT,
    CONFIG,
    DOCUMENT,
    FILES,
    FORMAT,
    IMAGE,
    folder_of,
    inputs_of,
)
from builder.build.image_steps import BuildActions
from builder.build.patience import PatientStore
from builder.build.run_context import RunContext
from builder.build.size_check import ImageSize
from builder.catalog.models import Base
from builder.catalog.packages import PackageList
from builder.common.archives import digests
from builder.common.errors import StepError
from builder.common.files import place_file, write
from builder.common.hashing import canonical
from builder.common.limits import (
    ARTIFACT_FILE,
    CONFIGURATION,
    check_name,
    read_file,
    read_json,
    safe_join,
)
from builder.common.state_dir import StateDir
from builder.engines.interfaces import (
    CHROOT,
    HOST,
    KERNEL,
    POD,
    BuildNetwork,
    BuildRequest,
    Built,
    built_from_layout,
)
from builder.lock.lockfile import BaseLock
from builder.oci import layout as layouts
from builder.oci.image import ImageLayer
from builder.oci.reference import Reference
from builder.plan.image_metadata import JUNIT, PACKAGES
from builder.plan.models import Step, TargetPlan
from builder.registry.interfaces import Artifact, Registry
from builder.testing import package_list
from builder.testing.interfaces import ChartRequest, SmokeRequest, TestCounts

_ENTRIES = 10_000
_LEVELS = 8
_HINT = "none of it was pushed: run the job that built it again, and see who can write its files"
_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_SHOWN = 120
_MEASURED = ("memory", "disk")
"""The keys of metadata for what only the machine that built could measure."""
_MOST_BYTES = 2**50
_KEYS = {"format", "step", "inputs", "run", "tests"}


@dataclass(frozen=True, kw_only=True)
class Handed:
    """What was handed over for a step: nothing in it is believed.

    `folder` is that of all steps. `inputs` and `run` are what this machine computed; `parts` are
    the folders that the step may have.
    """

    folder: Path
    step: str
    inputs: str
    run: str
    parts: frozenset[str]

    @classmethod
    def of(cls, folder: Path, context: RunContext, step: Step, run: str) -> Handed:
        """Return what was handed over for a step of a plan."""
        parts = {IMAGE} if step.kind != "chart" and step.action not in {"test", "mirror"} else set()
        parts |= {ARTIFACT} if step.kind != "base" else set()
        inputs = inputs_of(context, step)
        return cls(folder=folder, step=step.id, inputs=inputs, run=run, parts=frozenset(parts))

    def refused(self, problem: str) -> StepError:
        """Return the error of something that is not what this run would have made."""
        return StepError(f"what was handed over for {self.step} is refused: {problem}", hint=_HINT)

    @cached_property
    def tests(self) -> TestCounts | None:
        """Return the results of the tests, after a check of what the folder is for."""
        data = self._json(DOCUMENT)
        if data.get("format") != FORMAT or data.keys() != _KEYS:
            raise self.refused(f"{DOCUMENT} is not of format {FORMAT}")
        for key, own in (("step", self.step), ("inputs", self.inputs), ("run", self.run)):
            if data[key] != own:
                raise self.refused(f"it is for the {key} {_shown(data[key])} instead of {own!r}")
        return None if data["tests"] is None else self._counts(data["tests"])

    def passed(self) -> TestCounts:
        """Return the results of the tests. Raises StepError where there are none."""
        if self.tests is None:
            raise self.refused("it has no results of tests")
        return self.tests

    def _counts(self, value: object) -> TestCounts:
        names = ("passed", "failed", "skipped")
        numbers = [value.get(name) for name in names] if isinstance(value, dict) else []
        if len(numbers) != len(value if isinstance(value, dict) else ()) or not all(
            type(number) is int and number >= 0 for number in numbers
        ):
            raise self.refused(f"its results of tests are {_shown(value)}")
        counts = TestCounts(**dict(zip(names, numbers, strict=True)))  # type: ignore[arg-type]
        if counts.failed or not counts.passed:
            raise self.refused(f"{counts.passed} of its tests passed and {counts.failed} failed")
        return counts

    # The image.

    def take_image(self, layout: Path, below: Sequence[ImageLayer], platform: str) -> None:
        """Verify the image, and write it to `layout`, without layers that the registry has.

        `below` are the layers of the image that it must stand on, as the registry has them.
        """
        _ = self.tests  # says first what the image is for
        image = self._root / IMAGE
        try:
            manifest, layers = layouts.manifest_in(image), layouts.layers_in(image)
            self._check_platform(layouts.config_in(image), platform)
            if [(layer.digest, layer.diff) for layer in layers[: len(below)]] != [
                (layer.digest, layer.diff) for layer in below
            ]:
                raise self.refused("its image does not stand on the parent that the registry has")
            documents = (manifest.digest, str(manifest.config["digest"]))
            own = {layer.digest: layer for layer in layers[len(below) :]}
            self._check_files(image, (*documents, *own))
            for layer in own.values():
                self._check_layer(layouts.blob(image, layer.digest), layer)
        except StepError as error:
            raise error if error.hint == _HINT else self.refused(error.message) from error
        shutil.rmtree(layout, ignore_errors=True)
        for digest in (*documents, *own):
            blob = layouts.blob(image, digest)
            place_file(blob, layout, blob.relative_to(image).as_posix(), self.step)
        size = layouts.blob(layout, manifest.digest).stat().st_size
        index = layouts.index([(platform, manifest.digest, manifest.kind, size)])
        write(layout / "index.json", index, lasting=False)
        write(layout / "oci-layout", _LAYOUT, lasting=False)

    def _check_platform(self, config: Mapping[str, Any], platform: str) -> None:
        parts = [config.get(key) for key in ("os", "architecture", "variant") if config.get(key)]
        machine = "/".join(str(part)[:_SHOWN] for part in parts)
        if not f"{machine}/".startswith(f"{platform}/"):
            raise self.refused(f"its image is for {_shown(machine)} instead of {platform!r}")

    def _check_files(self, image: Path, digests: Collection[str]) -> None:
        """Refuse what is in a layout beside its image: the registry has the parent's layers."""
        blobs = {layouts.blob(image, digest).relative_to(self._root) for digest in digests}
        known = {path.as_posix() for path in blobs}
        known |= {f"{IMAGE}/index.json", f"{IMAGE}/oci-layout"}
        for name in sorted(self._files):
            if name.startswith(f"{IMAGE}/") and name not in known:
                raise self.refused(f"the file {_shown(name)} is not a part of its image")

    def _check_layer(self, blob: Path, layer: ImageLayer) -> None:
        digest, diff = digests(blob, layer.size, f"the layer {blob.name}")
        if digest != layer.digest:
            raise self.refused(f"its layer {layer.digest} has the digest {digest}")
        if diff != layer.diff:
            raise self.refused(
                f"its layer {layer.digest} is unpacked to {diff}, but its image says {layer.diff}"
            )

    # The artifact.

    def checked(self, artifact: Artifact) -> Artifact:
        """Return an artifact with the time that its step took where it was built.

        Raises StepError where what was handed over differs in anything else.
        """
        _ = self.tests
        titles = {f"{ARTIFACT}/{FILES}/{title}": title for title in artifact.files}
        given = {name for name in self._files if name.startswith(f"{ARTIFACT}/")}
        if wrong := sorted(given - titles.keys() - {f"{ARTIFACT}/{CONFIG}"}):
            raise self.refused(f"the file {_shown(wrong[0])} is not a part of its artifact")
        for name, title in titles.items():
            if self._bytes(name) != artifact.files[title].data:
                raise self.refused(f"its {title} is not what this run makes of the same inputs")
        config, own = self._json(f"{ARTIFACT}/{CONFIG}"), json.loads(artifact.config)
        for key in sorted({*config, *own}):
            if key not in ("seconds", *_MEASURED) and config.get(key) != own.get(key):
                given_value, own_value = _shown(config.get(key)), _shown(own.get(key))
                raise self.refused(f"its metadata has {key} {given_value} instead of {own_value}")
        if "seconds" not in own:
            return artifact
        seconds = config.get("seconds")
        if not isinstance(seconds, float) or not 0 <= seconds < math.inf:
            raise self.refused(f"its metadata has seconds {_shown(seconds)}")
        measured = {key: self._bytes_of(config, key) for key in _MEASURED if key in config}
        return replace(artifact, config=canonical({**own, "seconds": seconds, **measured}))

    def _bytes_of(self, config: Mapping[str, Any], key: str) -> int:
        """Return a number of bytes that was measured where the image was built."""
        number = config[key]
        if type(number) is not int or not 0 < number < _MOST_BYTES:
            raise self.refused(f"its metadata has {key} {_shown(number)}")
        return number

    def isolation(self, network: BuildNetwork) -> tuple[str, str]:
        """Return how the build was isolated, as its metadata states it, and the network it had.

        `network` is what a build that the kernel isolates has. Nobody but who built it can tell.
        """
        given = self._json(f"{ARTIFACT}/{CONFIG}").get("isolation", "")
        networks = {"": "", KERNEL: network, POD: HOST, CHROOT: HOST}
        if not isinstance(given, str) or given not in networks:
            raise self.refused(f"its metadata has isolation {_shown(given)}")
        return given, networks[given]

    def file(self, title: str) -> bytes:
        """Return a file of its artifact."""
        return self._bytes(f"{ARTIFACT}/{FILES}/{title}")

    # The folder.

    @property
    def _root(self) -> Path:
        return folder_of(self.folder, self.step)

    @cached_property
    def _files(self) -> frozenset[str]:
        """Return the names of all files, below the folder of the step."""
        if not os.path.lexists(self._root):
            raise self.refused("it is missing: its build failed, or was not one of this job")
        files = frozenset(self._walk(self._root, "", _LEVELS))
        for name in sorted(files):
            if name != DOCUMENT and name.partition("/")[0] not in self.parts:
                raise self.refused(f"it has the file {_shown(name)}")
        return files

    def _walk(self, folder: Path, prefix: str, levels: int) -> Iterator[str]:
        if folder.is_symlink() or not folder.is_dir():
            raise self.refused(f"{_shown(prefix or folder.name)} is not a folder")
        for number, entry in enumerate(os.scandir(folder)):
            name = f"{prefix}{entry.name}"
            check_name(name, error=self.refused)
            if number >= _ENTRIES or not levels:
                raise self.refused(f"the folder of {_shown(name)} has too many files or levels")
            if entry.is_file(follow_symlinks=False):
                yield name
            elif entry.is_dir(follow_symlinks=False):
                yield from self._walk(folder / entry.name, f"{name}/", levels - 1)
            else:
                raise self.refused(f"{_shown(name)} is neither a file nor a folder")

    def _bytes(self, name: str) -> bytes:
        if name not in self._files:
            raise self.refused(f"it lacks the file {name!r}")
        path = safe_join(self._root, name, error=self.refused)
        return read_file(path, ARTIFACT_FILE, name, error=self.refused)

    def _json(self, name: str) -> dict[str, Any]:
        data = read_json(self._bytes(name), CONFIGURATION, name, error=self.refused)
        if not isinstance(data, dict):
            raise self.refused(f"{name} is not a JSON object")
        return data


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def check_folder(folder: Path, steps: Collection[str]) -> None:
    """Raise StepError where a folder has anything that is not handed over for one of `steps`."""
    if not folder.is_dir():
        raise StepError(f"{folder} is not a folder", hint="builder step ID... --export DIR")
    known = {folder_of(folder, step).name for step in steps}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name not in known:
            raise StepError(
                f"{folder} is refused: {_shown(entry.name)} belongs to none of these steps",
                hint=_HINT,
            )


# What stands in the place of engine, tests and registry.


class HandedStore(PatientStore):
    """A Registry that gets an artifact only where the one that was handed over is the same."""

    def __init__(
        self, store: Registry, handed: Handed, *, wait: Wait, policy: Policy | None = None
    ) -> None:
        super().__init__(store, wait=wait, policy=policy)
        self._handed = handed

    def put(self, artifact: Artifact, reference: Reference) -> str:
        """Put an artifact, as a Registry does. Raises StepError where it is another one.

        Signatures are made here, and never handed over.
        """
        is_signature = reference.tag.endswith(".sig")
        checked = artifact if is_signature else self._handed.checked(artifact)
        return super().put(checked, reference)


@dataclass(frozen=True)
class HandedImages:
    """Brings the image that was handed over, in the place of an engine or of a source of bases."""

    handed: Handed
    state: StateDir

    def build(self, request: BuildRequest) -> Built:
        """Verify the image and write it to the layout of the request. Raises StepError."""
        self.handed.take_image(request.layout, request.below, request.platform)
        isolation, network = self.handed.isolation(request.network)
        return built_from_layout(request.layout, local="", isolation=isolation, network=network)

    def instruction(self, line: str) -> str:
        """Return nothing: no line is printed by a build."""
        return ""

    def layout(self, base: Base, lock: BaseLock) -> Path:
        """Return the verified layout of a base. Raises StepError."""
        layout = self.state.handed_base(base.slug)
        self.handed.take_image(layout, (), base.platform)
        return layout


@dataclass(frozen=True)
class HandedTests:
    """Brings the results that were handed over, in the place of tests."""

    handed: Handed
    waits_for = ""

    def test(self, request: SmokeRequest) -> TestCounts:
        """Write the results and the installed packages where the request wants them."""
        counts = self.handed.passed()
        self.packages(request)
        write(request.junit, self.handed.file(JUNIT), lasting=False)
        if request.packages is not None:
            write(request.packages, self.handed.file(PACKAGES), lasting=False)
        return counts

    def packages(self, request: SmokeRequest) -> PackageList:
        """Return the installed packages of the image."""
        data = self.handed.file(PACKAGES)
        read_json(data, ARTIFACT_FILE, PACKAGES, error=self.handed.refused)
        try:
            return package_list.parse(data)
        except StepError as error:
            raise self.handed.refused(f"{PACKAGES} is not a list of packages") from error

    def prepare(self, log: Path) -> None:
        """Install nothing."""

    def run(self, request: ChartRequest) -> TestCounts:
        """Return the results of the tests of a chart."""
        return self.handed.passed()


class HandedActions(BuildActions):
    """The steps of bases and targets, where images and results come from another machine."""

    def _provide(self, step: Step, target_plan: TargetPlan, folder: Path) -> None:
        """Fetch nothing: nothing is built here."""

    def _check_layers(
        self, target_plan: TargetPlan, image_size: ImageSize, built: Built, parent: Reference
    ) -> None:
        """Read no files of layers: that was done where the image was built."""
