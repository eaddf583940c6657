"""A catalog small enough to go wrong in many ways: three images on a busybox of a real registry."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.app.app import App
from builder.app.load import load
from builder.app.options import Options
from builder.cli.open import notify
from builder.oci.reference import Reference, parse

BUILDER = Path(sys.executable).with_name("builder")
TODAY = "2026-11-23"
MATRIX = """\
catalog:
  name: tiny
  repository: "{{registry}}/{prefix}-{{image}}"
  registries: ["{registry}"]
axes:
  os:
    "1": {{sources: [{{registry: "{base}"}}]}}
images:
  base: {{from: os, axes: [os]}}
  tool: {{from: base, publish: false}}
  app: {{from: base, inputs: [tool]}}
  other: {{from: base}}
"""
DOCKERFILES = {
    "base": "FROM {{ parent }}\nCOPY files/ /opt/\n",
    "tool": "FROM {{ parent }}\nCOPY files/ /tool/\n",
    "app": "FROM {{ parent }}\nCOPY --from=tool /tool/ /tool/\nCOPY files/ /app/\n",
    "other": "FROM {{ parent }}\nCOPY files/ /other/\n",
}


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """The catalog in `root`; its repositories begin with `prefix` in `registry`."""

    root: Path
    registry: str
    prefix: str

    def command(self, *arguments: str) -> list[str]:
        """How a user runs the builder on it."""
        return [str(BUILDER), *arguments, "--root", str(self.root)]

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the builder to its end."""
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=self.environment(**environment),
        )

    def environment(self, **extra: str) -> Mapping[str, str]:
        """The environment of a run."""
        return {**os.environ, "BUILDER_TODAY": TODAY, "BUILDER_ENGINE": "podman", **extra}

    def dockerfile(self, recipe: str, text: str) -> None:
        """Change what a recipe does."""
        (self.root / "images" / recipe / "Dockerfile.j2").write_text(text)

    def place(self, image: str) -> Reference:
        """The repository of an image."""
        return parse(f"{self.registry}/{self.prefix}-{image}")

    def session(self) -> App:
        """The builder's own parts, on this catalog."""
        return App(
            load(self.root),
            Options(today=TODAY, engine="podman"),
            notify=notify,
        )


def lay(root: Path, *, registry: str, base: str, prefix: str) -> Tiny:
    """Write the catalog to `root`."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "matrix.yaml").write_text(MATRIX.format(registry=registry, base=base, prefix=prefix))
    for recipe, dockerfile in DOCKERFILES.items():
        folder = root / "images" / recipe
        (folder / "files").mkdir(parents=True)
        (folder / "tests").mkdir()
        (folder / "recipe.yaml").write_text(f"summary: The image {recipe}\n")
        (folder / "Dockerfile.j2").write_text(dockerfile)
        (folder / "files" / f"{recipe}.txt").write_text(f"{recipe}\n")
        where = "opt" if recipe == "base" else recipe
        (folder / "tests" / f"test_{recipe}.py").write_text(
            f"def test_{recipe}(host):\n"
            f"    done = host.run('cat /{where}/{recipe}.txt')\n"
            f"    assert done.stdout == '{recipe}\\n'\n"
        )
    return Tiny(root=root, registry=registry, prefix=prefix)


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """So that no two catalogs share a repository."""
    return itertools.count()


@pytest.fixture
def make(
    work: Path, address: str, parent: Reference, numbers: Iterator[int]
) -> Iterator[Callable[[], Tiny]]:
    """Catalogs of their own, locked; gone after the test."""
    made: list[Tiny] = []

    def new() -> Tiny:
        prefix = f"t{next(numbers)}"
        base = str(parent.with_tag("latest"))
        tiny = lay(work / prefix, registry=address, base=base, prefix=prefix)
        made.append(tiny)
        done = tiny.run("lock")
        assert done.returncode == 0, done.stderr
        return tiny

    yield new
    for tiny in made:
        shutil.rmtree(tiny.root, ignore_errors=True)


@pytest.fixture
def tiny(make: Callable[[], Tiny]) -> Tiny:
    """One catalog, locked and not built."""
    return make()
