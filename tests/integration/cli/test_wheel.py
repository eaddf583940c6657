"""A wheel of the builder holds all that a catalog may lack, and works without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LINKED = {
    "macros": ROOT / "images/_macros",
    "library": ROOT / "charts/library",
    "features": ROOT / "charts/features",
}
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of a copy of the checkout: setuptools leaves files where it builds."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("builder", "images/_macros", "charts/library", "charts/features"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    command = (*_PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index")
    subprocess.run((*command, "--wheel-dir", folder, source), check=True, timeout=120)
    return next(folder.glob("*.whl"))


def below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_a_wheel_holds_macros_library_features_and_the_first_catalog(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for kind, folder in {**LINKED, "starter": ROOT / "builder/starter"}.items():
        place = "starter" if kind == "starter" else f"shared/{kind}"
        for path, data in below(folder).items():
            assert files[f"builder/{place}/{path}"] == data, path


def test_an_installed_builder_makes_and_renders_a_first_catalog(
    wheel: Path, tmp_path: Path
) -> None:
    installed, catalog = tmp_path / "installed", tmp_path / "demo"
    command = (*_PIP, "install", "--no-deps", "--no-index", "--target", installed, wheel)
    subprocess.run(command, check=True, timeout=120)
    environment = {**os.environ, "PYTHONPATH": str(installed)}

    def python(text: str) -> str:
        done = subprocess.run(
            (sys.executable, "-c", text), env=environment, cwd=tmp_path, check=True, timeout=60,
            capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout

    assert python("import builder; print(builder.__file__)").startswith(str(installed))
    python("import sys; sys.argv[1:] = ['init', 'demo']; from builder.cli.main import main; main()")
    assert (catalog / "matrix.yaml").is_file()
    shown = python(
        "from pathlib import Path; from builder.project import Workspace\n"
        "from builder.charts.next_version import files_of\n"
        "catalog = Workspace(Path('demo')).load().catalog\n"
        "name = next(iter(catalog.matrix.charts))\n"
        "print(*catalog.macros)\n"
        "print(len(files_of(catalog, name, ('example.org/page:1',), '1.0.0')))\n"
    )
    assert f"{installed}/builder/shared/macros/install.j2" in shown
