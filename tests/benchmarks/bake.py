"""The builder against `docker buildx bake`: the same graph, on the same engine, from nothing.

`python -m tests.benchmarks.bake -s '+jupyter-r'` starts a Docker daemon of its own out of the
tool root, builds the selection with the builder (which also tests and pushes it), empties the
daemon, and builds what `builder render` wrote with bake. Both begin without bases and caches.
The wall times and their ratio are printed, and written to build/bench/bake.json.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from builder.common.process import Command, Runner
from builder.engines.docker import answers
from builder.network.build_env import build_secrets, effective_network
from builder.project import Workspace
from builder.testing.pod_runner import free_port
from builder.testing.toolroot import ToolRoot

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "build" / "bench"
BUILDX = "usr/libexec/docker/cli-plugins/docker-buildx"
CONTENT = ("images", "charts", "matrix.lock")


@contextlib.contextmanager
def daemon(runner: Runner, toolroot: ToolRoot) -> Iterator[str]:
    """A Docker daemon that keeps everything in a folder of its own; where it listens."""
    folder = BENCH / "dockerd"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = folder / "daemon.json"
    config.write_text(json.dumps({"features": {"containerd-snapshotter": True}}))
    host = f"unix://{folder}/socket"
    argv = ("dockerd", "--config-file", str(config), "--data-root", str(folder / "data"))
    argv += ("--host", host, "--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid"))
    process = runner.spawn(toolroot.command(Command(argv=argv)), log=folder / "log")
    try:
        deadline = time.monotonic() + 120
        while not answers(host):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"dockerd did not start; see {folder / 'log'}")
            time.sleep(0.2)
        yield host
    finally:
        runner.end(process)
        shutil.rmtree(folder, ignore_errors=True)


def clients(toolroot: ToolRoot, host: str) -> dict[str, str]:
    """The environment in which `docker buildx` is the tool root's, and speaks to the daemon."""
    folder = BENCH / "bin"
    plugins = BENCH / "docker" / "cli-plugins"
    for place, target in (
        (folder / "docker", toolroot.path / "usr/bin/docker"),
        (plugins / "docker-buildx", toolroot.path / BUILDX),
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(target)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    return {"DOCKER_HOST": host, "DOCKER_CONFIG": str(BENCH / "docker"), "PATH": path}


def catalog() -> Path:
    """This catalog in a folder of its own, with an empty registry on another port."""
    folder = BENCH / "catalog"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    text = (ROOT / "matrix.yaml").read_text()
    place = f"embedded: 127.0.0.1:{free_port()}"
    (folder / "matrix.yaml").write_text(re.sub(r"embedded: 127\.0\.0\.1:\d+", place, text))
    for name in CONTENT:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, folder / name)
    (folder / "build").mkdir()
    for name in ("tools", "toolroot"):
        (folder / "build" / name).symlink_to(ROOT / "build" / name)
    return folder


def timed(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> float:
    """The seconds that a program takes; it must do well."""
    began = time.monotonic()
    subprocess.run(list(argv), check=True, cwd=cwd, env={**os.environ, **env})
    return time.monotonic() - began


def secrets(rendered: Path, folder: Path) -> None:
    """What a RUN needs to reach the network from here, for every target of the bake file."""
    network = effective_network(Workspace(folder).load().network, os.environ, {})
    found = build_secrets(network, folder / "build" / "secrets")
    given = [f"id={name},src={path.absolute()}" for name, path in sorted(found.items())]
    names = json.loads((rendered / "docker-bake.json").read_text())["target"]
    more = {name: {"secret": given, "network": "host"} for name in names}
    (rendered / "secrets.json").write_text(json.dumps({"target": more}))


def by_bake(folder: Path, selection: Sequence[str], env: Mapping[str, str]) -> float:
    """The seconds of making the bases and building the rendered graph with bake."""
    builder = str(Path(sys.executable).with_name("builder"))
    rendered = folder / "rendered"
    argv = (builder, "render", "--root", str(folder), "--offline", "--out", str(rendered))
    timed((*argv, *selection), env, folder)
    secrets(rendered, folder)
    scripts = sorted(rendered.glob("images/*/make-rootfs.sh"))
    scripts += sorted(rendered.glob("images/*/fetch.sh"))
    took = sum(timed(("sh", str(script)), env, rendered) for script in scripts)
    files = ("-f", "docker-bake.json", "-f", "secrets.json")
    return took + timed(("docker", "buildx", "bake", *files), env, rendered)


def main(selection: Sequence[str]) -> int:
    """Measure both, and say so."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the daemon ends
    runner = Runner()
    toolroot = ToolRoot(path=ROOT / "build" / "toolroot", runner=runner, binds=(ROOT / "build",))
    toolroot.ensure()
    folder = catalog()
    builder = str(Path(sys.executable).with_name("builder"))
    try:
        with daemon(runner, toolroot) as host:
            env = clients(toolroot, host)
            argv = (builder, "build", "--engine", "docker", "--root", str(folder), *selection)
            ours = timed(argv, env, folder)
        with daemon(runner, toolroot) as host:  # a new one has nothing
            theirs = by_bake(folder, selection, env)
    finally:
        runner.stop()
        shutil.rmtree(folder, ignore_errors=True)
    data = {
        "selection": list(selection),
        "builder": round(ours, 1),
        "bake": round(theirs, 1),
        "ratio": round(ours / theirs, 3),
    }
    (BENCH / "bake.json").write_text(json.dumps(data, indent=1) + "\n")
    print(f"builder, with its tests and pushes: {ours:.0f} s; bake: {theirs:.0f} s;", end=" ")
    print(f"ratio {ours / theirs:.2f}; load {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
