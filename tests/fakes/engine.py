"""An engine that builds in no time: what it builds depends on what it is given."""

from __future__ import annotations

from collections.abc import Sequence

from builder.engines.interfaces import (
    HOST,
    KERNEL,
    BuildRequest,
    Built,
    Container,
    StartRequest,
    built_from_layout,
)
from builder.oci.reference import Reference
from tests.fakes.calls import Calls
from tests.fakes.layout import write_layout


class FakeEngine(Calls):
    """`salt` stands for all in which two engines differ: it changes every digest.

    One that `stacks` leaves the layers of the parent below its own, as real engines do.
    """

    name = "fake"
    keeps_elsewhere = ""
    platforms = ("linux/amd64",)

    def __init__(self, *, salt: str = "", stacks: bool = False) -> None:
        super().__init__()
        self.salt = salt
        self.stacks = stacks
        self.isolation = KERNEL
        self.requests: list[BuildRequest] = []
        self.running: dict[str, StartRequest] = {}
        self.held: dict[str, int] = {}

    def build(self, request: BuildRequest) -> Built:
        """Write a layout that holds the Dockerfile and what it stands on."""
        self._call("build", request.id)
        self.requests.append(request)
        text = (request.context / "Dockerfile").read_text()
        if request.on_line is not None:
            for number, line in enumerate(lines := text.splitlines(), 1):
                request.on_line(f"STEP {number}/{len(lines)}: {line}")
        text += "".join(f"{name}={place}\n" for name, place in sorted(request.contexts.items()))
        env = [line[4:] for line in text.splitlines() if line.startswith("ENV ")]
        architecture = request.platform.partition("/")[2]
        content = (text + self.salt).encode()
        below = request.below if self.stacks else ()
        digest = write_layout(request.layout, content, env, architecture, below=below)
        local = f"fake/{request.id}"
        network = request.network if self.isolation == KERNEL else HOST
        if self.stacks:
            return built_from_layout(
                request.layout, local=local, isolation=self.isolation, network=network
            )
        return Built(
            layout=request.layout,
            digest=digest,
            size=1000,
            local=local,
            isolation=self.isolation,
            network=network,
        )

    def start(self, request: StartRequest) -> Container:
        """A container that is nothing but an entry of `running`."""
        self._call("start", request.image)
        key = f"c{len(self.calls)}"
        self.running[key] = request
        return Container(id=key, ports={}, testinfra="local://", env={})

    def ended(self, container: Container) -> str:
        """Containers that are nothing do not end."""
        return "" if container.id in self.running else "is gone"

    def remove(self, container: Container) -> None:
        """Forget a container; silent where it is gone."""
        self._call("remove", container.id)
        self.running.pop(container.id, None)

    def drop(self, name: str) -> None:
        """What is built is not kept, so only `held` may lack it afterwards."""
        self._call("drop", name)
        self.held.pop(name, None)

    def images(self) -> dict[str, int]:
        """What `held` says."""
        return dict(self.held)

    def clean_up(self) -> tuple[str, ...]:
        """Forget the containers that run, and return their ids."""
        left = tuple(self.running)
        self.running.clear()
        return left

    def instruction(self, line: str) -> str:
        """Return `3/10` of `STEP 3/10: RUN …`."""
        return line.partition(":")[0].removeprefix("STEP ") if line.startswith("STEP ") else ""

    def index_commands(
        self, name: str, sources: Sequence[Reference], targets: Sequence[Reference]
    ) -> tuple[str, ...]:
        """Return a line for each reference that the index gets."""
        return tuple(f"fake index {name} {one} {' '.join(map(str, sources))}" for one in targets)

    def commands(self, request: BuildRequest) -> tuple[str, ...]:
        """One line."""
        return (f"fake build {request.id}",)

    def preamble(self) -> tuple[str, ...]:
        """Nothing is needed first."""
        return ()
