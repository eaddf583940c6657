"""The command lines of podman, and how its output is read. Runs nothing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from builder.common.control_group import Group
from builder.common.text import fields
from builder.engines.interfaces import OCI, BuildRequest, StartRequest
from builder.engines.names import context_name
from builder.oci.reference import Reference


def build_argv(
    program: str, request: BuildRequest, *, local: str, isolation: str, group: Group | None = None
) -> tuple[str, ...]:
    """Return the command that builds an image, with its containers in a control group.

    Without the isolation of the kernel podman has no network but the host's.
    """
    kind, network = ("oci", request.network) if isolation == OCI else ("chroot", "host")
    words = [program, "build", "--isolation", kind, "--network", network, "--jobs", "1"]
    # Its cache does not look at what a RUN mounts: the same line with other packages is the same.
    words += ["--no-cache", "--platform", request.platform]
    # buildah takes the very group for each RUN, and removes it with all that is in it.
    words += _in_group(group, below="/build")
    # The label would hold podman's version, and so would the digest.
    words += ["--identity-label=false", "--timestamp", str(request.epoch)]
    # The OCI format would note where the parent came from; the push converts to it.
    words += ["--format", "docker", "--pull=never"]
    words += ["--build-arg", f"SOURCE_DATE_EPOCH={request.epoch}"]
    for name in sorted(request.contexts):
        words += ["--build-context", f"{name}=docker-image://{context_name(request.id, name)}"]
    for name, file in sorted(request.secrets.items()):
        # Cut at each comma, whatever is quoted; `checkout.check_folder` refuses those.
        words += ["--secret", f"id={name},src={file.absolute()}"]
    dockerfile = fields(str(request.context / "Dockerfile"))
    return (*words, "--file", dockerfile, "--tag", local, str(request.context))


def tag_argv(program: str, image: Reference, name: str) -> tuple[str, ...]:
    """Return the command that gives an image another name."""
    return (program, "tag", str(image), name)


def untag_argv(program: str, name: str) -> tuple[str, ...]:
    """Return the command that takes a name from its image; without the second, it takes all."""
    return (program, "untag", name, name)


def pull_argv(program: str, image: Reference) -> tuple[str, ...]:
    """Return the command that pulls an image."""
    return (program, "pull", "--quiet", *_plain(image), str(image))


def push_argv(program: str, local: str, layout: Path) -> tuple[str, ...]:
    """Return the command that writes an image as an OCI layout."""
    return (program, "push", "--quiet", "--format", "oci", local, f"oci:{layout}:latest")


def start_argv(
    program: str,
    request: StartRequest,
    *,
    name: str,
    label: str,
    env: tuple[str, ...],
    group: Group | None = None,
) -> tuple[str, ...]:
    """Return the command that starts a container in a control group.

    `env` are the options of its environment.
    """
    words = [program, "run", "--detach", "--quiet", "--name", name, "--label", label, *env]
    words += _in_group(group)
    for port in request.ports:
        words += ["--publish", f"127.0.0.1::{port}"]
    if request.is_restricted:
        words += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    if request.log is None:  # nobody would read it
        words += ["--log-driver", "none"]
    else:
        words += ["--log-driver", "k8s-file", "--log-opt", fields(f"path={request.log.absolute()}")]
    return (*words, "--pull=never", request.image, *request.command)


def state_argv(program: str, identity: str) -> tuple[str, ...]:
    """Return the command that says whether a container runs, and its exit code."""
    return (program, "inspect", "--format", "{{.State.Running}} {{.State.ExitCode}}", identity)


def parse_ports(text: str) -> dict[int, int]:
    """Return the host port of each container port, from `8888/tcp -> 127.0.0.1:40001`."""
    return {
        int(inside): int(outside)
        for inside, outside in re.findall(r"^(\d+)/tcp -> 127\.0\.0\.1:(\d+)$", text, re.M)
    }


_INSTRUCTION = re.compile(r"STEP (\d+/\d+): ")


def instruction(line: str) -> str:
    """Return `3/10` where podman says `STEP 3/10: RUN …`, or nothing."""
    match = _INSTRUCTION.match(line)
    return match[1] if match else ""


def index_lines(
    program: str, name: str, sources: Sequence[Reference], targets: Sequence[Reference]
) -> tuple[str, ...]:
    """Return shell lines that make an index of images, and push it under each reference."""
    argvs = [[program, "manifest", "create", name]]
    for image in sources:
        argvs += [[program, "manifest", "add", *_plain(image), name, f"docker://{image}"]]
    for image in targets:
        words = [program, "manifest", "push", "--all", *_plain(image), name, f"docker://{image}"]
        argvs += [words]
    return tuple(map(shlex.join, argvs))


def _in_group(group: Group | None, below: str = "") -> tuple[str, ...]:
    """Return the option for containers in a group; one of an outer container needs none."""
    return ("--cgroup-parent", group.parent + below) if group and group.parent else ()


def _plain(image: Reference) -> tuple[str, ...]:
    """Return the option for a registry without TLS, on this machine."""
    return ("--tls-verify=false",) if image.is_loopback else ()
