"""What a lock is worth once its archive has moved: real apt, and an archive on loopback.

The base is one whose only content is what apt reads, and mmdebstrap a script that gives that.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builder.kube_play import free_port
from tests.integration.starter import BUILDER, ROOT
from tests.integration.weekly.archive import Archive, Deb, bare, serving

MATRIX = """\
catalog:
  name: moved
  repository: "{{registry}}/m-{{image}}"
  registries: ["127.0.0.1:{port}"]
axes:
  debian:
    "13": {{sources: [{{bootstrap: trixie}}]}}
images:
  base: {{from: debian, axes: [debian]}}
  leaf: {{from: base}}
  other: {{from: base}}
"""
MMDEBSTRAP = '#!/bin/sh\nfor last; do :; done\ncat "$(dirname "$0")/rootfs.tar" > "$last"\n'
FIRST, SECOND = "Mon, 16 Nov 2026 03:00:00 UTC", "Mon, 23 Nov 2026 03:00:00 UTC"
ONE = (
    Deb(name="libfoo", version="1"),
    Deb(name="libfoo-dev", version="1", depends="libfoo (= 1)"),
    Deb(name="g++-12", version="12", provides="c-compiler"),
    Deb(name="clang", version="19", provides="c-compiler"),
    Deb(name="sole", version="1", provides="only-one"),
    Deb(name="tree", version="1"),
)
TWO = (
    Deb(name="libfoo", version="2"),
    Deb(name="libfoo-dev", version="2", depends="libfoo (= 2)"),
    *ONE[2:],
)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A catalog, its archive, and a folder of programs."""

    root: Path
    archive: Archive
    programs: Path

    def run(self, *words: str, code: int = 0, **env: str) -> str:
        """Run the builder; all that it prints."""
        path = os.pathsep.join([str(self.programs), os.environ["PATH"]])
        done = subprocess.run(
            [BUILDER, *words, "--root", self.root],
            env={**os.environ, "BUILDER_ENGINE": "podman", "PATH": path, **env},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    def add(self, image: str, *packages: str) -> None:
        """Let a recipe name these packages of apt, and no others."""
        names = ", ".join(json.dumps(name) for name in packages)
        (self.root / f"images/{image}/recipe.yaml").write_text(
            f"summary: The image {image}\npackages:\n  apt: [{names}]\n"
        )

    def move(self, *debs: Deb, date: str = SECOND) -> None:
        """Let the archive and the base be those of another day."""
        self.archive.offer(*debs, date=date)
        bare(self.programs / "rootfs.tar", self.archive, about=date)

    def forget(self) -> None:
        """Leave nothing but what git has, as in a fresh clone."""
        subprocess.run(["rm", "-rf", self.root / "build"], check=True)

    def packages(self, image: str) -> dict[str, str]:
        """The versions that the lock has for an image."""
        layers: dict[str, Any] = json.loads((self.root / "matrix.lock").read_text())["layers"]
        found = layers.get(f"{image}/debian=13", {"packages": {}})["packages"].get("apt", {})
        return {name: text.split()[0] for name, text in found.items()}


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[Moved]:
    """The catalog in its first week, not locked."""
    with serving(tmp_path / "archive") as archive:
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "mmdebstrap").write_text(MMDEBSTRAP)
        (programs / "mmdebstrap").chmod(0o755)
        found = Moved(root=tmp_path / "catalog", archive=archive, programs=programs)
        for image in ("base", "leaf", "other"):
            (found.root / "images" / image).mkdir(parents=True)
            (found.root / f"images/{image}/Dockerfile.j2").write_text("FROM {{ parent }}\n")
            found.add(image)
        (found.root / "images/_macros").symlink_to(ROOT / "images/_macros")
        (found.root / "matrix.yaml").write_text(MATRIX.format(port=free_port()))
        found.move(*ONE, date=FIRST)
        yield found


def test_first(moved: Moved) -> None:
    moved.add("base", "libfoo")
    moved.add("leaf", "libfoo-dev")
    print(moved.run("lock"))
    assert moved.packages("leaf") == {"libfoo-dev": "1"}
    print(Counter(moved.archive.asked))
    moved.archive.asked.clear()
    moved.add("other", "tree")
    print(moved.run("lock"))
    print(Counter(moved.archive.asked))
    moved.archive.asked.clear()
    moved.move(*TWO)
    moved.add("other", "tree", "libfoo-dev")
    print(moved.run("lock", code=0))
    moved.forget()
    print(moved.run("lock", code=0))
    print(moved.run("outdated", code=0))
    print(moved.run("build", code=5))
    print(moved.run("lock", "--upgrade", "debian=13", code=0))
