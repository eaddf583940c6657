"""What a volume holds decides which of its folders is the work directory; on real folders."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from builder.charts.helm import Helm
from tests.integration.chart.conftest import Played, written


@pytest.fixture(scope="module")
def chart(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The chart of JupyterLab."""
    scratch = tmp_path_factory.mktemp("volume")
    return Played(folder=written("jupyter-python", scratch), helm=helm, scratch=scratch)


@pytest.fixture(scope="module")
def pod(chart: Played) -> dict[str, Any]:
    """Its pod at the defaults."""
    found: dict[str, Any] = chart.pod()["spec"]
    return found


def container(pod: dict[str, Any]) -> dict[str, Any]:
    return next(item for item in pod["initContainers"] if item["name"] == "volume-layout")


def home(pod: dict[str, Any]) -> dict[str, Any]:
    mounts = pod["containers"][0]["volumeMounts"]
    return next(mount for mount in mounts if mount["name"] == "home")


def look(pod: dict[str, Any], volume: Path) -> tuple[int, str]:
    """Run the program of the init container on a folder in place of the volume."""
    shell, option, text = container(pod)["command"]
    link = container(pod)["env"][0]
    done = subprocess.run(
        [shell, option, text.replace("/volume\n", f"{volume}\n")],
        env={"PATH": os.environ["PATH"], link["name"]: link["value"]},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("entries", "folder"),
    [
        ((), "work"),
        (("lost+found/",), "work"),
        (("work/project/file",), "work"),
        (("lost+found/", "work/project/file", ".cache/x", ".hidden"), "work"),
        (("project/file",), "."),
        (("lost+found/", "project/file"), "."),
        ((".git/config",), "."),
        (("file", "work/project/file"), "."),
        (("work",), "."),
        (("gone->nowhere",), "."),
    ],
    ids=[
        "fresh",
        "fresh, of ext4",
        "of an official chart",
        "of an official chart, shown to programs of another",
        "of an older chart of this catalog",
        "the same, of ext4",
        "with hidden files alone",
        "of both",
        "with a file of that name",
        "with a link to nowhere",
    ],
)
def test_the_work_directory_is_where_it_was(
    pod: dict[str, Any], tmp_path: Path, entries: tuple[str, ...], folder: str
) -> None:
    for entry in entries:
        path, _, target = entry.partition("->")
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        if target:
            (tmp_path / path).symlink_to(target)
        elif path.endswith("/"):
            (tmp_path / path).mkdir()
        else:
            (tmp_path / path).write_text("x")
    before = {path: path.stat(follow_symlinks=False).st_mtime_ns for path in tmp_path.glob("**/*")
              if not path.is_dir()}  # fmt: skip
    says = f"The work directory is the folder {folder} of the volume\n"
    assert look(pod, tmp_path) == (0, says)
    kept = tmp_path / home(pod)["subPath"]
    assert kept.resolve() == (tmp_path / folder).resolve()
    (kept / "new").write_text("x")
    # Nothing was moved, and a second start says and changes nothing.
    assert before.items() <= {
        path: path.stat(follow_symlinks=False).st_mtime_ns for path in tmp_path.glob("**/*")
    }.items()  # fmt: skip
    assert look(pod, tmp_path) == (0, "")


def test_a_folder_that_somebody_removed_is_made_again(pod: dict[str, Any], tmp_path: Path) -> None:
    look(pod, tmp_path)
    (tmp_path / "work").rmdir()
    assert look(pod, tmp_path)[0] == 0
    assert (tmp_path / home(pod)["subPath"]).is_dir()


def test_a_volume_that_cannot_be_written_to_says_what_to_do(pod: dict[str, Any]) -> None:
    code, says = look(pod, Path("/proc"))
    assert code == 1
    assert says.endswith(
        "The volume cannot be written to: set persistence.layout to whole or to work\n"
    )


@pytest.mark.parametrize(
    ("persistence", "part"),
    [
        ({}, ".onyxia-work-directory"),
        ({"layout": "work"}, "work"),
        ({"layout": "whole"}, None),
        ({"enabled": False}, None),
        ({"accessMode": "ReadOnlyMany"}, None),
    ],
)
def test_what_is_mounted(chart: Played, persistence: dict[str, Any], part: str | None) -> None:
    pod = chart.pod({"persistence": persistence})["spec"]
    assert home(pod).get("subPath") == part
    names = [item["name"] for item in pod.get("initContainers", [])]
    assert ("volume-layout" in names) == (persistence == {})
