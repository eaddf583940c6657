"""An engine that an organisation adds from outside: buildah builds, runc runs containers.

A package holds this file and names it in its metadata:

    [project.entry-points."catalog_builder.engines"]
    buildah = "buildah_engine:BUILDAH"

`--engine buildah` then uses it. A container shares the network of the machine, so one of them at a
time can listen on a port. Needs root.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from builder.common.enclosure import enclosed
from builder.common.errors import StepError, ToolError
from builder.common.process import Command, Runner, ended, last_lines, which
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
from builder.engines.names import LOCAL, context_name, local_name
from builder.engines.platforms import host_platforms
from builder.oci import layout as layouts
from builder.oci import reference
from builder.oci.reference import Reference
from builder.registry.credentials import CredentialFiles
from builder.registry.transfers import transfer

# testinfra calls `docker exec [-u USER] ID COMMAND…`; runc does that.
_EXEC = """#!/bin/sh
shift; user=
[ "$1" != -u ] || { user="--user $2"; shift 2; }
exec runc --root %s exec $user "$@"
"""
# What a container prints goes to its log in the order in which it is printed: runc hands the log to
# it, and ends. The container is then a child of this script, which ends as it does.
_WAIT = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
if code := subprocess.call(sys.argv[2:]):
    sys.exit(code)
code = os.waitstatus_to_exitcode(os.waitpid(int(open(sys.argv[1]).read()), 0)[1])
sys.exit(code if code >= 0 else 128 - code)
"""
_CAPABILITIES = [
    f"CAP_{name}"
    for name in ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE",
                 "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT")
]  # fmt: skip


