"""The engine Docker: it builds by BuildKit, through buildx, and runs containers by the daemon."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container as Running

from builder.common.errors import StepError, ToolError, TransientError
from builder.common.process import Command, Runner, ended, last_lines
from builder.common.text import fields
from builder.engines.interfaces import (
    KERNEL,
    BuildRequest,
    Built,
    Container,
    Finding,
    StartRequest,
    built_from_layout,
)
from builder.engines.names import LABEL, LOCAL, local_name, sizes
from builder.engines.platforms import host_platforms
from builder.oci import layout as layouts
from builder.oci import reference
from builder.oci.reference import Reference

_INSTRUCTION = re.compile(r"#\d+ \[(?:\S+ )?(\d+/\d+)\] ")
_LOG_LABEL = "catalog-builder.log"
"""The label that names the file to which a container's output is written on its removal."""


class Docker:
    """Builds, starts and removes with a Docker daemon whose image store is containerd's.

    `docker_host` is where the daemon listens, "" for the usual place. `buildx` starts buildx:
    `docker buildx`, or the program `docker-buildx` by itself. `program` is the client that
    testinfra runs. `state` is a folder for what both keep.
    """

    def __init__(
        self,
        *,
        runner: Runner,
        state: Path,
        docker_host: str = "",
        program: str = "docker",
        buildx: tuple[str, ...] = ("docker", "buildx"),
    ) -> None:
        self._runner = runner
        self._state = state.absolute()
        self._docker_host = docker_host
        self._program = program
        self._buildx = buildx

    name = "docker"
    keeps_elsewhere = "a Docker daemon keeps what it built"

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that it can build for on this machine, the machine's own first."""
        return host_platforms()

    def build(self, request: BuildRequest) -> Built:
        """Build to an OCI layout. Raises StepError, TransientError."""
        local = local_name(request.id)
        partial = layouts.partial_folder(request.layout)
        argv = build_argv(self._buildx, request, local=local, layout=partial)
        command = Command(argv=argv, env=self._env(), timeout=request.timeout)
        self._runner.run(command, log=request.log, on_line=request.on_line)
        layouts.move_into_place(partial, request.layout)
        self.load(request.layout)
        return built_from_layout(
            request.layout, local=local, isolation=KERNEL, network=request.network
        )

    def load(self, layout: Path) -> None:
        """Give the daemon an image that stands in a layout, by the name in its index."""
        self._state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self._state) as stream:
            with tarfile.open(fileobj=stream, mode="w") as archive:
                archive.add(layout, arcname=".")
            stream.seek(0)
            with self._client() as client:
                client.images.load(stream)

    def start(self, request: StartRequest) -> Container:
        """Start a container. Raises StepError."""
        labels = {LABEL: str(self._state)}
        if request.log is not None:
            labels[_LOG_LABEL] = str(request.log.absolute())
        with self._client() as client:
            if reference.parse(request.image).registry != LOCAL:
                client.images.pull(request.image)
            running = client.containers.create(
                request.image,
                list(request.command) or None,
                environment=dict(request.env),
                ports={f"{port}/tcp": ("127.0.0.1",) for port in request.ports},  # type: ignore[misc]
                labels=labels,
                cap_drop=["ALL"] if request.is_restricted else [],
                security_opt=["no-new-privileges"] if request.is_restricted else [],
            )
            with contextlib.ExitStack() as undo:
                undo.callback(_discard, running)
                running.start()
                running.reload()
                ports = _ports(running)
                undo.pop_all()
        identity = str(running.id)
        return Container(
            id=identity,
            ports=ports,
            testinfra=f"docker://{identity}",
            env=self._client_env(),
            enter=(self._program, "exec", identity),
        )

    def ended(self, container: Container) -> str:
        """Return how a container ended, with its last lines; "" while it runs."""
        with self._client() as client:
            try:
                running = client.containers.get(container.id)
            except NotFound:
                return "is gone"
            if running.status == "running":
                return ""
            code = int(running.attrs["State"]["ExitCode"])
            output = running.logs(tail=12).decode(errors="replace")
        return f"{ended(code)}\n{last_lines(output)}"

    def remove(self, container: Container) -> None:
        """End and remove a container, with its volumes; silent where it is gone."""
        with self._client() as client, contextlib.suppress(NotFound):
            _discard(client.containers.get(container.id))

    def drop(self, name: str) -> None:
        """Forget an image, by `Built.local` or a full reference; silent where it is gone.

        What BuildKit keeps of finished builds goes too, but not what RUNs keep in cache mounts.
        """
        with self._client() as client:
            with contextlib.suppress(NotFound):
                client.images.remove(name, force=True)
            kind = {"type": ["regular"]}
            client.api.prune_builds(filters=kind, all=True)  # type: ignore[arg-type]

    def images(self) -> dict[str, int]:
        """Return the bytes of images by `registry/repository@digest`, shared layers included."""
        with self._client() as client:
            return sizes(client.api.images())

    def clean_up(self) -> tuple[str, ...]:
        """Remove the containers that a killed run of this project left; their ids."""
        with self._client() as client:
            ours = f"{LABEL}={self._state}"
            containers = client.containers.list(all=True, filters={"label": ours})
            for running in containers:
                _discard(running)
        return tuple(str(running.id) for running in containers)

    def commands(self, request: BuildRequest) -> tuple[str, ...]:
        """Return what `build` would run, as shell lines that need nothing of the builder."""
        argv = build_argv(
            self._buildx, request, local=local_name(request.id), layout=request.layout
        )
        clear = Command(argv=("rm", "-rf", str(request.layout)))
        return str(clear), str(Command(argv=argv, env=self._env()))

    def index_commands(
        self, _name: str, sources: Sequence[Reference], targets: Sequence[Reference]
    ) -> tuple[str, ...]:
        """Return a shell line that makes an index of images with all its references."""
        tags = (word for target in targets for word in ("--tag", str(target)))
        argv = (*self._buildx, "imagetools", "create", *tags, *map(str, sources))
        return (str(Command(argv=argv, env=self._env())),)

    def instruction(self, line: str) -> str:
        """Return `3/10` where BuildKit says `#7 [3/10] RUN …`, or nothing."""
        match = _INSTRUCTION.match(line)
        return match[1] if match else ""

    def preamble(self) -> tuple[str, ...]:
        """Return shell lines that those of `commands` need first: none."""
        return ()

    def _env(self) -> dict[str, str]:
        env = {"BUILDX_CONFIG": str(self._state / "buildx"), "BUILDX_GIT_INFO": "0"}
        return {**env, **self._where()}

    def _where(self) -> dict[str, str]:
        return {"DOCKER_HOST": self._docker_host} if self._docker_host else {}

    def _client_env(self) -> Mapping[str, str]:
        """Return the environment in which testinfra finds the client, which it calls `docker`."""
        if not os.path.isabs(self._program):
            return self._where()
        folder = self._state / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (folder / "docker").symlink_to(self._program)
        return {**self._where(), "PATH": os.pathsep.join([str(folder), os.environ["PATH"]])}

    @contextlib.contextmanager
    def _client(self) -> Iterator[docker.DockerClient]:
        with client_of(self._docker_host) as client, _reported():
            yield client


