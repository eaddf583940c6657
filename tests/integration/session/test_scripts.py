"""Start scripts that images are tried with, played by bash alone where that is enough."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
BASE = ROOT / "images" / "base"
ROWS: list[dict[str, Any]] = json.loads((BASE / "tests" / "scripts.json").read_text())
ALONE = [row for row in ROWS if not row["needs"]]


def start(folder: Path, *command: str, **given: str) -> subprocess.CompletedProcess[str]:
    """Start a session whose home directory is an empty volume."""
    (folder / "home").mkdir(exist_ok=True)
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": f"{folder}/home", "LANG": "C.UTF-8",
        "ONYXIA_SESSION_DIR": f"{folder}/session", **given,
    }  # fmt: skip
    return subprocess.run(
        [str(BASE / "files" / "onyxia-init.sh"), *command], env=environment, cwd=folder,
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip


def test_every_script_says_what_it_is_for() -> None:
    assert len({row["does"] for row in ROWS}) == len(ROWS)
    assert {"needs", "does", "script", "shows"} <= set.intersection(*map(set, ROWS))


@pytest.mark.parametrize("row", ALONE, ids=lambda row: row["does"])
def test_a_start_script_works(tmp_path: Path, row: dict[str, Any]) -> None:
    script = tmp_path / "script.sh"
    script.write_text(row["script"].replace("/tmp/scripts", str(tmp_path)))
    done = start(tmp_path, "bash", str(script))
    assert done.stdout.strip() == row["shows"], done.stderr


def test_the_user_is_named_as_the_image_names_it(tmp_path: Path) -> None:
    names = "echo $USERNAME $GROUPNAME $GID $WORKSPACE_DIR $ROOT_PROJECT_DIRECTORY"
    own = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()
    number = subprocess.run(["id", "-g"], capture_output=True, text=True, check=True).stdout.strip()
    work = f"{tmp_path}/home/work"
    stranger = start(tmp_path, "sh", "-c", names, GID="4000000", GROUPNAME="users")
    assert stranger.stdout.split() == [own, group, number, work, work]
    chosen = start(tmp_path, "sh", "-c", names, USERNAME="a", GID=number, GROUPNAME="b")
    assert chosen.stdout.split() == ["a", "b", number, work, work]


def test_what_the_user_has_stays(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".bashrc").write_text("mine\n")
    (home / ".profile").symlink_to("nowhere")
    start(tmp_path, "true")
    assert (home / ".bashrc").read_text() == "mine\n"
    assert (home / ".profile").is_symlink()
    assert (home / ".ssh").stat().st_mode & 0o777 == 0o700


def test_programs_of_the_home_directory_come_last(tmp_path: Path) -> None:
    found = start(tmp_path, "sh", "-c", "echo $PATH").stdout.strip()
    assert found == f"/usr/local/bin:/usr/bin:/bin:{tmp_path}/home/.local/bin"


@pytest.mark.parametrize("words", [
    "pip install --system a", "pip install -r b --system", "--quiet pip install --system a",
])  # fmt: skip
def test_uv_takes_the_python_of_the_session_for_the_system_s(tmp_path: Path, words: str) -> None:
    assert "--python=/opt/python/bin/python" in asked_of_uv(tmp_path, words)
    assert "--system" not in asked_of_uv(tmp_path, words)


@pytest.mark.parametrize("words", ["pip install a", "venv --system", "run x --system", "sync"])
def test_uv_is_asked_everything_else_as_it_is(tmp_path: Path, words: str) -> None:
    assert asked_of_uv(tmp_path, words) == words.split()


def asked_of_uv(folder: Path, words: str) -> list[str]:
    """What uv itself is started with: a stand-in that prints its words."""
    program = folder / "uv"
    program.write_text('#!/bin/sh\necho "$@" ${UV_SYSTEM_PYTHON:-}\n')
    program.chmod(0o755)
    text = (BASE / "files" / "onyxia" / "uv").read_text()
    assert text.count("/opt/python/bin/uv") == 1
    wrapper = folder / "wrapper"
    wrapper.write_text(text.replace("/opt/python/bin/uv", str(program)))
    done = subprocess.run(
        ["sh", str(wrapper), *words.split()], capture_output=True, text=True, check=True,
        timeout=30, env={"PATH": "/usr/bin:/bin", "UV_SYSTEM_PYTHON": "1"},
    )  # fmt: skip
    return done.stdout.split()


NO_ROOT = "this session has no root. Use `pip` or `uv pip install`"


@pytest.mark.parametrize("words", [
    "sudo apt-get upgrade", "apt-get remove -y a", "apt -y autoremove", "locale-gen fr_FR.UTF-8",
    "update-locale", "sudo -E bash", "sudo -u", "sudo sh -c apt-get", "sudo make install",
])  # fmt: skip
def test_what_needs_root_says_in_one_line_what_else_there_is(tmp_path: Path, words: str) -> None:
    done = called_as(tmp_path, words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{words.split(maxsplit=1)[0]}: {NO_ROOT}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("words", "shown"), [
    ("apt-get install -y a b", "install -y a b"),
    ("apt -y update", "-y update"),
    ("apt-get clean", "clean"),
    ("sudo apt-get install a", "install a"),
    ("sudo -E DEBIAN_FRONTEND=noninteractive /usr/bin/apt-get -y install a", "-y install a"),
    ("sudo -u root apt install a", "install a"),
])  # fmt: skip
def test_packages_of_debian_are_installed_into_the_home_directory(
    tmp_path: Path, words: str, shown: str
) -> None:
    assert called_as(tmp_path, words).stdout == f"in home {shown}\n"


@pytest.mark.parametrize("words", ["apt-get --version", "apt list", "apt show bash"])
def test_what_needs_no_root_is_done(tmp_path: Path, words: str) -> None:
    done = called_as(tmp_path, words)
    assert (done.returncode, done.stdout) == (0, f"did {words}\n"), done.stderr


@pytest.mark.parametrize(("words", "shown"), [
    ("sudo apt-get update", "did sudo apt-get update"),
    ("apt-get install a", "did sudo {bin}/apt-get install a"),
    ("locale-gen fr_FR", "did sudo {bin}/locale-gen fr_FR"),
])  # fmt: skip
def test_where_the_session_may_become_root_it_does(tmp_path: Path, words: str, shown: str) -> None:
    done = called_as(tmp_path, words, privileged=True)
    assert done.stdout == shown.format(bin=tmp_path) + "\n", done.stderr


def called_as(
    folder: Path, words: str, *, privileged: bool = False
) -> subprocess.CompletedProcess[str]:
    """What comes of a program that is really ours; Debian's are stand-ins that say what they do."""
    name, *arguments = words.split()
    for program in ("sudo", "apt-get", "apt", "locale-gen", "update-locale"):
        file = folder / program
        file.write_text(f'#!/bin/sh\necho did {program} "$@"\n')
        file.chmod(0o4755 if privileged and program == "sudo" else 0o755)
    identity, status = folder / "id", folder / "status"
    identity.write_text("#!/bin/sh\necho 1000\n")
    identity.chmod(0o755)
    status.write_text(f"NoNewPrivs:\t{0 if privileged else 1}\n")
    text = (BASE / "files" / "as-root").read_text()
    for there in ("/usr/sbin/", "/usr/bin/", "/opt/onyxia/"):
        text = text.replace(f"exec {there}", f"exec {folder}/").replace(f"={there}", f"={folder}/")
    text = text.replace("-u /usr/bin/", f"-u {folder}/")
    in_home = folder / "apt-in-home"
    in_home.write_text('#!/bin/sh\necho in home "$@"\n')
    in_home.chmod(0o755)
    ours = folder / "ours" / name
    ours.parent.mkdir()
    ours.write_text(text.replace("/proc/self/status", str(status)))
    ours.chmod(0o755)
    return subprocess.run(
        [str(ours), *arguments], capture_output=True, text=True, check=False, timeout=30,
        env={"PATH": f"{folder}:{Path(shutil.which('sh') or '/bin/sh').parent}:/usr/bin:/bin"},
    )  # fmt: skip
