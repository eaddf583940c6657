"""Compiles Kubernetes from Go modules, and gets what else a cluster needs from Debian."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from builder.charts.tools import Tools
from builder.common.process import Runner
from builder.testing.toolroot import ToolRoot
from tests.cluster.place import BUILD, ROOT, Place

SOURCES = Path(__file__).parent
MINORS = {"1.34": "go.mod"}
"""The minors that can be compiled, and the file with the modules of each, as 1.35.mod."""
PARTS = (
    "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet",
    "kubectl", "provisioner", "ingress", "mirror",
)  # fmt: skip
PACKAGES = ("etcd-server", "containernetworking-plugins")
_INSTALL_GO = "install Go 1.25 or newer: https://go.dev/doc/install"


def build(minor: str) -> None:
    """Make all that a cluster of a minor runs with; what is there already, is kept."""
    if minor not in MINORS:
        raise SystemExit(f"no Kubernetes {minor} is known: K8S is one of {', '.join(MINORS)}")
    place = Place(minor=minor)
    runner = Runner()
    print("the tool root, with containerd and runc", flush=True)
    toolroot(runner).ensure()
    Tools(runner=runner, folder=ROOT / "build" / "tools").helm()
    _packages(place)
    _compile(place)


def is_built(minor: str) -> bool:
    """Whether everything is there."""
    place = Place(minor=minor)
    return (place.debian / ".done").exists() and _stamp(place).is_file() and minor in MINORS


def toolroot(runner: Runner) -> ToolRoot:
    """Return the project's tool root, in which the build folder has its own path."""
    return ToolRoot(path=ROOT / "build" / "toolroot", runner=runner, binds=(BUILD,))


def _packages(place: Place) -> None:
    """Unpack packages of Debian. Installed, etcd would start as a service of this machine."""
    if (place.debian / ".done").exists():
        return
    print(f"from Debian: {' '.join(PACKAGES)}", flush=True)
    shutil.rmtree(place.debian, ignore_errors=True)
    place.debian.mkdir(parents=True)
    options = ("-qq", "-o", "APT::Sandbox::User=root")
    subprocess.run(("apt-get", *options, "download", *PACKAGES), cwd=place.debian, check=True)
    for package in place.debian.glob("*.deb"):
        subprocess.run(("dpkg", "-x", package, place.debian), check=True)
        package.unlink()
    (place.debian / ".done").touch()


def _compile(place: Place) -> None:
    stamp = _stamp(place)
    if stamp.is_file():
        print(f"Kubernetes {place.minor} is compiled", flush=True)
        return
    modules = SOURCES / MINORS[place.minor]
    match = re.search(r"k8s\.io/kubernetes (v[\d.]+)", modules.read_text())
    assert match
    print(f"compiling Kubernetes {match[1]}: 10 to 25 minutes if nothing is cached", flush=True)
    flags = [
        f"-X k8s.io/{package}/version.gitVersion={match[1]}"
        for package in ("component-base", "client-go/pkg")
    ]
    place.programs.mkdir(parents=True, exist_ok=True)
    parts = ("-modfile", str(modules), "-ldflags", " ".join(("-s -w", *flags)))
    _go(SOURCES, *parts, "-o", f"{place.programs}/", "./kubernetes")
    _go(SOURCES / "coredns", "-ldflags", "-s -w", "-o", str(place.names), ".")
    for part in PARTS:
        link = place.programs / part
        link.unlink(missing_ok=True)
        link.symlink_to("kubernetes")
    for old in place.programs.glob(".built-*"):
        old.unlink()
    stamp.touch()


def _go(folder: Path, *words: str) -> None:
    """Compile programs without C, as they run in this Debian and in the tool root."""
    go = shutil.which("go")
    if go is None:
        raise SystemExit(f"Go is not on PATH: {_INSTALL_GO}")
    argv = (go, "build", "-trimpath", "-buildvcs=false", "-tags", "grpcnotrace", *words)
    done = subprocess.run(argv, cwd=folder, env={**os.environ, "CGO_ENABLED": "0"}, check=False)
    if done.returncode != 0:
        sys.exit(f"Go could not compile it; `make cluster-build` continues. {_INSTALL_GO}")


def _stamp(place: Place) -> Path:
    """Return the file that says that programs were compiled from these sources."""
    digest = hashlib.sha256()
    modules = SOURCES / MINORS.get(place.minor, "go.mod")
    sources = (*SOURCES.rglob("*.go"), SOURCES / "coredns" / "go.mod")
    for path in (modules, *sorted(sources)):
        digest.update(path.read_bytes())
    return place.programs / f".built-{digest.hexdigest()[:16]}"
