"""What the builder needs of the outside world. Each protocol has one fake, under the same tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from builder.model import Base, ImageLayer, RemoteFile, Source
from builder.packages import Inventory, Suite
from builder.reference import Reference


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """One image to build.

    `context` is a folder with a `Dockerfile`, whose `FROM parent` and `COPY --from=<input>` are
    named contexts: `contexts` maps each such name to the reference that it stands for.
    `epoch` is the timestamp in seconds that every file and the image get. `secrets` maps an id to
    the file that a RUN may mount; none of them reaches a layer. `below` are the layers of the
    parent as its registry has them: the image names them so, and an engine that would have to
    compress them again leaves their blobs out of the layout. `on_line` is called with each line
    that the engine prints, from any thread.
    """

    id: str
    context: Path
    contexts: Mapping[str, Reference]
    platform: str
    epoch: int
    layout: Path  # where the OCI layout is to be written; created by the engine
    below: tuple[ImageLayer, ...] = ()
    secrets: Mapping[str, Path] = field(default_factory=dict)
    timeout: float = 3600.0
    log: Path | None = None
    on_line: Callable[[str], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image on this machine: an OCI layout with one manifest.

    Blobs of `BuildRequest.below` may be missing from it.
    `size` is the sum of its compressed blobs in bytes; `local` is what the engine that built it
    calls it, so that it can be started without being loaded again.
    """

    layout: Path
    digest: str
    size: int
    local: str


@dataclass(frozen=True, kw_only=True)
class StartRequest:
    """A container to start in the background. `ports` are TCP ports to publish on 127.0.0.1."""

    image: str  # `Built.local`, or a full reference
    command: tuple[str, ...] = ()  # empty: the image's own
    env: Mapping[str, str] = field(default_factory=dict)  # values never stand on a command line
    ports: tuple[int, ...] = ()
    log: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Container:
    """A running container. `ports` maps a container port to the one on 127.0.0.1."""

    id: str
    ports: Mapping[int, int]
    testinfra: str  # the host specification that testinfra connects to, e.g. podman://ID
    env: Mapping[str, str]  # what that connection needs in its environment
    enter: tuple[str, ...] = ()  # a command that runs a program in it begins so, with `env`