class DockerFactory:
    """Makes the adapter of the Docker daemon that this machine has."""

    keeps_elsewhere = Docker.keeps_elsewhere
    packages: Mapping[str, tuple[str, ...]] = {}

    def is_ready(self, _runner: Runner) -> bool:
        """Whether a daemon answers."""
        return answers()

    def make(self, runner: Runner, state: Path) -> Docker:
        """Make it. Raises ToolError where no daemon answers."""
        if not answers():
            raise ToolError(
                "no Docker daemon answers", hint="start it, set DOCKER_HOST, or use --engine podman"
            )
        return Docker(runner=runner, state=state)

    def findings(self, _runner: Runner) -> Iterator[Finding]:
        """Say whether a daemon answers, which nothing needs."""
        daemon_state = "answers" if answers() else "does not answer; podman is used"
        yield Finding(subject="docker daemon", found=daemon_state)

    def has_built(self, config: Mapping[str, Any]) -> bool:
        """Whether the history of an image has the mark of BuildKit."""
        history = config.get("history") or [{}]
        return "buildkit" in str(history[-1].get("comment", ""))

    def outside(self, _state: Path) -> tuple[Path, ...]:
        """Return what is removed beside the folder: nothing, the daemon keeps its own."""
        return ()

    def remove_state(self, state: Path) -> None:
        """Remove the folder."""
        shutil.rmtree(state, ignore_errors=True)


