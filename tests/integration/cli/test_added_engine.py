"""The engine buildah, which a package of its own adds, carries out a run of the builder."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from builder.common.process import Runner
from tests.fakes.packages import install
from tests.integration.buildah import ENTRY_POINTS, install_buildah
from tests.integration.cli.conftest import Tiny


@pytest.fixture
def path(tmp_path: Path, runner: Runner) -> str:
    """PYTHONPATH with the folder in which the package is installed."""
    return f"{install_buildah(tmp_path / 'site', runner)}:{os.environ.get('PYTHONPATH', '')}"


def test_it_builds_tests_and_builds_again(tiny: Tiny, path: str) -> None:
    done = tiny.run("build", "-s", "app", BUILDER_ENGINE="buildah", PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "built 3 targets; `builder publish` releases what passed\n"
    assert (tiny.root / "build" / "buildah" / "storage").is_dir()
    junit = (tiny.root / "build" / "junit").glob("*.xml")
    assert all('failures="0"' in file.read_text() for file in junit)

    done = tiny.run("verify", "app", "--format", "json", BUILDER_ENGINE="buildah", PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert [item["status"] for item in json.loads(done.stdout)] == ["identical"]

    script = tiny.run("build", "--show-commands", BUILDER_ENGINE="buildah", PYTHONPATH=path)
    assert "buildah build --isolation oci" in script.stdout
    assert "podman" not in script.stdout

    told = tiny.run("doctor", BUILDER_ENGINE="buildah", PYTHONPATH=path).stdout
    assert re.search(r"^ok   buildah: buildah version \d", told, re.MULTILINE)
    assert "ok   engine buildah: from an installed package\n" in told

    done = tiny.run("clean", BUILDER_ENGINE="buildah", PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert not (tiny.root / "build" / "buildah").exists()


def test_it_is_not_believed_in_the_folder_of_the_catalog(tiny: Tiny) -> None:
    """Though that is where Python looks: nothing of it is run."""
    marker = tiny.root / "marker"
    evil = {"buildah_engine.py": f"open({str(marker)!r}, 'w')"}
    install(tiny.root, "buildah-engine", ENTRY_POINTS, evil)
    path = f"{tiny.root}:{os.environ.get('PYTHONPATH', '')}"
    for command in (("build", "-s", "app"), ("doctor",), ("clean",)):
        done = tiny.run(*command, "--engine", "buildah", PYTHONPATH=path)
        assert done.returncode == 2
        assert done.stderr == (
            "error: no engine is called 'buildah'\n  hint: known: auto, docker, podman\n"
        )
    assert tiny.run("build", "--help", PYTHONPATH=path).returncode == 0
    assert not marker.exists()
