"""The engine podman: it needs no daemon, and stores everything in one folder of the project."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from builder.common.control_group import Group
from builder.common.enclosure import enclosed
from builder.common.errors import StepError
from builder.common.filelock import exclusive_lock, shared_lock
from builder.common.process import Command, Runner, ended, last_lines, redact
from builder.engines.interfaces import (
    HOST,
    KERNEL,
    OCI,
    BuildRequest,
    Built,
    Container,
    StartRequest,
    built_from_layout,
)
from builder.engines.names import LABEL, LOCAL, context_name, local_name, sizes_in
from builder.engines.platforms import host_platforms
from builder.engines.podman import commands as podman_argv
from builder.engines.podman.storage import Home, Limits, mounts_below
from builder.oci import layout as layouts
from builder.oci import reference
from builder.oci.reference import Reference
from builder.registry.credentials import CredentialFiles
from builder.registry.transfers import transfer

# These would change what podman itself does, so they reach a container through a file.
_OWN = re.compile(
    r"PATH|HOME|TMPDIR|LD_.*|XDG_.*|CONTAINERS?_.*|BUILDAH_.*|STORAGE_.*|REGISTRY_AUTH_FILE|"
    r"DBUS_.*|GO.*|SSL_CERT_.*|NOTIFY_SOCKET|LISTEN_.*|.*_proxy|.*_PROXY"
)


class Podman:
    """Builds, starts and removes with podman, as a process of its own for each command.

    `state` is the folder for images, containers and configuration. `isolated` says that builds
    may have a process namespace of their own, so that nothing of them outlives their end; it
    takes root. `isolation` is that of a RUN. See `host_probe.probe`, which decides both.
    """

    def __init__(
        self,
        *,
        runner: Runner,
        state: Path,
        program: str = "podman",
        runtime: str = "runc",
        isolation: str = OCI,
        isolated: bool = True,
        limits: Limits | None = None,
        credentials: CredentialFiles | None = None,
    ) -> None:
        self._runner = runner
        self._credentials = credentials or CredentialFiles(runner=runner)
        self._program = program
        self._isolation = isolation
        self._isolated = isolated
        self._home = Home(state=state.absolute(), runtime=runtime, limits=limits, short=True)
        self._lock = threading.RLock()
        self._built: dict[str, str] = {}  # digest to local name

    name = "podman"
    keeps_elsewhere = ""

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that it can build for on this machine, the machine's own first."""
        return host_platforms()

    def build(self, request: BuildRequest) -> Built:
        """Build to an OCI layout. Raises StepError, TransientError."""
        local = local_name(request.id)
        partial = layouts.partial_folder(request.layout)
        try:
            for name, image in sorted(request.contexts.items()):
                self._fetch(name, image, request)
            self._run(self._build_argv(request, local, self._runner.group), request)
        finally:
            self._forget_contexts(request)
        layouts.place_parent_layers(partial, request.below)
        self._run(podman_argv.push_argv(self._program, local, partial), request)
        layouts.canonize(partial, request.below)
        layouts.move_into_place(partial, request.layout)
        is_isolated = self._isolation == OCI
        built = built_from_layout(
            request.layout,
            local=local,
            isolation=KERNEL if is_isolated else self._isolation,
            network=request.network if is_isolated else HOST,
        )
        self._built[built.digest] = local
        return built

    def start(self, request: StartRequest) -> Container:
        """Start a container. Raises StepError."""
        name = f"catalog-{uuid.uuid4().hex[:12]}"
        image = reference.parse(request.image)
        if image.registry != LOCAL:  # `run` would pull it too, and cannot be enclosed
            self._pull(image)
        with self._environment(request.env) as (flags, env):
            argv = podman_argv.start_argv(
                self._program,
                request,
                name=name,
                label=self._label,
                env=flags,
                group=self._runner.group,
            )
            command = Command(
                argv=argv,
                env=env,
                timeout=600.0,
                secrets=tuple(request.env.values()),
                group=self._runner.group,
            )
            with contextlib.ExitStack() as undo:
                undo.callback(self._discard, name)
                # No log: the values of the environment would stand in it.
                identity = self._runner.run(command).stdout.strip().splitlines()[-1]
                ports = self._ports(identity, request)
                undo.pop_all()
        return Container(
            id=identity,
            ports=ports,
            testinfra=f"podman://{identity}",
            env=self._env(),
            enter=(self._program, "exec", identity),
        )

    def ended(self, container: Container) -> str:
        """Return how a container ended, with its last lines; "" while it runs."""
        return self._end(container.id)

    def remove(self, container: Container) -> None:
        """End and remove a container, with its volumes; silent where it is gone."""
        self._discard(container.id)

    def drop(self, name: str) -> None:
        """Forget an image, by `Built.local` or a full reference; silent where it is gone.

        Its layers go with the last image that has them.
        """
        argv = (self._program, "rmi", "--force", "--ignore", name)
        with exclusive_lock(self._home.state), self._lock:
            self._runner.run(self._command(argv), check=False)

    def images(self) -> dict[str, int]:
        """Return the bytes of images by `registry/repository@digest`, shared layers included."""
        argv = (self._program, "images", "--format", "json")
        return sizes_in(self._runner.run(self._command(argv)).stdout)

    def clean_up(self) -> tuple[str, ...]:
        """Remove what a killed run left: containers, half-made images, mounts; the former's ids.

        Afterwards the state folder can be deleted. To be called when no other run of this project
        is under way.
        """
        argv = (self._program, "ps", "--all", "--external", "--quiet", "--no-trunc")
        containers = tuple(self._runner.run(self._command(argv)).stdout.split())
        for identity in containers:
            self._discard(identity)
        for mount_point in mounts_below(self._home.state, Path("/proc/self/mounts").read_text()):
            self._runner.run(Command(argv=("umount", "--lazy", mount_point)), check=False)
        return containers

    def commands(self, request: BuildRequest) -> tuple[str, ...]:
        """Return what `build` would run, as shell lines that need nothing of the builder.

        The history of their image holds ids of podman's storage, which `build` takes out.
        """
        local = local_name(request.id)
        argvs = (
            *(
                argv
                for name, image in sorted(request.contexts.items())
                for argv in (
                    podman_argv.pull_argv(self._program, image),
                    podman_argv.tag_argv(self._program, image, context_name(request.id, name)),
                )
            ),
            self._build_argv(request, local),
            ("rm", "-rf", str(request.layout)),
            podman_argv.push_argv(self._program, local, request.layout),
        )
        env = self._home.environment()
        return tuple(
            str(Command(argv=argv, env=env if argv[0] == self._program else {})) for argv in argvs
        )

    def index_commands(
        self, name: str, sources: Sequence[Reference], targets: Sequence[Reference]
    ) -> tuple[str, ...]:
        """Return shell lines that make an index of images, and push it under each reference."""
        return podman_argv.index_lines(self._program, name, sources, targets)

    def instruction(self, line: str) -> str:
        """Return `3/10` where a line says that this instruction begins."""
        return podman_argv.instruction(line)

    def preamble(self) -> tuple[str, ...]:
        """Return shell lines that write the configuration which those of `commands` name."""
        return self._home.shell()

    @property
    def _label(self) -> str:
        return f"{LABEL}={self._home.state}"

    def _build_argv(
        self, request: BuildRequest, local: str, group: Group | None = None
    ) -> tuple[str, ...]:
        return podman_argv.build_argv(
            self._program, request, local=local, isolation=self._isolation, group=group
        )

    def _run(self, argv: tuple[str, ...], request: BuildRequest) -> None:
        command = self._command(argv, timeout=request.timeout)
        self._runner.run(self._enclosed(command), log=request.log, on_line=request.on_line)

    def _fetch(self, name: str, image: Reference, request: BuildRequest) -> None:
        """Have a parent or an input here, under the name that `build_argv` gives it."""
        exists = (self._program, "image", "exists", str(image))
        if not image.digest or self._runner.run(self._command(exists), check=False).code != 0:
            # What is pulled has layers of its own: as it was built it would take its room twice.
            if local := self._built.pop(image.digest, ""):
                self.drop(local)
            self._pull(image, timeout=request.timeout, log=request.log)
        # podman forgets one of two names that an image is given at the same time.
        with self._lock:
            self._run(
                podman_argv.tag_argv(self._program, image, context_name(request.id, name)), request
            )

    def _forget_contexts(self, request: BuildRequest) -> None:
        """Take back the names that `_fetch` gave: they would keep their images here for ever."""
        for name in request.contexts:
            argv = podman_argv.untag_argv(self._program, context_name(request.id, name))
            with self._lock:
                self._runner.run(self._command(argv), check=False)

    def _pull(self, image: Reference, *, timeout: float = 600.0, log: Path | None = None) -> None:
        """Have an image of a registry here."""
        argv = podman_argv.pull_argv(self._program, image)
        command = self._command(argv, timeout=timeout)
        # podman takes a layer that another image has from there: it must not go meanwhile.
        with shared_lock(self._home.state):
            transfer(command, (image,), self._credentials, self._runner, self._enclosed, log)

    def _enclosed(self, command: Command) -> Command:
        return enclosed(command, cache=self._home.cache) if self._isolated else command

    def _command(self, argv: tuple[str, ...], *, timeout: float = 600.0) -> Command:
        return Command(argv=argv, env=self._env(), timeout=timeout, group=self._runner.group)

    def _env(self) -> Mapping[str, str]:
        with self._lock:
            return self._home.prepare()

    def _ports(self, identity: str, request: StartRequest) -> dict[int, int]:
        """Return the ports of a container. Raises StepError with its last lines if it has ended."""
        if not request.ports:
            return {}
        try:
            output = self._runner.run(self._command((self._program, "port", identity)))
        except StepError:
            if end := redact(self._end(identity), tuple(request.env.values())):
                hint = f"all that it printed: {request.log}" if request.log else ""
                raise StepError(f"the container {end}", hint=hint) from None
            raise
        return podman_argv.parse_ports(output.stdout)

    def _end(self, identity: str) -> str:
        state_argv = podman_argv.state_argv(self._program, identity)
        state = self._runner.run(self._command(state_argv), check=False).stdout.split()
        if len(state) != 2 or state[0] == "true":
            return ""
        argv = (self._program, "logs", "--tail", "12", identity)
        output = self._runner.run(self._command(argv), check=False).log
        return f"{ended(int(state[1]))}\n{last_lines(output)}"

    def _discard(self, name: str) -> None:
        # A container under removal, or half made by a killed process, can take a second call.
        argv = (self._program, "rm", "--force", "--ignore", "--volumes", "--time", "0", name)
        for _ in range(2):
            if self._runner.run(self._command(argv), check=False).code == 0:
                return

    @contextlib.contextmanager
    def _environment(
        self, env: Mapping[str, str]
    ) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
        """Yield the options that give `env` to a container, and the environment of podman."""
        by_name = {key: value for key, value in env.items() if not _OWN.fullmatch(key)}
        by_file = {key: value for key, value in env.items() if key not in by_name}
        for key, value in by_file.items():
            if "\n" in value:
                raise StepError(f"{key} of a container cannot hold a line break")
        flags = tuple(word for key in by_name for word in ("--env", key))
        ours = dict(self._env())
        if not by_file:
            yield flags, {**ours, **by_name}
            return
        handle, file = tempfile.mkstemp(dir=self._home.temporary)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.writelines(f"{key}={value}\n" for key, value in by_file.items())
            yield (*flags, "--env-file", file), {**ours, **by_name}
        finally:
            Path(file).unlink()