class Engine(Protocol):
    """Builds, starts and removes."""

    @property
    def name(self) -> str:
        """`podman` or `docker`."""

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that it builds for here, its own first."""

    def build(self, request: BuildRequest) -> Built:
        """Build to an OCI layout. Raises StepError, TransientError."""

    def start(self, request: StartRequest) -> Container:
        """Start a container. Raises StepError."""

    def ended(self, container: Container) -> str:
        """Return how a container ended, with its last lines; "" while it runs."""

    def remove(self, container: Container) -> None:
        """End and remove a container, with its volumes; silent where it is gone."""

    def drop(self, name: str) -> None:
        """Forget an image, by `Built.local` or a full reference; silent where it is gone.

        The room that it took is free once nothing else that the engine holds stands on it.
        """

    def commands(self, request: BuildRequest) -> tuple[str, ...]:
        """What `build` would run, as shell lines that need nothing of the builder."""

    def preamble(self) -> tuple[str, ...]:
        """Shell lines that the lines of `commands` need first."""


@dataclass(frozen=True, kw_only=True)
class Blob:
    """Content with its media type."""

    kind: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """Something that is not an image, kept beside images. `files` maps a title to its content."""

    kind: str  # the media type of its config, which says what it is
    files: Mapping[str, Blob]
    config: bytes = b"{}"
    annotations: Mapping[str, str] = field(default_factory=dict)


class Store(Protocol):
    """One or more registries. Every method raises TransientError, ConflictError or StepError."""

    def tags(self, repository: str) -> tuple[str, ...]:
        """The tags of `registry/repository`, sorted; none where it does not exist."""

    def digest(self, reference: Reference) -> str | None:
        """The digest of a manifest, or None where there is none."""

    def push(self, layout: Path, reference: Reference, parent: Reference | None = None) -> str:
        """Push an OCI layout as it is; the digest that the tag has afterwards.

        Blobs that the layout lacks are those of `parent`, which is in the same registry.
        """

    def copy(self, source: Reference, target: Reference) -> None:
        """Make `target` name the manifest of `source`; layers move only between repositories."""

    def put(self, artifact: Artifact, reference: Reference) -> str:
        """Push an artifact; its digest."""

    def get(self, reference: Reference) -> Artifact | None:
        """An artifact, or None where there is none."""


class Images(Protocol):
    """What registries do with images beside what a Store does, and raise as it does."""

    def layers(self, reference: Reference) -> tuple[ImageLayer, ...]:
        """The layers of an image, the lowest first. Raises StepError where it is not there."""

    def blob(self, reference: Reference, digest: str, file: Path) -> None:
        """Write a blob of an image to a file. Raises StepError where it is not there."""

    def configs(self, reference: Reference) -> Mapping[str, Mapping[str, Any]]:
        """The configuration of an image, or of each of an index, by digest; empty: not there."""

    def put_index(self, manifests: Mapping[str, str], place: Reference) -> str:
        """Push an index of digests that `place` has, by platform, under no tag; its digest."""


@dataclass(frozen=True, kw_only=True)
class BaseLock:
    """What the lock says of a base.

    `content` is the digest of the uncompressed root file system for a bootstrap, of the manifest
    for a registry. `epoch` is in seconds. `suites` are those of its archive, by name.
    """

    source: Source
    content: str
    epoch: int
    suites: Mapping[str, Suite] = field(default_factory=dict)


class BaseProvider(Protocol):
    """Gets the content of bases."""

    def layout(self, base: Base, lock: BaseLock) -> Path:
        """An OCI layout of exactly what `lock` names. Raises StepError, never falls back."""


@dataclass(frozen=True, kw_only=True)
class LineRequest:
    """A line that is asked for, for what stands on a base.

    `line` is as the provider knows it, e.g. 3.13; `options` are what the recipe says beside. `axis`
    is the line's own; `axes` are all those of the target that needs it, to their lines.
    """

    line: str
    base: Base
    lock: BaseLock
    options: Mapping[str, str] = field(default_factory=dict)
    axis: str = ""
    axes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ResolvedLine:
    """What a line is now: the exact version, and the files that it comes in, if any."""

    version: str
    files: tuple[RemoteFile, ...] = ()


class LineProvider(Protocol):
    """Where a line of an axis comes from. Both raise UnreachableError where it cannot be asked."""

    def lines(self, request: LineRequest) -> tuple[str, ...]:
        """The exact versions that there are for the base, newest first. No pre-releases."""

    def resolve(self, request: LineRequest) -> ResolvedLine:
        """The newest version of a line. Raises StepError where there is none."""


class RemoteFiles(Protocol):
    """Gets files of the network, and keeps them by their hash."""

    def file(self, file: RemoteFile) -> Path:
        """Where its content is on this machine, checked. Raises StepError, UnreachableError."""


@dataclass(frozen=True, kw_only=True)
class TestCounts:
    """What a JUnit file counted."""

    __test__ = False  # pytest takes it for a class of tests otherwise

    passed: int = 0
    failed: int = 0
    skipped: int = 0


class SmokeTester(Protocol):
    """Runs the tests of an image against a container of it."""

    def test(self, request: SmokeRequest) -> TestCounts:
        """Run them all. Raises SmokeError where one fails, or where there is none.

        Beforehand it writes to `request.packages` what is installed, as `inventory.dump` does.
        """

    def packages(self, request: SmokeRequest) -> Inventory:
        """What is installed in the image, without a test of it."""


@dataclass(frozen=True, kw_only=True)
class SmokeRequest:
    """What a smoke test is told.

    `suites` are folders of tests, the most basic first. `facts` is what the tests compare the
    image with: {"target", "platform", "axes": {axis: value}, "versions": {axis: exact},
    "providers": {axis: name}, "packages": {ecosystem: [name]}, "ports": [int], "command": [str]}.
    """

    target: str
    image: str
    suites: tuple[Path, ...]
    facts: Mapping[str, object]
    command: tuple[str, ...]
    ports: tuple[int, ...]
    junit: Path
    log: Path
    packages: Path | None = None
    timeout: float = 900.0


@dataclass(frozen=True, kw_only=True)
class ChartRequest:
    """A rendered chart to run. `port` is the container port that its service answers on."""

    chart: str
    manifests: str
    password: str  # the one that the manifests give the service
    suite: Path
    port: int
    junit: Path
    log: Path
    is_on_host: bool = False  # its pod reaches what listens on this machine's 127.0.0.1
    timeout: float = 600.0


class ChartRunner(Protocol):
    """Runs a chart's pod without a cluster, and its recipe's tests against it."""

    @property
    def waits_for(self) -> str:
        """What is got before the first chart is run; "" where it is here."""

    def prepare(self, log: Path) -> None:
        """Get it. Raises StepError, ToolError, TransientError."""

    def run(self, request: ChartRequest) -> TestCounts:
        """Run it, test it, take it down. Raises SmokeError, StepError, ToolError."""
