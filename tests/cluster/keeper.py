"""Keeps a cluster running in namespaces of its own, and removes all of it in the end.

Its network, mounts and processes are in namespaces whose first process ends with the keeper. So
even a killed keeper leaves no process, no mount and no firewall rule; its control groups are
removed by the next `down` or `up`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from builder.common.process import Command, Runner
from tests.cluster import settings
from tests.cluster.build import toolroot
from tests.cluster.place import BUILD, MIRROR_PORT, Place

CGROUPS = Path("/sys/fs/cgroup")
_TIED = ("setpriv", "--pdeathsig", "KILL")
# What Kubernetes writes outside of the folders that it is given, in the tool root that others use.
_SCRATCH = ("/var/log", "/var/lib/kubelet", "/var/lib/cni", "/var/lib/containerd", "/opt")
_PREPARE = f"""
mount --make-rshared /
for place in {" ".join(_SCRATCH)}; do mkdir -p "$place"; mount -t tmpfs tmpfs "$place"; done
echo 1 > /proc/sys/net/ipv4/ip_forward
"""


class Keeper:
    """Starts the parts of a cluster, each with a log of its own."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._holder = 0
        self._parts: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start everything. Raises ClusterError where a part ends or does not answer."""
        place = self._place
        settings.write_settings(place)
        for folder in cgroups(place):
            for node in settings.NODES:
                (folder / f"node{node}").mkdir(parents=True, exist_ok=True)
        self._namespaces()
        mirror = f"{place.outside}:{MIRROR_PORT}"
        self._spawn("mirror", [*_TIED, f"{place.programs}/mirror", "--listen", mirror])
        parts = settings.commands(place)
        for name in ("etcd", "kube-apiserver"):
            self._spawn(name, [*self._enter(), *parts.pop(name)])
        self.wait("the API", lambda: kubectl(place, "get", "--raw", "/readyz") == "ok", 180)
        kubectl(place, "apply", "--filename", f"{place.state}/objects.yaml")
        for name, argv in parts.items():
            self._spawn(name, [*self._enter(), *argv])
        for node in settings.NODES:
            self._node(node)
        ready = ("wait", "--for=condition=Ready", "node", "--all", "--timeout=5s")
        nodes = ("get", "nodes", "--output", "name")
        count = len(settings.NODES)
        self.wait("the nodes", lambda: len(kubectl(place, *nodes).split()) == count, 120)
        self.wait("the nodes", lambda: "condition met" in kubectl(place, *ready), 180)
        account = ("get", "serviceaccount", "default", "--output", "name")
        self.wait("service accounts", lambda: kubectl(place, *account) != "", 60)

    def _namespaces(self) -> None:
        """Make the namespaces, and link them with this machine."""
        place = self._place
        held = toolroot(Runner()).command(Command(argv=("catatonit", "-P")), binds=(BUILD,))
        holder = self._spawn("holder", ["unshare", "--net", *held.argv])
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children")

        def is_there() -> bool:
            pids = children.read_text().split()
            self._holder = int(pids[0]) if pids else 0
            return bool(pids) and _name(self._holder) == "catatonit"

        self.wait("the namespaces", is_there, 60)
        pid, name = str(self._holder), place.name
        inside = ("nsenter", "--target", pid, "--net", "ip")
        for argv in (
            ("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", pid),
            ("ip", "address", "add", f"{place.outside}/24", "dev", name),
            ("ip", "link", "set", name, "up"),
            ("ip", "route", "add", f"{place.network}.0.0/16", "via", place.address),
            (*inside, "link", "set", "lo", "up"),
            (*inside, "address", "add", f"{place.address}/24", "dev", "eth0"),
            (*inside, "link", "set", "eth0", "up"),
            (*inside, "route", "add", "default", "via", place.outside),
            (*self._enter(), "sh", "-euc", _PREPARE),
        ):  # fmt: skip
            run(argv)

    def _node(self, node: int) -> None:
        place = self._place
        parts = settings.node_commands(place, node)
        socket = f"/run/node{node}/containerd.sock"
        ctr = [*self._enter(), "ctr", "--address", socket, "--namespace", "k8s.io"]
        pause = settings.folder_of(place, node) / "pause.tar"
        settings.write_pause(place, toolroot(Runner()).path / "usr/bin/catatonit", pause)
        containerd, kubelet = parts
        self._spawn(containerd, [*self._enter(), *parts[containerd]])
        self.wait(containerd, lambda: succeeds((*ctr, "version")), 60)
        run((*ctr, "images", "import", str(pause)))
        run((*ctr, "images", "label", settings.PAUSE, "io.cri-containerd.pinned=pinned"))
        self._spawn(kubelet, [*self._enter(), *parts[kubelet]])

    def _enter(self) -> tuple[str, ...]:
        return ("nsenter", "--target", str(self._holder), "--mount", "--pid", "--net")

    def _spawn(self, name: str, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        logs = self._place.state / "logs"
        logs.mkdir(exist_ok=True)
        env = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        with (logs / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env
            )
        self._parts[name] = process
        return process

    def wait(self, what: str, is_ready: Callable[[], bool], timeout: float) -> None:
        """Wait until something is ready. Raises ClusterError."""
        deadline = time.monotonic() + timeout
        while not is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise ClusterError(f"{what}: not ready after {timeout:.0f} s")
            time.sleep(0.5)

    def check(self) -> None:
        """Raise ClusterError with the end of its log if a part has ended."""
        for name, process in self._parts.items():
            if process.poll() is not None:
                log = self._place.state / "logs" / f"{name}.log"
                last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise ClusterError(f"{name} ended with {process.returncode}\n{last}")

    def stop(self) -> None:
        """End all parts, and remove what they leave behind."""
        for process in reversed(self._parts.values()):
            process.kill()
        for process in self._parts.values():
            process.wait(timeout=60)
        remove(self._place)


class ClusterError(Exception):
    """A cluster that does not come up, or a part of it that ended."""


def keep(place: Place, parent: int) -> int:
    """Keep a cluster until this process is told to end, or `parent` ends, if that is not 0."""
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _: stopped.append(received))
    keeper = Keeper(place)
    try:
        keeper.start()
        (place.state / "ready").touch()
        while not stopped and (not parent or Path(f"/proc/{parent}").exists()):
            keeper.check()
            time.sleep(0.5)
    except ClusterError as error:
        print(error, file=sys.stderr, flush=True)
        shutil.copytree(place.state / "logs", BUILD / "failed-logs", dirs_exist_ok=True)
        return 1
    finally:
        keeper.stop()
    return 0


def cgroups(place: Place) -> Iterator[Path]:
    """Return the folder of a cluster in each tree of control groups."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, path, kind, *_ = line.split()
        if kind in ("cgroup", "cgroup2") and path.startswith(str(CGROUPS)):
            yield Path(path) / place.name


def remove(place: Place) -> None:
    """Remove what a cluster that ended leaves: its control groups, its link and its files."""
    deadline = time.monotonic() + 30
    for top in cgroups(place):
        while top.exists():
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    _end_all(Path(folder))
                    os.rmdir(folder)
            if time.monotonic() > deadline:
                raise ClusterError(f"{top} has processes that do not end")
    subprocess.run(("ip", "link", "delete", place.name), check=False, capture_output=True)
    shutil.rmtree(place.state, ignore_errors=True)


def _end_all(folder: Path) -> None:
    for pid in (folder / "cgroup.procs").read_text().split():
        if int(pid) > 0:
            os.kill(int(pid), signal.SIGKILL)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def run(argv: Sequence[str]) -> None:
    """Run a command. Raises ClusterError with what it printed."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")


def succeeds(argv: Sequence[str]) -> bool:
    """Whether a command ends well."""
    return subprocess.run(argv, check=False, capture_output=True, timeout=120).returncode == 0


def kubectl(place: Place, *words: str) -> str:
    """Return what kubectl prints, "" where it fails."""
    argv = (str(place.programs / "kubectl"), "--kubeconfig", str(place.kubeconfig), *words)
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
    return done.stdout.strip() if done.returncode == 0 else ""
