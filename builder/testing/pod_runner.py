"""Runs the pod of a chart with `podman kube play`, and removes it afterwards.

It is no engine: charts are run by this podman, whichever engine builds the images.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import re
import shlex
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from builder.common.errors import StepError
from builder.common.files import write
from builder.common.process import Command, Runner, last_lines, redact
from builder.engines.podman.storage import Home, Limits
from builder.oci.reference import parse
from builder.registry.credentials import CredentialFiles
from builder.testing.pod_manifests import Playable, helm_tests, images_of, playable
from builder.testing.toolroot import ToolRoot, apart

BRIDGE, HOST = "catalog", "host"
"""The networks that a pod may have."""
FREE_SPACE = 10_000_000_000
"""The free bytes of the disk below which images of earlier pods are removed. The largest image of
the catalog, TensorFlow with VS Code, needs as much while it is pulled."""
OLDEST = (5, 0)
"""The first version of podman whose `kube play` supports the charts."""

_NO_FOLDER = re.compile(r'workdir "([^"]+)" does not exist')

# $1: the folder of podman; $2: the file of the pod, $3: its name; $4: its network, a bridge that is
# made here or the host's; $5: the name of the bridge, $6: its addresses if those are free; $7: the
# free bytes of the disk below which images of earlier pods are removed; then flags. One pod runs at
# a time, since podman's state of running containers is on a tmpfs of this namespace. Podman starts
# as after a restart of the machine, so leftovers of a killed run do no harm.
_PLAY = """
home=$1; pod=$2; name=$3; network=$4; bridge=$5; subnet=$6; room=$7; shift 7
exec 9> "$home/lock"; flock 9
for place in run libpod networks; do
    mkdir -p "$home/$place"; mount -t tmpfs tmpfs "$home/$place"
done
mkdir -p /var/lib/containers "$home/library"; mount --bind "$home/library" /var/lib/containers
clear() {
    podman pod rm --all --force --time 1; podman volume rm --all --force; podman secret rm --all
} > /dev/null 2>&1
trap 'clear || :' EXIT; trap 'exit 0' TERM INT
clear || :
left=$(df --block-size=1 --output=avail "$home" | tail -n 1)
[ "$left" -ge "$room" ] || podman rmi --all --force > /dev/null 2>&1 || :
net() { podman network create --disable-dns --interface-name "$bridge" "$@" catalog > /dev/null; }
net --subnet "$subnet" || net
podman kube play --quiet --network "$network" "$@" "$pod"
rm -f "$pod"
podman pod logs --follow --names "$name" &
state() { podman ps --all --filter "pod=$name" --format '{{.State}} {{.ExitCode}}'; }
failed() { state | grep -q '^exited [^0]'; }
while ! failed; do sleep 1 & wait $! || :; done
sleep 0.2; exit 1
"""

# Standard input: a pod, with ADDRESS for that of the service. $1: the pod of the service; $2: the
# container that tests it; then flags. On the network of the host the service has no address of its
# own; its address is that of the bridge.
_TEST = """
pod=$1; container=$2; shift 2
holder=$(podman pod inspect --format '{{.InfraContainerID}}' "$pod")
each='{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
address=$(podman inspect --format "$each" "$holder")
gateway=$(podman network inspect --format '{{(index .Subnets 0).Gateway}}' catalog)
sed "s/ADDRESS/${address:-$gateway}/" |
    podman kube play --quiet --network catalog "$@" - > /dev/null
code=$(podman wait "$container"); podman logs "$container"; exit "$code"
"""


@dataclass(frozen=True, kw_only=True)
class Played:
    """A pod that runs: its name, and the port on 127.0.0.1 where it answers.

    A command that begins with `enter`, with `env`, runs in the namespaces of its podman.
    `container` is podman's name of the container that answers.
    """

    pod: str
    container: str
    port: int
    enter: tuple[str, ...]
    env: Mapping[str, str]

    @property
    def url(self) -> str:
        """The URL of the pod, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


