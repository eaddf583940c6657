"""Builds, starts and removes a cluster: see docs/cluster.md."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.cluster.build import MINORS, build, is_built
from tests.cluster.keeper import keep, remove
from tests.cluster.place import BUILD, ROOT, Place


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster")
    parser.add_argument("action", choices=("build", "up", "keep", "down"))
    parser.add_argument("--minor", default="1.34", choices=tuple(MINORS))
    parser.add_argument("--parent", type=int, default=0, help="end when this process ends")
    options = parser.parse_args()
    place = Place(minor=options.minor)
    if options.action == "build":
        build(options.minor)
    elif options.action == "keep":
        return keep(place, options.parent)
    elif options.action == "down":
        down(place)
    else:
        up(place, options.parent)
        print(f"export KUBECONFIG={place.kubeconfig}\nexport PATH={place.programs}:$PATH")
    return 0


def up(place: Place, parent: int = 0) -> None:
    """Start a cluster and wait until it is ready. One that runs already is removed first."""
    if not is_built(place.minor):
        raise SystemExit(f"make cluster-build K8S={place.minor} comes first")
    down(place)
    place.state.mkdir(parents=True)
    argv = [sys.executable, "-m", "tests.cluster", "keep", "--minor", place.minor]
    with (BUILD / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [*argv, "--parent", str(parent)], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True,
        )  # fmt: skip
    (BUILD / "keeper.pid").write_text(str(keeper.pid))
    while not (place.state / "ready").exists():
        if keeper.poll() is not None:
            raise SystemExit(f"no cluster: {(BUILD / 'keeper.log').read_text()}")
        time.sleep(0.2)


def down(place: Place) -> None:
    """Remove the cluster of this checkout, whatever is left of it."""
    file = BUILD / "keeper.pid"
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
        pid = int(file.read_text())
        if b"tests.cluster" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGTERM)
            while b"tests.cluster" in Path(f"/proc/{pid}/cmdline").read_bytes():
                time.sleep(0.2)
    remove(place)
    file.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
