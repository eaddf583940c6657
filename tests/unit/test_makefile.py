"""What a checkout offers by itself: `make run`, `.ci/run`, and the same bytes everywhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from builder.catalog.selection import select
from tests.fakes.this_catalog import this_catalog
from tests.skips import NO_GIT

ROOT = Path(__file__).parents[2]


def test_the_starter_slice_is_light_and_on_both_debians() -> None:
    text = (ROOT / "Makefile").read_text().replace("\\\n", "")
    match = re.search(r"^STARTER := (.*)$", text, re.MULTILINE)
    assert match
    words = [word for word in shlex.split(match[1]) if word != "-s"]
    expansion = this_catalog().expansion
    found = [expansion.targets[key] for key in select(expansion, words)]
    images = {target.variant.image for target in found}
    assert {"base", "python-minimal", "r-minimal", "jupyter-python"} <= images
    assert {target.variant.values["debian"] for target in found} == {"13", "12"}
    assert {target.variant.values.get("cuda", "none") for target in found} == {"none"}
    assert len(found) <= 14


def locked(name: str) -> dict[str, set[str]]:
    """Return the versions by package of a file that `make requirements` wrote; each has hashes."""
    text = (ROOT / ".ci" / name).read_text().replace("\\\n", "")
    versions: dict[str, set[str]] = {}
    for line in text.splitlines():
        words, *hashes = re.split(r" +--hash=", line)
        assert hashes, f"{name}: {line}"
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", item.strip()) for item in hashes), line
        package, version = words.partition(";")[0].strip().split("==")
        versions.setdefault(package, set()).add(version)
    return versions


def test_the_packages_of_the_builder_are_locked_with_hashes_and_name_no_index() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = project["project"]["dependencies"]
    needs = {
        "requirements.txt": runtime,
        "requirements-build.txt": project["build-system"]["requires"],
        "requirements-dev.txt": runtime + project["project"]["optional-dependencies"]["dev"],
    }
    for name, requirements in needs.items():
        versions = locked(name)
        for text in requirements:
            requirement = Requirement(text)
            found = versions.get(canonicalize_name(requirement.name), set())
            assert found, f"{name} lacks {text}: run `make requirements`"
            assert all(requirement.specifier.contains(version) for version in found), text
    for name in ("requirements.txt", "requirements-build.txt"):
        both = {
            package: found
            for package, found in locked(name).items()
            if package in (dev := locked("requirements-dev.txt")) and not found <= dev[package]
        }
        assert not both, f"{name} has other versions than requirements-dev.txt"


def test_setup_installs_nothing_that_has_no_hash() -> None:
    argv = ["make", "--dry-run", "--always-make", ".venv/.dev"]
    # make tells its children of itself, and this test may be one of them.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, check=True, timeout=20, env=environment
    )
    lines = [line for line in done.stdout.splitlines() if "pip install" in line]
    assert len(lines) == 3
    for line in lines:
        words = set(shlex.split(line))
        by_hash = {"--require-hashes", "--only-binary", ":all:"} <= words
        assert by_hash or {"--no-index", "--no-deps", "--no-build-isolation"} <= words, line


USAGE = "usage: .ci/run: lint the catalog builder and run its tests, as `make test` does\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--help"], 0, USAGE),
        (["-h"], 0, USAGE),
        (["all"], 2, ".ci/run: unknown arguments: all (see .ci/run --help)\n"),
        (["--help", "x"], 2, ".ci/run: unknown arguments: --help x (see .ci/run --help)\n"),
        ([""], 2, ".ci/run: unknown arguments:  (see .ci/run --help)\n"),
    ],
)
def test_what_ci_runs_takes_no_arguments(words: list[str], code: int, said: str) -> None:
    argv = [str(ROOT / ".ci" / "run"), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stdout + done.stderr) == (code, said)


@pytest.mark.slow
def test_a_clone_where_git_writes_crlf_has_none(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip(NO_GIT)
    options = ["--quiet", "--config", "core.autocrlf=true", "--depth=1"]
    subprocess.run(["git", "clone", *options, f"file://{ROOT}", str(tmp_path / "c")], check=True)
    listed = subprocess.run(
        ["git", "ls-files", "--eol"], cwd=tmp_path / "c", check=True, capture_output=True, text=True
    ).stdout
    assert "w/lf" in listed
    assert "w/crlf" not in listed
    assert "w/mixed" not in listed
