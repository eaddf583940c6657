"""A chart on an image of somebody else: how its program is found, and what the pod may."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from builder.catalog.models import ChartRecipe, CustomImage
from tests.integration.chart.conftest import Played, catalog

# Stands for a program of an image: it says how it was called.
ECHO = """\
#!/bin/sh
echo "$(basename "$0") $* JUPYTER_TOKEN=${JUPYTER_TOKEN-}"
[ -t 0 ] || cat
"""

PASSWORD = "p$(id) \\'\" é"
# Programs that images of others have, by recipe, and how each is called.
PLAIN = {
    "rstudio": {
        "/init": "init  JUPYTER_TOKEN=\n",
        "/usr/lib/rstudio-server/bin/rserver": (
            "rserver --server-daemonize=0 --www-port=8787 JUPYTER_TOKEN=\n"
        ),
    },
    "jupyter": {
        "jupyter": (f"jupyter lab --no-browser --ip=0.0.0.0 --port=8888 JUPYTER_TOKEN={PASSWORD}\n")
    },
    "vscode": {
        "code-server": (
            "code-server --auth=password --bind-addr=0.0.0.0:8080 /home/onyxia/work"
            " JUPYTER_TOKEN=\n"
        )
    },
    "marimo": {
        "marimo": (
            "marimo --quiet edit --headless --skip-update-check --token-password-file=-"
            f" --host=0.0.0.0 --port=2718 JUPYTER_TOKEN=\n{PASSWORD}\n"
        )
    },
}


def recipe(chart: Played) -> ChartRecipe:
    return catalog().charts[chart.recipe]


def custom(**more: Any) -> dict[str, Any]:
    image = {"enabled": True, "version": "registry.example.org/team/course:1", **more}
    return {"service": {"image": {"custom": image}}}


def started(command: list[str], folder: Path, programs: tuple[str, ...]) -> str:
    """Run a command of a pod on a `PATH` that has these programs; a name that begins with `/` is
    that path below the folder."""
    for name in programs:
        path = folder / name.removeprefix("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ECHO)
        path.chmod(0o755)
    words = [f"{folder}{word}" if word.startswith(("/opt", "/init", "/usr")) else word
             for word in command]  # fmt: skip
    done = subprocess.run(
        words, env={"PATH": f"{folder}:{os.environ['PATH']}", "PASSWORD": PASSWORD},
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def pod(chart: Played) -> dict[str, Any]:
    """The pod on a custom image."""
    found: dict[str, Any] = chart.pod(custom())["spec"]
    return found


@pytest.fixture(scope="module")
def command(pod: dict[str, Any]) -> list[str]:
    """How its service is started."""
    words: list[str] = pod["containers"][0]["command"]
    # The only expressions that Kubernetes would expand.
    assert not any("$(" in word for word in words)
    return words


def test_the_own_start_comes_first_in_an_image_that_was_made_from_ours(
    chart: Played, command: list[str], tmp_path: Path
) -> None:
    own = list(recipe(chart).command)
    out = started(command, tmp_path, ("/opt/onyxia-init.sh", own[0], *PLAIN[chart.recipe]))
    assert out.startswith("onyxia-init.sh ")
    # Without the program that prepares the session, the same start is run at once.
    (tmp_path / "opt" / "onyxia-init.sh").unlink()
    assert started(command, tmp_path, ()).startswith(f"{Path(own[0]).name} {own[1][:6]}")


def test_the_plain_program_is_given_the_password_as_it_takes_it(
    chart: Played, command: list[str], tmp_path: Path
) -> None:
    for program, says in PLAIN[chart.recipe].items():
        folder = tmp_path / Path(program).name
        assert started(command, folder, (program,)) == says


def test_an_image_without_any_of_the_programs_is_told_so(
    chart: Played, command: list[str], tmp_path: Path
) -> None:
    out = started(command, tmp_path, ())
    says = "This image has none of the programs that start the service: "
    assert (says in out) == (recipe(chart).custom_image != CustomImage())


def test_it_may_run_as_root_unless_the_platform_holds_it_to_the_restricted_profile(
    chart: Played, pod: dict[str, Any]
) -> None:
    seccomp = {"seccompProfile": {"type": "RuntimeDefault"}}
    assert pod["securityContext"] == {"fsGroup": 100, **seccomp}
    assert pod["containers"][0]["securityContext"] == {"readOnlyRootFilesystem": False}
    held = chart.pod(custom(restricted=True))["spec"]
    plain = chart.pod({})["spec"]
    assert held["securityContext"] == plain["securityContext"]
    assert held["securityContext"]["runAsNonRoot"] is True
    assert held["containers"][0]["securityContext"] == plain["containers"][0]["securityContext"]


def test_the_notes_say_beforehand_what_is_refused(chart: Played) -> None:
    def notes(values: dict[str, Any]) -> str:
        return chart.helm.dry_run(chart.folder, release="r-1", values=values).notes

    assert "not one of this chart" not in notes({})
    assert "`pod-security.kubernetes.io/enforce=restricted`, the cluster refuses the pod" in notes(
        custom()
    )
    assert "an image that runs as root does not start" in notes(custom(restricted=True))


def test_an_image_of_a_saved_launch_that_is_not_in_the_list_starts_so_too(
    chart: Played, command: list[str]
) -> None:
    """Which those are a package says; a folder that was only rendered has no such list."""
    saved = {"service": {"image": {"version": "registry.example.org/official/lab:1"}}}
    plain = chart.pod({})["spec"]["containers"][0]
    assert chart.pod(saved)["spec"]["containers"][0]["command"] == plain["command"]
    table = chart.folder / "images.json"
    table.write_text(json.dumps({plain["image"]: f"sha256:{'a' * 64}"}))
    try:
        assert chart.pod({})["spec"]["containers"][0]["command"] == plain["command"]
        other = chart.pod(saved)["spec"]
        notes = chart.helm.dry_run(chart.folder, release="r-1", values=saved).notes
    finally:
        table.unlink()
    assert other["containers"][0]["command"] == command
    assert other["securityContext"]["runAsNonRoot"] is True
    assert "does not start, unless it is given as a custom image" in notes
