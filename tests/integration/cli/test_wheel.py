"""A wheel of the builder holds all that a catalog may lack, and works without the checkout."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import shutil
import site
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.common.version import VERSION

ROOT = Path(__file__).parents[3]
LINKED = {
    "macros": ROOT / "images/_macros",
    "library": ROOT / "charts/library",
    "features": ROOT / "charts/features",
}
OLD_CATALOG = ROOT / "tests/catalogs/70c7114"
EPOCH = "1795392000"
RENDER = """
from pathlib import Path
from builder.charts.next_version import files_of
from builder.project import Workspace
catalog = Workspace(Path()).load().catalog
name = next(iter(catalog.matrix.charts))
print(*catalog.macros, *files_of(catalog, name, ("example.org/page:1",), "1.0.0"))
"""


@dataclass(frozen=True, kw_only=True)
class Built:
    """What was built, and the files of the wheel and of the source distribution below builder/."""

    wheel: Path
    sdist: Path

    def in_wheel(self) -> dict[str, bytes]:
        """Return the files of the wheel that are the builder's."""
        with zipfile.ZipFile(self.wheel) as archive:
            return {
                name: archive.read(name)
                for name in archive.namelist()
                if name.startswith("builder/")
            }

    def in_sdist(self) -> dict[str, bytes]:
        """Return the same of the source distribution. Its links would not be files."""
        found: dict[str, bytes] = {}
        with tarfile.open(self.sdist) as archive:
            for member in archive:
                assert member.isfile(), member.name
                content = archive.extractfile(member)
                assert content is not None
                path = member.name.partition("/")[2]
                if path.startswith("builder/"):
                    found[path] = content.read()
        return found


def build(folder: Path, mode: int) -> Built:
    """Build both from a copy of the checkout whose files have another mode and age."""
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("builder", "images/_macros", "charts/library", "charts/features", "docs"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    for path in source.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(mode)
            os.utime(path, (mode, mode))
    subprocess.run(
        (sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source),
        env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
        check=True,
        timeout=120,
        stdout=subprocess.DEVNULL,
    )
    return Built(wheel=next(folder.glob("*.whl")), sdist=next(folder.glob("*.tar.gz")))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return a wheel and a source distribution of the checkout; the wheel is made of the latter."""
    return build(tmp_path_factory.mktemp("dist"), 0o644)


def below(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, by path below it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_they_hold_every_file_of_the_builder_and_of_what_is_linked_there(built: Built) -> None:
    files = {f"builder/{path}": data for path, data in below(ROOT / "builder").items()}
    for kind, folder in LINKED.items():
        files |= {f"builder/shared/{kind}/{path}": data for path, data in below(folder).items()}
    for found in (built.in_wheel(), built.in_sdist()):
        assert sorted(found) == sorted(files)
        assert [path for path, data in files.items() if found[path] != data] == []


def test_both_are_named_after_the_version(built: Built) -> None:
    assert built.wheel.name == f"catalog_builder-{VERSION}-py3-none-any.whl"
    assert built.sdist.name == f"catalog_builder-{VERSION}.tar.gz"


def test_the_same_files_give_the_same_bytes(built: Built, tmp_path: Path) -> None:
    again = build(tmp_path, 0o600)
    for one, other in ((built.wheel, again.wheel), (built.sdist, again.sdist)):
        assert (one.name, digest(one)) == (other.name, digest(other))


def digest(file: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Installed:
    """An environment of its own, outside of the checkout."""

    folder: Path

    def run(self, *argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, which sees nothing of this one's."""
        return subprocess.run(
            (self.folder / "bin" / argv[0], *argv[1:]),
            cwd=cwd, env=environment(), capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip


def environment() -> Mapping[str, str]:
    """Return the variables of this process without those that lead Python to the checkout."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME"}
    return {key: value for key, value in os.environ.items() if key not in hidden}


def empty_environment(folder: Path) -> Installed:
    """Return a new environment in which nothing is installed."""
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", folder), check=True, timeout=60)
    return Installed(folder=folder)


def install(environment: Installed, *arguments: str | Path) -> None:
    """Install into an environment with uv."""
    python = environment.folder / "bin/python"
    command = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python)
    subprocess.run((*command, *arguments), check=True, timeout=300)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return an environment with the wheel. What the wheel needs is lent by this environment:
    a path in a `.pth` file brings packages, but none that is installed as editable."""
    found = empty_environment(tmp_path_factory.mktemp("installed") / "venv")
    install(found, "--no-deps", "--offline", built.wheel)
    (library,) = found.folder.glob("lib/python*/site-packages")
    (library / "lent.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return found


def check_without_checkout(environment: Installed, folder: Path) -> None:
    """Begin a catalog with an installed builder, and plan one that older builders had."""
    shown = environment.run("python", "-c", "import builder; print(builder.__file__)", cwd=folder)
    assert shown.stdout.startswith(str(environment.folder)), shown.stderr
    shown = environment.run("builder", "--version", cwd=folder)
    assert shown.stdout.rstrip().endswith(f", version {VERSION}")

    made = environment.run("builder", "init", "demo", cwd=folder)
    assert made.returncode == 0, made.stderr
    planned = environment.run("builder", "plan", "--offline", cwd=folder / "demo")
    assert (planned.returncode, planned.stderr) == (
        2, "error: there is no matrix.lock\n  hint: run `builder lock`\n",
    )  # fmt: skip
    shown = environment.run("python", "-c", RENDER, cwd=folder / "demo")
    assert f"{environment.folder}/lib" in shown.stdout, shown.stderr
    assert "builder/shared/macros/install.j2" in shown.stdout

    shutil.copytree(OLD_CATALOG, folder / "old")
    planned = environment.run("builder", "plan", "--offline", "--format=json", cwd=folder / "old")
    assert planned.returncode == 0, planned.stderr
    targets = json.loads(planned.stdout)["targets"]
    fingerprints = {item["id"]: item["fingerprint"] for item in targets}
    released = released_fingerprints()
    assert {key: fingerprints[key] for key in released} == released


def released_fingerprints() -> dict[str, str]:
    """Return the fingerprint of every target that the older builder released."""
    held = json.loads(lzma.decompress((OLD_CATALOG / "registry.json.xz").read_bytes()))
    name = "127.0.0.1:5005/onyxia-releases"
    artifact = held["artifacts"][f"{name}@{held['named'][f'{name}:current']}"]
    record = json.loads(artifact["files"]["release.json"]["data"])
    return {key: target["fingerprint"] for key, target in record["targets"].items()}


def test_an_installed_builder_begins_a_catalog_and_plans_one(
    installed: Installed, tmp_path: Path
) -> None:
    check_without_checkout(installed, tmp_path)


@pytest.mark.heavy
def test_a_release_is_installed_by_its_hashes(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    python = Path(sys.executable)
    subprocess.run(
        ("make", "release", f"DIST={dist}", f"BIN={python.parent}", "--old-file=.venv/.dev"),
        cwd=ROOT, check=True, timeout=300,
    )  # fmt: skip
    subprocess.run(("sha256sum", "--check", "--strict", "SHA256SUMS"), cwd=dist, check=True)
    listed = {line.split()[-1] for line in (dist / "SHA256SUMS").read_text().splitlines()}
    assert listed == {path.name for path in dist.iterdir()} - {"SHA256SUMS"}
    found = empty_environment(tmp_path / "venv")
    install(found, "--require-hashes", "--requirement", dist / "requirements.txt")
    install(found, "--no-deps", next(dist.glob("*.whl")))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    check_without_checkout(found, folder)
