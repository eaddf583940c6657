"""Containers of real images, run as a cluster runs them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.engines.interfaces import StartRequest
from tests.integration.session.host import Ended
from tests.integration.starter import Catalog

# What a cluster leaves to a session.
RESTRICTED = (
    "--network=host", "--cap-drop=all", "--security-opt=no-new-privileges", "--pull=never",
    "--passwd=false",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Running:
    """A container whose service runs."""

    name: str
    podman: Mapping[str, str]

    def do(self, *command: str, clean: bool = True) -> bytes:
        """What a command prints that does not descend from the service; it must succeed.

        `clean`: with an empty environment but for HOME, as a program gets it that clears its own.
        """
        bare = ("env", "--ignore-environment", "HOME=/home/onyxia", "LANG=C.UTF-8")
        words = ("exec", self.name, *(bare if clean else ()), *command)
        done = podman(self.podman, *words)
        assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
        return done.stdout

    def log(self) -> str:
        """What the service and its start said on stderr."""
        return podman(self.podman, "logs", self.name).stderr.decode()


@dataclass(frozen=True, kw_only=True)
class Box:
    """An image, and the environment that podman needs to run it."""

    image: str
    podman: Mapping[str, str]

    def run(self, *command: str, options: Sequence[str] = (), **given: str) -> Ended:
        """Run a session to the end of its command."""
        words = (
            "run",
            "--rm",
            "--log-driver=none",
            *RESTRICTED,
            *options,
            *environment(given),
            self.image,
            *command,
        )
        done = podman({**self.podman, **by_name(given)}, *words)
        return Ended(status=done.returncode, out=done.stdout, log=done.stderr.decode())

    @contextlib.contextmanager
    def running(
        self, *command: str, options: Sequence[str] = (), **given: str
    ) -> Iterator[Running]:
        """Run a session in the background until the end of the block, once it has started."""
        name = f"session-{uuid.uuid4().hex[:12]}"
        ready = ("sh", "-c", 'touch /tmp/ready; exec "$@"', "sh")
        # Not on the disk, to which it would be forced when its container ends.
        log = Path("/dev/shm") / f"{name}.log"
        logged = ("--log-driver=k8s-file", f"--log-opt=path={log}")
        words = ("run", "--detach", "--name", name, *logged, *RESTRICTED, *options)
        words += tuple(environment(given))
        command = command or ("sleep", "600")
        done = podman({**self.podman, **by_name(given)}, *words, self.image, *ready, *command)
        try:
            assert done.returncode == 0, done.stderr.decode()
            container = Running(name=name, podman=self.podman)
            wait = "until [ -e /tmp/ready ]; do sleep 0.05; done"
            container.do("timeout", "60", "sh", "-c", wait)
            yield container
        finally:
            podman(self.podman, "rm", "--force", "--time=0", "--volumes", name)
            log.unlink(missing_ok=True)


def boxes_of(catalog: Catalog, names: Collection[str]) -> dict[str, Box]:
    """The offered images of a catalog that was built, by name."""
    session = catalog.session()
    found: dict[str, Box] = {}
    with session.registry():
        plan = session.plan(lock=session.locked(), to_run=False).plan
        for identity, item in plan.targets.items():
            name = identity.partition("/")[0]
            if item.digest and item.rolling and name in names and name not in found:
                image = str(item.repository.at(item.digest))
                container = session.adapters.engine.start(
                    StartRequest(image=image, command=("true",))
                )
                session.adapters.engine.remove(container)
                found[name] = Box(image=image, podman={**os.environ, **container.env})
    return found


def environment(given: Mapping[str, str]) -> list[str]:
    """Flags that give it to a container: by name, so that no value is on podman's command line.

    But for proxies, which podman itself would use.
    """
    return [
        word
        for name, value in given.items()
        for word in ("--env", f"{name}={value}" if is_proxy(name) else name)
    ]


def by_name(given: Mapping[str, str]) -> dict[str, str]:
    """What podman is to find in its own environment."""
    return {name: value for name, value in given.items() if not is_proxy(name)}


def is_proxy(name: str) -> bool:
    """A variable that changes what podman does."""
    return name.lower().endswith("_proxy")


def podman(state: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run podman to its end."""
    return subprocess.run(
        ["podman", *words], env=dict(state), capture_output=True, check=False, timeout=180
    )