class Buildah:
    """Builds with buildah and runs with runc; all that they keep is in the folder `state`."""

    name = "buildah"
    keeps_elsewhere = ""

    def __init__(self, *, runner: Runner, state: Path) -> None:
        self._runner = runner
        self._state = state.absolute()
        self._credentials = CredentialFiles(runner=runner)
        self._lock = threading.RLock()
        self._running: dict[str, tuple[subprocess.Popen[bytes], Path]] = {}

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that it builds for here, its own first."""
        return host_platforms()

    # Building.

    def build(self, request: BuildRequest) -> Built:
        """Build to an OCI layout. Raises StepError, TransientError."""
        local, partial = local_name(request.id), layouts.partial_folder(request.layout)
        try:
            for name, image in sorted(request.contexts.items()):
                self._pull(image, timeout=request.timeout, log=request.log)
                with self._lock:
                    self._run("tag", str(image), context_name(request.id, name))
            self._log(request, *_build_words(request, local))
        finally:
            for name in request.contexts:
                self._run("rmi", context_name(request.id, name), check=False)
        layouts.place_parent_layers(partial, request.below)
        self._log(request, "push", "--quiet", "--format", "oci", local, f"oci:{partial}:latest")
        layouts.canonize(partial, request.below)
        layouts.move_into_place(partial, request.layout)
        return built_from_layout(
            request.layout, local=local, isolation=KERNEL, network=request.network
        )

    def instruction(self, line: str) -> str:
        """Return `3/10` where a line says that this instruction begins: `STEP 3/10: RUN …`."""
        word, _, rest = line.partition(" ")
        return rest.partition(":")[0] if word == "STEP" else ""

    def commands(self, request: BuildRequest) -> tuple[str, ...]:
        """Return what `build` would run, as shell lines that need nothing of the builder."""
        local, lines = local_name(request.id), []
        for name, image in sorted(request.contexts.items()):
            lines += [("pull", "--quiet", *_plain(image), str(image))]
            lines += [("tag", str(image), context_name(request.id, name))]
        lines += [_build_words(request, local)]
        push = ("push", "--quiet", "--format", "oci", local, f"oci:{request.layout}:latest")
        built = [str(self._command(*words)) for words in lines]
        clear = str(Command(argv=("rm", "-rf", str(request.layout))))
        return (*built, clear, str(self._command(*push)))

    def index_commands(
        self, name: str, sources: Sequence[Reference], targets: Sequence[Reference]
    ) -> tuple[str, ...]:
        """Return shell lines that give an index of images of several platforms its tags."""
        lines = [("manifest", "create", name)]
        lines += [("manifest", "add", *_plain(one), name, f"docker://{one}") for one in sources]
        for one in targets:
            lines += [("manifest", "push", "--all", *_plain(one), name, f"docker://{one}")]
        return tuple(str(self._command(*words)) for words in lines)

    def preamble(self) -> tuple[str, ...]:
        """Return shell lines that write the configuration which `commands` name."""
        return (
            f"mkdir -p {shlex.quote(str(self._state / 'tmp'))}",
            *(
                f"printf %s {shlex.quote(text)} > {shlex.quote(str(self._state / name))}"
                for name, text in self._files().items()
            ),
        )

    # Images.

    def drop(self, name: str) -> None:
        """Forget an image; silent where it is gone."""
        with self._lock:
            self._run("rmi", "--force", name, check=False)

    def images(self) -> dict[str, int]:
        """Return the bytes of images of registries, by `registry/repository@digest`."""
        listed = json.loads(self._run("images", "--json") or "[]") or []
        return {
            name: _bytes(str(image["size"]))
            for image in listed
            for name in image.get("names") or ()
            if "@" in name
        }

    # Containers.

    def start(self, request: StartRequest) -> Container:
        """Start a container. Raises StepError."""
        image = reference.parse(request.image)
        if image.registry != LOCAL:
            self._pull(image)
        name = f"catalog-{uuid.uuid4().hex[:12]}"
        self._run("from", "--pull=never", "--name", name, request.image)
        bundle = self._state / "bundles" / name
        log = request.log or bundle / "log"
        with contextlib.ExitStack() as undo:
            undo.callback(self._discard, name)
            self._write_bundle(bundle, name, request)
            log.parent.mkdir(parents=True, exist_ok=True)
            pid = str(bundle / "pid")
            words = ("run", "--detach", "--bundle", str(bundle), "--pid-file", pid, name)
            argv = (sys.executable, "-c", _WAIT, pid, *self._runc(*words).argv)
            process = self._runner.spawn(Command(argv=argv), log=log)
            self._running[name] = (process, log)
            while process.poll() is None and self._status(name) not in ("running", "stopped"):
                threading.Event().wait(0.05)
            if process.poll() and not Path(pid).exists():
                raise StepError(f"runc: {last_lines(log.read_text(errors='replace'))}")
            undo.pop_all()
        tools = self._state / "bin"
        return Container(
            id=name,
            ports={port: port for port in request.ports},
            testinfra=f"docker://{name}",
            env={"PATH": os.pathsep.join([str(tools), os.environ["PATH"]])},
            enter=("runc", "--root", str(self._state / "runc"), "exec", name),
        )

    def ended(self, container: Container) -> str:
        """Return how a container ended, with its last lines; "" while it runs."""
        process, log = self._running.get(container.id, (None, Path()))
        if process is None:
            return "is gone"
        code = process.poll()
        if code is None:
            return ""
        return f"{ended(code)}\n{last_lines(log.read_text(errors='replace'))}"

    def remove(self, container: Container) -> None:
        """End and remove a container; silent where it is gone."""
        self._discard(container.id)

    def clean_up(self) -> tuple[str, ...]:
        """Remove the containers that a killed run left, and return their ids."""
        listed = json.loads(self._run("containers", "--json") or "[]") or []
        names = tuple(str(one["containername"]) for one in listed)
        for name in names:
            self._discard(name)
        return names

    def _discard(self, name: str) -> None:
        self._runner.run(self._runc("delete", "--force", name), check=False)
        process, _ = self._running.pop(name, (None, None))
        if process is not None:
            self._runner.end(process)
        self._run("rm", name, check=False)
        shutil.rmtree(self._state / "bundles" / name, ignore_errors=True)

    def _write_bundle(self, bundle: Path, name: str, request: StartRequest) -> None:
        """Write what runc reads: the environment is in a file that only its owner reads."""
        bundle.mkdir(mode=0o700, parents=True)
        root = self._run("mount", name).strip()
        told = json.loads(self._run("inspect", "--type", "container", name))["OCIv1"]["config"]
        self._runner.run(self._runc("spec", "--bundle", str(bundle)))
        spec = json.loads((bundle / "config.json").read_text())
        env = dict(line.partition("=")[::2] for line in told.get("Env") or ())
        command = list(request.command) or told.get("Cmd") or []
        spec["process"].update(
            terminal=False,
            args=[*(told.get("Entrypoint") or ()), *command],
            env=[f"{key}={value}" for key, value in {**env, **request.env}.items()],
            cwd=told.get("WorkingDir") or "/",
            user=_user(Path(root), str(told.get("User") or "0")),
            capabilities=dict.fromkeys(
                ("bounding", "effective", "permitted"),
                [] if request.is_restricted else _CAPABILITIES,
            ),
            noNewPrivileges=request.is_restricted,
        )
        spec["root"] = {"path": root, "readonly": False}
        spec["hostname"] = name
        spec["linux"]["namespaces"] = [
            kind for kind in spec["linux"]["namespaces"] if kind["type"] != "network"
        ]
        spec["mounts"] = [one for one in spec["mounts"] if one["type"] != "cgroup"]
        (bundle / "config.json").write_text(json.dumps(spec))

    def _status(self, name: str) -> str:
        told = self._runner.run(self._runc("state", name), check=False)
        return str(json.loads(told.stdout)["status"]) if told.code == 0 else ""

    # Programs.

    def _pull(self, image: Reference, *, timeout: float = 600.0, log: Path | None = None) -> None:
        exists = self._command("inspect", "--type", "image", str(image))
        if image.digest and self._runner.run(exists, check=False).code == 0:
            return
        command = self._command("pull", "--quiet", *_plain(image), str(image), timeout=timeout)
        transfer(command, (image,), self._credentials, self._runner, self._enclosed, log)

    def _log(self, request: BuildRequest, *words: str) -> None:
        command = self._enclosed(self._command(*words, timeout=request.timeout))
        self._runner.run(command, log=request.log, on_line=request.on_line)

    def _run(self, *words: str, check: bool = True) -> str:
        return self._runner.run(self._command(*words), check=check).stdout

    def _enclosed(self, command: Command) -> Command:
        return enclosed(command, cache=self._state / "library")

    def _command(self, *words: str, timeout: float = 600.0) -> Command:
        self._prepare()
        env = {
            "CONTAINERS_CONF": str(self._state / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self._state / "storage.conf"),
            "TMPDIR": str(self._state / "tmp"),
        }
        return Command(argv=("buildah", *words), env=env, timeout=timeout)

    def _runc(self, *words: str) -> Command:
        return Command(argv=("runc", "--root", str(self._state / "runc"), *words), timeout=600.0)

    def _prepare(self) -> None:
        with self._lock:
            if (self._state / "bin" / "docker").exists():
                return
            for folder in ("tmp", "bundles", "bin"):
                (self._state / folder).mkdir(parents=True, exist_ok=True)
            for name, text in self._files().items():
                (self._state / name).write_text(text)
            tool = self._state / "bin" / "docker"
            tool.write_text(_EXEC % shlex.quote(str(self._state / "runc")))
            tool.chmod(0o755)

    def _files(self) -> dict[str, str]:
        """Return the configuration: file name to text."""
        _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
        _, processes = resource.getrlimit(resource.RLIMIT_NPROC)
        limits = json.dumps([f"nofile={files}:{files}", f"nproc={processes}:{processes}"])
        storage, run = (json.dumps(str(self._state / name)) for name in ("storage", "run"))
        return {
            "containers.conf": (
                f"[containers]\nhttp_proxy = false\ndefault_ulimits = {limits}\n"
                '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n'
            ),
            "storage.conf": (
                f'[storage]\ndriver = "overlay"\ngraphroot = {storage}\nrunroot = {run}\n'
                '[storage.options.overlay]\nskip_mount_home = "true"\n'
            ),
        }


class BuildahFactory:
    """Makes the engine `buildah`."""

    keeps_elsewhere = Buildah.keeps_elsewhere
    packages: Mapping[str, tuple[str, ...]] = {"buildah": ("buildah",), "runc": ("runc",)}

    def is_ready(self, runner: Runner) -> bool:
        """Whether this machine can use it."""
        return os.geteuid() == 0 and all(which(program) for program in self.packages)

    def make(self, runner: Runner, state: Path) -> Buildah:
        """Make it. Raises ToolError with what to install."""
        for program, (package, *_) in self.packages.items():
            if which(program) is None:
                raise ToolError(f"{program} is not installed", hint=f"apt-get install {package}")
        return Buildah(runner=runner, state=state)

    def findings(self, runner: Runner) -> Iterator[Finding]:
        """Say which buildah this machine has."""
        if which("buildah"):
            version = runner.run(Command(argv=("buildah", "--version"))).stdout
            yield Finding(subject="buildah", found=version.strip())

    def has_built(self, config: Mapping[str, Any]) -> bool:
        """Whether an image can be of buildah, which leaves no mark of its own."""
        return "buildkit" not in json.dumps(config.get("history") or [])

    def outside(self, state: Path) -> tuple[Path, ...]:
        """Return what it keeps outside of its folder: nothing."""
        return ()

    def remove_state(self, state: Path) -> None:
        """Remove its folder."""
        shutil.rmtree(state, ignore_errors=True)


BUILDAH = BuildahFactory()


def _build_words(request: BuildRequest, local: str) -> tuple[str, ...]:
    """Return the arguments of the command that builds."""
    words = [
        "build",
        "--isolation",
        "oci",
        "--network",
        request.network,
        "--no-cache",
        "--pull-never",
    ]
    words += ["--identity-label=false", "--timestamp", str(request.epoch), "--format", "docker"]
    words += ["--platform", request.platform, "--build-arg", f"SOURCE_DATE_EPOCH={request.epoch}"]
    for name in sorted(request.contexts):
        words += ["--build-context", f"{name}=docker-image://{context_name(request.id, name)}"]
    for name, file in sorted(request.secrets.items()):
        words += ["--secret", f"id={name},src={file.absolute()}"]
    dockerfile = fields(str(request.context / "Dockerfile"))
    return (*words, "--file", dockerfile, "--tag", local, str(request.context))


def _plain(image: Reference) -> tuple[str, ...]:
    """Return the option for a registry without TLS, on this machine."""
    return ("--tls-verify=false",) if image.is_loopback else ()


def _user(root: Path, user: str) -> dict[str, int]:
    """Return the numbers of the user of an image, who may be named as in its /etc/passwd."""
    name, _, group = user.partition(":")
    if not name.isdigit():
        lines = (line.split(":") for line in (root / "etc/passwd").read_text().splitlines())
        name, group = next((one[2], group or one[3]) for one in lines if one[0] == name)
    return {"uid": int(name), "gid": int(group) if group.isdigit() else 0}


def _bytes(size: str) -> int:
    """Return the bytes of `4.27 MB`."""
    number, _, unit = size.partition(" ")
    powers = {"bytes": 0, "B": 0, "KB": 3, "MB": 6, "GB": 9}
    return round(float(number) * 10 ** powers[unit])