DOCKER = DockerFactory()


def build_argv(
    buildx: tuple[str, ...], request: BuildRequest, *, local: str, layout: Path
) -> tuple[str, ...]:
    """Return the command that builds an image.

    It does not rewrite timestamps: BuildKit 0.13 would rewrite the layers of the parent too, and
    images would no longer share them.
    """
    words = [*buildx, "build", "--progress", "plain", "--provenance=false", "--sbom=false"]
    network = "none" if request.network == "none" else "default"
    words += ["--network", network, "--platform", request.platform]
    words += ["--build-arg", f"SOURCE_DATE_EPOCH={request.epoch}"]
    for name, image in sorted(request.contexts.items()):
        words += ["--build-context", f"{name}=docker-image://{image}"]
    for name, file in sorted(request.secrets.items()):
        words += ["--secret", fields(f"id={name}", f"src={file.absolute()}")]
    words += ["--output", fields("type=oci", f"dest={layout}", "tar=false", f"name={local}")]
    return (*words, "--file", str(request.context / "Dockerfile"), str(request.context))


def answers(docker_host: str = "") -> bool:
    """Whether a daemon answers there."""
    try:
        with client_of(docker_host, timeout=5) as client:
            return bool(client.ping())
    except (ToolError, DockerException, requests.exceptions.RequestException):
        return False


@contextlib.contextmanager
def client_of(docker_host: str, *, timeout: int = 600) -> Iterator[docker.DockerClient]:
    """Yield a client of the daemon. Raises ToolError where it cannot be made."""
    try:
        client = (
            docker.DockerClient(base_url=docker_host, timeout=timeout)
            if docker_host
            else docker.DockerClient.from_env(timeout=timeout)
        )
    except DockerException as error:
        raise ToolError(
            f"no Docker daemon answers: {error}", hint="start one, or use the engine podman"
        ) from error
    except ValueError as error:  # it reads the logins of Docker's config.json, and trusts them
        raise ToolError(
            f"Docker's config.json cannot be read: {error}",
            hint="mend it, or remove it and log in again; it is in $DOCKER_CONFIG, else ~/.docker",
        ) from error
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    """Turn what the API raises into what a step raises."""
    try:
        yield
    except requests.exceptions.ConnectionError as error:
        raise TransientError(f"the Docker daemon does not answer: {error}") from error
    except APIError as error:
        raise StepError(f"docker: {error.explanation or error}") from error
    except DockerException as error:
        raise StepError(f"docker: {error}") from error


def _ports(running: Running) -> dict[int, int]:
    """Return the port on 127.0.0.1 of each published container port."""
    bound = {
        int(name.partition("/")[0]): int(hosts[0]["HostPort"])
        for name, hosts in running.ports.items()
        if hosts
    }
    return dict(sorted(bound.items()))


def _discard(running: Running) -> None:
    """Keep what a container printed, then end and remove it."""
    log = running.labels.get(_LOG_LABEL)
    with contextlib.suppress(NotFound):
        if log:
            Path(log).parent.mkdir(parents=True, exist_ok=True)
            with open(log, "ab") as stream:
                stream.write(running.logs())
        running.remove(force=True, v=True)
