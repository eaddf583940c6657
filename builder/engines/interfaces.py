"""What an engine must do, and what the table of engines holds of it.

The fake engine of the tests and every engine of the table pass the same tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from builder.common.process import Runner
from builder.oci.image import ImageLayer
from builder.oci.layout import entry, manifest_in
from builder.oci.reference import Reference

OCI = "oci"
"""The isolation of a RUN by namespaces and control groups of its own."""
BuildNetwork = Literal["none", "private"]
"""What a RUN reaches: nothing, or what is outside of this machine."""
KERNEL = "kernel"
CHROOT = "chroot"
POD = "pod"
"""How a RUN was isolated, as the metadata of an image says it: by the kernel, in a chroot beside
all that its machine does, or in a chroot of a pod that does nothing else and cannot write."""
ISOLATION = "BUILDER_ISOLATION"
"""The environment variable that asks for CHROOT or POD, where the kernel does not isolate."""
HOST = "host"
"""The network of a RUN that the kernel does not isolate: that of its machine, or of its pod."""


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """One image to build.

    `context` is a folder with a `Dockerfile`, whose `FROM parent` and `COPY --from=<input>` are
    named contexts: `contexts` maps each such name to the reference that it stands for.
    `epoch` is the timestamp in seconds that every file and the image get. `secrets` maps an id to
    the file that a RUN may mount; none of them reaches a layer. `below` are the layers of the
    parent as its registry has them: the image names them so, and an engine that would have to
    compress them again leaves their blobs out of the layout. `network` is what a RUN reaches:
    nothing, or what is outside of this machine; its loopback is never in reach. `on_line` is
    called with each line that the engine prints, from any thread.
    """

    id: str
    context: Path
    contexts: Mapping[str, Reference]
    platform: str
    epoch: int
    layout: Path  # where the OCI layout is to be written; created by the engine
    below: tuple[ImageLayer, ...] = ()
    secrets: Mapping[str, Path] = field(default_factory=dict)
    network: BuildNetwork = "none"
    timeout: float = 3600.0
    log: Path | None = None
    on_line: Callable[[str], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image on this machine: an OCI layout with one manifest.

    Blobs of `BuildRequest.below` may be missing from it.
    `size` is the sum of its compressed blobs in bytes; `local` is what the engine that built it
    calls it, so that it can be started without being loaded again. `isolation` is KERNEL, CHROOT or
    POD, and `network` a BuildNetwork or HOST; both are "" where the engine does not say.
    """

    layout: Path
    digest: str
    size: int
    local: str
    isolation: str = ""
    network: str = ""


@dataclass(frozen=True, kw_only=True)
class StartRequest:
    """A container to start in the background. `ports` are TCP ports to publish on 127.0.0.1.

    `is_restricted` gives it what the pod of a chart has: no capability, and no program in it gains
    privileges. Otherwise it has what the engine gives by itself.
    """

    image: str  # `Built.local`, or a full reference
    command: tuple[str, ...] = ()  # empty: the image's own
    env: Mapping[str, str] = field(default_factory=dict)  # values never appear on a command line
    ports: tuple[int, ...] = ()
    is_restricted: bool = False
    log: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Container:
    """A running container. `ports` maps a container port to the one on 127.0.0.1."""

    id: str
    ports: Mapping[int, int]
    testinfra: str  # the host specification that testinfra connects to, e.g. podman://ID
    env: Mapping[str, str]  # what that connection needs in its environment
    enter: tuple[str, ...] = ()  # a command that runs a program in it begins so, with `env`


class ImageBuilder(Protocol):
    """Builds images to OCI layouts."""

    def build(self, request: BuildRequest) -> Built:
        """Build to an OCI layout. Raises StepError, TransientError."""

    def instruction(self, line: str) -> str:
        """Return `3/10` where a line of `on_line` says that this instruction begins, or nothing."""


class Engine(ImageBuilder, Protocol):
    """Builds, starts and removes."""

    @property
    def name(self) -> str:
        """The name in the table of engines."""

    @property
    def keeps_elsewhere(self) -> str:
        """`EngineFactory.keeps_elsewhere` of its factory."""

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that it can build for on this machine, the machine's own first."""

    def start(self, request: StartRequest) -> Container:
        """Start a container. Raises StepError."""

    def ended(self, container: Container) -> str:
        """Return how a container ended, with its last lines; "" while it runs."""

    def remove(self, container: Container) -> None:
        """End and remove a container, with its volumes; silent where it is gone."""

    def drop(self, name: str) -> None:
        """Forget an image, by `Built.local` or a full reference; silent where it is gone.

        Its disk space is free once no other image of the engine has its layers.
        """

    def commands(self, request: BuildRequest) -> tuple[str, ...]:
        """Return what `build` would run, as shell lines that need nothing of the builder."""

    def index_commands(
        self, name: str, sources: Sequence[Reference], targets: Sequence[Reference]
    ) -> tuple[str, ...]:
        """Return shell lines that make an index of the images `sources`, one for each platform.

        `targets` are the references that the index gets. `name` is its name until then.
        """

    def preamble(self) -> tuple[str, ...]:
        """Return shell lines that those of `commands` and `index_commands` need first."""


def built_from_layout(layout: Path, *, local: str, isolation: str = "", network: str = "") -> Built:
    """Return the image in a layout as the result of a build."""
    manifest = manifest_in(layout)
    blobs = [entry(layout), manifest.config, *manifest.layers]
    size = sum(int(blob["size"]) for blob in blobs)
    return Built(
        layout=layout,
        digest=manifest.digest,
        size=size,
        local=local,
        isolation=isolation,
        network=network,
    )


class LocalImages(Protocol):
    """The images of registries that an engine holds."""

    def images(self) -> Mapping[str, int]:
        """Return the bytes of images by `registry/repository@digest`, shared layers included."""

    def drop(self, name: str) -> None:
        """Forget an image; silent where it is gone."""


class HostEngine(Engine, LocalImages, Protocol):
    """An engine of this machine."""

    def clean_up(self) -> tuple[str, ...]:
        """Remove the containers that a killed run of this project left, and return their ids."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that `builder doctor` looked at. `hint` says what to do where it is not `ok`.

    What `waits` is no fault of this machine: all that does not need it goes on.
    """

    subject: str
    found: str
    ok: bool = True
    hint: str = ""
    waits: bool = False


class EngineFactory(Protocol):
    """An engine by its name in the table of engines: whether it can be used, and how it is made."""

    keeps_elsewhere: str
    """Why it does not keep all that it stores in its folder, or "" where it does.

    A build in a new folder then does not begin from nothing, and the folder does not tell what the
    engine takes of the disk.
    """

    packages: Mapping[str, tuple[str, ...]]
    """The programs that it needs, each with the Debian packages that `builder doctor` installs."""

    def is_ready(self, runner: Runner) -> bool:
        """Whether this machine can use it."""

    def make(self, runner: Runner, state: Path) -> HostEngine:
        """Make it, with `state` as its folder. Raises ToolError with what to install."""

    def findings(self, runner: Runner) -> Iterable[Finding]:
        """Say what this machine has of what it needs, beside the programs of `packages`."""

    def has_built(self, config: Mapping[str, Any]) -> bool:
        """Whether the configuration of an image looks as if this engine had built it."""

    def outside(self, state: Path) -> tuple[Path, ...]:
        """Return what it keeps outside of its folder and can be removed with it."""

    def remove_state(self, state: Path) -> None:
        """Remove its folder, and what it keeps outside of it, once nothing of it runs."""
