"""`code FILE` in a start script, before anybody looks at VS Code."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

FILES = Path(__file__).parents[3] / "images" / "vscode" / "files"


def say(folder: Path, words: list[str], **given: str) -> str:
    """What a command of ours starts: code-server proper is a stand-in that says its words."""
    folder.mkdir(exist_ok=True)
    program = folder / "program"
    program.write_text('#!/bin/sh\necho program "$@"\n')
    program.chmod(0o755)
    for name in ("code", "code-server"):
        text = (FILES / f"{name}.sh").read_text()
        command = folder / name
        command.write_text(text.replace("/opt/code-server/bin/code-server", str(program)))
        command.chmod(0o755)
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, timeout=30, cwd=folder,
        env={"PATH": f"{folder}:/usr/bin:/bin", "ONYXIA_SESSION": str(folder), **given},
    )  # fmt: skip
    return done.stdout.strip()


def named(folder: Path) -> list[str]:
    """What the first window will open."""
    listed = (folder / "open").read_text().split("\0")
    return [name.removeprefix(f"{folder}/") for name in listed if name]


@pytest.mark.parametrize(("words", "opened"), [
    (["code", "a.ipynb"], ["a.ipynb"]),
    (["code", "-r", "a b.ipynb", "../elsewhere"], ["a b.ipynb", "../elsewhere"]),
    (["code", "-g", "a.py:10:2"], ["a.py"]),
    (["code", "--goto", "a:3"], ["a:3"]),
    (["code-server", "a.ipynb"], ["a.ipynb"]),
])  # fmt: skip
def test_files_of_a_start_script_wait_for_the_first_window(
    tmp_path: Path, words: list[str], opened: list[str]
) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    for name in ("a.ipynb", "a b.ipynb", "a.py", "a:3"):
        (folder / name).touch()
    assert say(folder, words) == ""
    expected = [name.replace("../elsewhere", f"{tmp_path}/elsewhere") for name in opened]
    assert named(folder) == expected
    assert (folder / "open").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("words", [
    ["code", "--install-extension", "a.b"], ["code-server", "--list-extensions"],
    ["code", "--version"], ["code-server", "a-folder-that-is-not-there"],
])  # fmt: skip
def test_everything_else_is_said_to_code_server(tmp_path: Path, words: list[str]) -> None:
    assert say(tmp_path / "session", words) == " ".join(["program", *words[1:]])


@pytest.mark.parametrize("name", ["code", "code-server"])
def test_a_terminal_opens_it_at_once(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    (folder / "a.py").touch()
    assert say(folder, [name, "a.py"], VSCODE_IPC_HOOK_CLI="/a") == "program a.py"
    assert not (folder / "open").exists()
