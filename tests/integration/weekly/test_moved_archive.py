"""What a lock is worth once its archive has moved: real apt, and an archive on loopback.

The base is one whose only content is what apt reads, and mmdebstrap a script that gives that.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builder.common.process import Runner
from builder.testing.pod_runner import free_port
from tests.integration.registry import registry
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
        layers: dict[str, Any] = json.loads((self.root / "matrix.lock").read_text())["package_sets"]
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
            tests = found.root / f"images/{image}/tests"
            tests.mkdir()
            (tests / f"test_{image}.py").write_text("def test_nothing(host): ...\n")
        shutil.copytree(ROOT / "images/_macros", found.root / "images/_macros")
        (found.root / "matrix.yaml").write_text(MATRIX.format(port=free_port()))
        found.move(*ONE, date=FIRST)
        yield found


INDEXES = {"/dists/tiny/InRelease": 1, "/dists/tiny/main/binary-amd64/Packages": 1}
GONE = (
    "the locked content of base debian=13@linux/amd64 is no longer available: its archive"
    " has changed, and a bootstrap gives sha256:"
)
TAKE = "run `builder lock --upgrade debian=13` to lock the current content"


def seen(moved: Moved) -> dict[str, int]:
    """How often each index was asked for since this was last called."""
    counted = Counter(path for path in moved.archive.asked if path.startswith("/dists/"))
    moved.archive.asked.clear()
    return dict(counted)


def test_no_index_is_fetched_twice_and_what_fits_stays(moved: Moved) -> None:
    moved.add("base", "libfoo")
    moved.add("leaf", "libfoo-dev")
    moved.run("lock")
    assert seen(moved) == INDEXES
    moved.move(*TWO)
    moved.add("other", "tree")
    said = moved.run("lock")
    assert seen(moved) == INDEXES
    assert "lock: other/debian=13: 1 package, new: tree\n" in said
    assert (moved.packages("base"), moved.packages("leaf")) == (
        {"libfoo": "1"},
        {"libfoo-dev": "1"},
    )
    assert moved.packages("other") == {"tree": "1"}


def test_a_partial_week_is_gone_on_from(moved: Moved) -> None:
    moved.add("base", "libfoo")
    moved.add("leaf", "libfoo-dev")
    moved.run("lock")
    moved.move(*TWO)
    moved.add("other", "tree", "libfoo-dev")
    said = moved.run("lock")
    assert (
        "lock: base/debian=13: libfoo must move: other/debian=13 needs libfoo 2, but base/debian=13"
        " has 1\n"
    ) in said
    assert moved.packages("base") == {"libfoo": "2"}
    assert moved.packages("other") == {"libfoo-dev": "2", "tree": "1"}
    # What another child has must fit what its parent has by now.
    assert moved.packages("leaf") == {"libfoo-dev": "2"}


@pytest.mark.heavy
def test_a_part_that_was_locked_later_holds_nobody_back(moved: Moved) -> None:
    moved.add("base", "libfoo")
    moved.add("leaf", "libfoo-dev")
    moved.run("lock")
    # Both versions are there, as where one came by a security suite.
    moved.move(*TWO, *ONE[:2])
    moved.run("lock", "--upgrade", "base", "-s", "base")
    assert (moved.packages("base"), moved.packages("leaf")) == (
        {"libfoo": "2"},
        {"libfoo-dev": "1"},
    )
    said = moved.run("lock")
    assert "lock: leaf/debian=13: 1 package, new: libfoo-dev\n" in said
    assert moved.packages("leaf") == {"libfoo-dev": "2"}
    assert "matrix.lock is up to date\n" in moved.run("lock")


def test_a_package_that_left_the_archive_stops_its_own_targets(moved: Moved) -> None:
    moved.add("leaf", "tree")
    moved.run("lock")
    moved.move(*(deb for deb in ONE if deb.name != "tree"))
    moved.add("other", "sole")
    said = moved.run("lock", "--upgrade", code=5)
    assert (
        "error: images/leaf/recipe.yaml:3:10: leaf/debian=13: stays as locked: there is no"
        " package tree for debian=13@linux/amd64 (recipe leaf, for leaf/debian=13)\n"
    ) in said
    assert "matrix.lock written\n" in said
    assert (moved.packages("leaf"), moved.packages("other")) == ({"tree": "1"}, {"sole": "1"})


def test_a_name_is_exact(moved: Moved) -> None:
    absent = ("g++-19", "tree-", "tree+", "treee")
    patterns = ("tree=1", "tree/tiny", "tree|clang", "libfoo.*", "tre*", "^tree", "tiny^")
    for name in patterns:  # by its form when it is read, or by apt's rules when it is asked for
        moved.add("leaf", name)
        assert f": {name!r} is not " in moved.run("lock", code=2)
    moved.add("leaf", *absent, "c-compiler", "only-one")
    moved.add("other", "only-one", "tree")
    said = moved.run("lock", code=2)
    origin = "(recipe leaf, for leaf/debian=13)"
    for name in absent:
        assert f": there is no package {name} for debian=13@linux/amd64 {origin}\n" in said
    assert "error: images/leaf/recipe.yaml:3:10: there is no package g++-19 for" in said
    assert f" package on debian=13@linux/amd64 {origin}; clang and g++-12 provide it\n" in said
    assert "  hint: name one of them instead of c-compiler\n" in said
    assert "  hint: did you mean tree? Or does it belong under a condition of `when`?\n" in said
    # What one alone provides is that one.
    assert moved.packages("other") == {"sole": "1", "tree": "1"}
    assert moved.packages("leaf") == {}


@pytest.mark.heavy
def test_where_apt_speaks_german(moved: Moved) -> None:
    if not Path("/usr/share/locale/de/LC_MESSAGES/apt.mo").exists():
        pytest.skip("apt's German texts are not on this machine")
    moved.add("leaf", "tree")
    moved.run("lock", LANGUAGE="de", LANG="de_DE.UTF-8", LC_ALL="C.UTF-8")
    assert moved.packages("leaf") == {"tree": "1"}


@pytest.mark.heavy
def test_a_fresh_clone_while_the_archive_stands_still(moved: Moved) -> None:
    moved.add("base", "tree")
    moved.run("lock")
    moved.forget()
    moved.add("leaf", "sole")
    said = moved.run("lock")
    assert "base debian=13@linux/amd64: neither here nor in the catalog's registry; " in said
    assert moved.packages("leaf") == {"sole": "1"}


def test_a_fresh_clone_weeks_later(moved: Moved) -> None:
    moved.add("base", "libfoo")
    moved.add("leaf", "libfoo-dev")
    moved.run("lock")
    lock = (moved.root / "matrix.lock").read_text()
    moved.move(*TWO)
    moved.forget()
    moved.add("other", "tree")
    # A new recipe.
    said = moved.run("lock", code=5)
    assert f"error: other/debian=13: not locked: {GONE}" in said
    assert f"  hint: {TAKE}\n" in said
    # What to run was said before there was anything to wait for.
    told = "to lock the current content\n"
    assert said.index(told) < said.index(GONE)
    assert (moved.root / "matrix.lock").read_text() == lock
    # What a new lock would change.
    said = moved.run("outdated")
    assert (
        "base debian=13@linux/amd64: moved on (the archive no longer gives what is locked)\n"
        f"  hint: {TAKE}\n"
    ) in said
    assert "leaf/debian=13   base debian=13@linux/amd64 has moved on\n" in said
    # What both say to run.
    moved.run("lock", "--upgrade", "debian=13")
    assert moved.packages("base") == {"libfoo": "2"}
    assert moved.packages("leaf") == {"libfoo-dev": "2"}
    assert moved.packages("other") == {"tree": "1"}
    assert "moved on" not in moved.run("outdated")


@pytest.mark.heavy
def test_a_base_that_is_kept_is_asked_of_nobody(moved: Moved) -> None:
    """Not even once its archive has moved on."""
    moved.add("base", "libfoo")
    moved.run("lock")
    moved.move(*TWO)
    moved.add("leaf", "tree")
    said = moved.run("lock")
    assert "neither here nor" not in said
    assert (moved.packages("base"), moved.packages("leaf")) == ({"libfoo": "1"}, {"tree": "1"})


@pytest.mark.heavy
def test_a_build_in_a_fresh_clone_weeks_later(moved: Moved, runner: Runner, tmp_path: Path) -> None:
    moved.add("base", "libfoo")
    with registry(tmp_path / "registry", runner=runner) as address:
        matrix = moved.root / "matrix.yaml"
        matrix.write_text(re.sub(r"127\.0\.0\.1:\d+", address, matrix.read_text()))
        moved.run("lock")
        moved.move(*TWO)
        moved.forget()
        said = moved.run("build", "-s", "base", code=5)
    assert f"base:debian=13@linux/amd64 failed: {GONE}" in said
    assert f"  hint: {TAKE}\n" in said