class KubePlayer:
    """Plays pods, one at a time, in a podman of their own under `state`.

    `toolroot` is None if the podman of the host is new enough (see `OLDEST`). `credentials` are
    those to pull images.
    """

    def __init__(
        self,
        *,
        runner: Runner,
        state: Path,
        toolroot: ToolRoot | None,
        limits: Limits | None = None,
        credentials: CredentialFiles | None = None,
    ) -> None:
        self._runner = runner
        self._credentials = credentials or CredentialFiles(runner=runner)
        self._toolroot = toolroot
        self._home = Home(state=state.absolute(), runtime="runc", limits=limits)

    @property
    def waits_for(self) -> str:
        """The software to install before the first pod, which takes a while; "" for none."""
        return "" if self._toolroot is None or self._toolroot.ready else "getting podman 5"

    def prepare(self, *, log: Path | None = None) -> None:
        """Install the tools to play pods. Raises StepError, ToolError, TransientError."""
        if self._toolroot is not None:
            self._toolroot.ensure(log=log)

    @contextlib.contextmanager
    def play(
        self,
        manifests: str,
        *,
        port: int,
        network: str = BRIDGE,
        log: Path | None = None,
        timeout: float = 300.0,
        secrets: Sequence[str] = (),
    ) -> Iterator[Played]:
        """Run the pod of `helm template` output until the block ends.

        The block starts when `port` answers HTTP, or the command of the readiness probe passes. On
        the network HOST the pod can reach 127.0.0.1 of this machine, and answers on `port` itself.
        `timeout` is in seconds. Raises ConfigError, StepError.
        """
        published = free_port() if network == BRIDGE else None
        host_port = published or port
        pod = playable(manifests, port=port, host_port=published)
        self.prepare(log=log)
        self._home.prepare()
        file = self._home.state / f"{pod.pod}-{host_port}.yaml"
        with contextlib.ExitStack() as undo:
            undo.callback(file.unlink, missing_ok=True)
            write(file, pod.text.encode(), 0o600, lasting=False)  # it has secrets of the chart
            images = [parse(image) for image in images_of(pod.text)]
            login = undo.enter_context(self._credentials.shared(images))
            command = self._command(file, pod, network, login)
            began = log.stat().st_size if log is not None and log.exists() else 0
            process = self._runner.spawn(command, log=log)
            undo.callback(self._runner.end, process)
            played = partial(_played, pod, port=host_port, process=process.pid, env=command.env)
            is_ready = partial(self._is_ready, pod, file, host_port, played)
            with _quoted(log, began, secrets):
                wait_for(is_ready, alive=lambda: _alive(process.poll()), timeout=timeout)
            yield played()

    def test(self, played: Played, manifests: str, *, log: Path | None = None) -> int:
        """Run the pods of `helm test` beside a pod of the same chart; return their number.

        Raises StepError with the output of a failed one.
        """
        tests = helm_tests(manifests, address="ADDRESS")
        for container, text in tests:
            words = ("sh", "-euc", _TEST, "sh", played.pod, container, *_flags(text))
            command = Command(
                argv=(*played.enter, *words), env=played.env, stdin=text.encode(), timeout=300.0,
                program="helm test",
            )  # fmt: skip
            self._runner.run(command, log=log)
        return len(tests)

    def client(self, played: Played) -> dict[str, str]:
        """Return the environment in which `podman` is the podman of the pod."""
        folder = self._home.state / "bin"
        folder.mkdir(exist_ok=True)
        file = folder / "podman"
        file.write_text(
            f'#!/bin/sh\nPATH=${{PATH#*:}}\nexec {shlex.join(played.enter)} podman "$@"\n',
            encoding="utf-8",
        )
        file.chmod(0o755)
        return {**played.env, "PATH": os.pathsep.join([str(folder), os.environ["PATH"]])}

    def _is_ready(self, pod: Playable, file: Path, port: int, played: Callable[[], Played]) -> bool:
        """Whether a pod of `file` answers HTTP, or passes its readiness probe."""
        if not pod.probe:
            return answers(port)
        # The script removes the file once the pod exists.
        return not file.exists() and self._passes(pod.probe, played())

    def _passes(self, probe: tuple[str, ...], played: Played) -> bool:
        argv = (*played.enter, "podman", "exec", played.container, *probe)
        command = Command(argv=argv, env=played.env, timeout=60.0)
        return self._runner.run(command, check=False).code == 0

    def _command(
        self, file: Path, pod: Playable, network: str, login: Sequence[str] = ()
    ) -> Command:
        """Return the command that plays a pod; `login` ends with the path of a credentials file."""
        paths = (str(self._home.state), str(file), pod.pod, network)
        bridge = network_of(self._home.state)
        script = ("sh", "-euc", _PLAY, "sh", *paths, *bridge, str(FREE_SPACE), *_flags(pod.text))
        # With cgroups of version 1, podman 5 would print a warning in every call.
        quiet = {"PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
        env = {"REGISTRY_AUTH_FILE": login[-1]} if login else {}
        command = Command(argv=script, env={**self._home.environment(), **quiet, **env})
        # With TERM, it can remove its firewall rules even if this process is killed.
        if self._toolroot is None:
            return apart(command, signal="TERM")
        binds = (self._home.state, *(Path(name).parent for name in login[-1:]))
        return self._toolroot.command(command, binds=binds, signal="TERM")


def _played(pod: Playable, *, port: int, process: int, env: Mapping[str, str]) -> Played:
    """Return the pod that a process plays."""
    enter = ("nsenter", f"--target={_inside(process)}", "--mount", "--pid")
    return Played(pod=pod.pod, container=pod.container, port=port, enter=enter, env=env)


def _inside(process: int) -> int:
    """Return the one process that `toolroot.apart` put into its own namespaces."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(children[0])


def _flags(text: str) -> tuple[str, ...]:
    """Return the flags of `podman kube play` for the registries of a stream."""
    plain = all(parse(image).is_loopback for image in images_of(text))
    return ("--tls-verify=false",) if plain else ()


def network_of(state: Path) -> tuple[str, str]:
    """Return the name of the bridge of a player and its addresses, unique on this machine."""
    digest = hashlib.sha256(str(state).encode()).digest()
    return f"cat{digest.hex()[:8]}", f"10.{100 + digest[0] % 100}.{digest[1]}.0/24"


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(is_ready: Callable[[], bool], *, alive: Callable[[], None], timeout: float) -> None:
    """Wait until a pod is ready. `alive` raises if it has ended. Raises StepError."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        alive()
        if is_ready():
            return
        time.sleep(0.2)
    raise StepError(f"the pod is not ready after {timeout:.0f} s")


def answers(port: int) -> bool:
    """Whether 127.0.0.1:port answers an HTTP request, with any status.

    A connection alone proves nothing: podman opens a published port before its pod listens.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _alive(code: int | None) -> None:
    if code is not None:
        raise StepError(f"the pod ended, or podman could not play it ({code})")


@contextlib.contextmanager
def _quoted(log: Path | None, began: int, secrets: Sequence[str]) -> Iterator[None]:
    """Add to a failure the end of a log, of which bytes before `began` are left out."""
    try:
        yield
    except StepError as error:
        if log is None:
            raise
        text = log.read_bytes()[began:].decode(errors="replace")
        log_end = redact(last_lines(text), secrets)
        hint = "; ".join(filter(None, (_cure(log_end), f"the whole log: {log}")))
        raise StepError(
            f"{error.message}\n{log_end}" if log_end else error.message, hint=hint
        ) from error


def _cure(log_end: str) -> str:
    """Return a hint for an image without the folder that its chart starts in, or ""."""
    match = _NO_FOLDER.search(log_end)
    if match is None:
        return ""
    folder = match.group(1)
    return (
        f"the image has no folder {folder}, in which its chart starts: add to Dockerfile.j2 "
        f"`RUN install --directory --owner=1000 --group=100 --mode=2777 {folder}`"
    )
