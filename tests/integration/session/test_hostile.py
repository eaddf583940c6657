"""The table of hostile values, played by bash alone: no container, no server, no network.

A row of images/base/tests/hostile.json names a variable, a value, and what must hold. `with` sets
other variables beside it, and `message` is what a step would say.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
BASE = ROOT / "images" / "base"
LIBRARY = BASE / "files" / "onyxia"
HERE = Path(__file__).parent
PATH = "/usr/local/bin:/usr/bin:/bin"
TOKEN = "t0ken-of-the-user"
TOKEN_OF_URL = "t0kenofurl"
SETS = "a secret of Vault sets it"
NOT_SET = "a secret of Vault does not set it"
VAULT = {"VAULT_ADDR": "https://vault.example", "VAULT_MOUNT": "kv", "VAULT_TOKEN": "hvs.token",
         "VAULT_RELATIVE_PATH": "a"}  # fmt: skip
SCRIPT = "REGION_INIT_SCRIPT", "PERSONAL_INIT_SCRIPT"
TABLE: list[dict[str, Any]] = json.loads((BASE / "tests" / "hostile.json").read_text())
KEYS = [row for row in TABLE if row["holds"] in (SETS, NOT_SET)]
VALUES = [row for row in TABLE if row not in KEYS]


@dataclass(frozen=True, kw_only=True)
class Played:
    """What came of a row."""

    log: str
    asked: str
    session: str
    kept: str
    project: str
    folder: Path


def run(script: str, folder: Path, text: bytes, *words: str, **given: str) -> bytes:
    """What a script of this folder prints, with a clean environment."""
    environment = {"PATH": f"{folder}/bin:{PATH}", "HOME": str(folder), "LANG": "C.UTF-8", **given}
    done = subprocess.run(
        ["bash", str(HERE / script), str(LIBRARY), *words], input=text, env=environment,
        capture_output=True, check=True, timeout=300, cwd=folder,
    )  # fmt: skip
    assert not done.stderr, done.stderr.decode()
    return done.stdout


def nul(parts: Sequence[str]) -> bytes:
    """Texts, each with NUL at its end."""
    return "".join(f"{part}\0" for part in parts).encode()


def around(row: dict[str, Any]) -> dict[str, str]:
    """What is set beside the variable of a row."""
    name = row["variable"]
    given = VAULT if name.startswith("VAULT_") else {}
    if name == "GIT_REPOSITORY":
        given = {"GIT_PERSONAL_ACCESS_TOKEN": TOKEN}
        if TOKEN_OF_URL in row["value"]:
            given = {}
    return {**given, **row.get("with", {})}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[Played]:
    """What came of each row of VALUES."""
    folder = tmp_path_factory.mktemp("hostile")
    stranger = tmp_path_factory.mktemp("stranger")
    (folder / "link").symlink_to(stranger)
    (folder / "file").touch()
    curl = folder / "bin" / "curl"
    curl.parent.mkdir()
    curl.write_text('#!/bin/sh\ncat >"$_asked"\nexit 7\n')
    curl.chmod(0o755)
    parts = [
        part
        for row in VALUES
        for part in (
            row["variable"], row["value"].replace("{folder}", str(folder)),
            row.get("message", ""), *map("=".join, around(row).items()), "",
        )
    ]  # fmt: skip
    found = run("hostile.sh", folder, nul(parts), str(folder)).decode().split("\0")
    return [
        Played(log=log, asked=asked, session=session, kept=kept, project=project, folder=folder)
        for log, asked, session, kept, project in zip(*[iter(found[:-1])] * 5, strict=True)
    ]


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_a_hostile_value(played: list[Played], number: int) -> None:
    row, found = VALUES[number], played[number]
    held = row["holds"].replace("{folder}", str(found.folder))
    said = f"{row}\n{found}"
    if held == "no token is given":
        assert not found.asked, said
    elif held == "the user's token is not given":
        assert TOKEN not in found.asked, said
        assert "not given to" in found.log, said
    elif match := re.fullmatch(r"the token (of the URL )?goes to (\S+)", held):
        asked = dict(line.split("=", 1) for line in found.asked.splitlines() if line)
        assert asked["host"] == match[2], said
        assert asked["password"].startswith(TOKEN_OF_URL if match[1] else TOKEN), said
    elif held in ("it is asked", "nothing is asked"):
        assert bool(found.asked) is (held == "it is asked"), said
    elif held.startswith("the log says "):
        assert found.log == f"onyxia-init: message: said ({held.removeprefix('the log says ')})"
    elif held.startswith("the log lacks "):
        assert found.log, said
        assert held.removeprefix("the log lacks ") not in found.log, said
    elif held.startswith("it is cloned as "):
        assert held.removeprefix("it is cloned as ") == found.project, said
        assert f"\nGIT_REPOSITORY={found.project}\n" in f"\n{found.kept}\n", said
    elif held == "there is no session directory":
        assert not found.session, said
        assert "failed (" in found.log
    else:
        assert held.removeprefix("the session lies in ") == found.session, said


def test_no_secret_is_logged(played: list[Played]) -> None:
    for found in played:
        assert TOKEN not in found.log
        assert TOKEN_OF_URL not in found.log
        assert VAULT["VAULT_TOKEN"] not in found.log


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment that a secret with every key of the table leaves, and the log as `log`."""
    folder = tmp_path_factory.mktemp("vault")
    keys = {row["variable"]: row["value"] for row in KEYS}
    answer = json.dumps({"data": {"data": keys}}).encode()
    found = run("vault.sh", folder, answer).decode().split("\0")
    pairs = dict(pair.split("=", 1) for pair in found[1:] if "=" in pair)
    return {**pairs, "log": found[0]}


@pytest.mark.parametrize("row", KEYS, ids=lambda row: row["variable"])
def test_a_key_of_a_vault_secret(environment: dict[str, str], row: dict[str, Any]) -> None:
    name, value = row["variable"], row["value"]
    assert (environment.get(name) == value) is (row["holds"] == SETS)
    if row["holds"] == NOT_SET and name.isidentifier():
        assert re.search(rf"[: ]{name}[ ;)]", environment["log"])


def variables(*patterns: str) -> set[str]:
    """The variables of the environment that the files of these patterns read."""
    reads = re.compile(
        r"\$\{?!?([A-Z][A-Z0-9_]+)|Sys\.getenv\(\"([A-Z_]+)|environ(?:\.get\(|\[)\"([A-Z_]+)"
    )
    texts = [file.read_text() for pattern in patterns for file in ROOT.glob(pattern)]
    assert texts
    return {name for text in texts for found in reads.findall(text) for name in found if name}


def test_a_vault_key_sets_nothing_that_the_session_reads(tmp_path: Path) -> None:
    """What comes after the step reads it: the other steps, hooks, and what IDEs start with."""
    read = variables(
        "images/base/files/**/*.*", "images/vscode/files/code-server.sh",
        "images/vscode/files/vscode.sh", "images/jupyter/files/*", "images/rstudio/files/start",
        "images/rstudio/files/check-password", "images/marimo/files/*",
    )  # fmt: skip
    assert len(read) > 50
    reserved = run("keys.sh", tmp_path, "\n".join(sorted(read)).encode() + b"\n")
    entry = {"ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "DEFAULT_REGION", "REGION"}
    # A secret may say who its user is: what an image says of its own is only a name.
    free = {*(f"AWS_{name}" for name in entry), "USERNAME", "GROUPNAME"}
    assert read - set(reserved.decode().split()) == free


def test_a_vault_key_names_no_variable_of_bash(tmp_path: Path) -> None:
    clean = subprocess.run(
        ["env", "-i", "bash", "--norc", "-c", "compgen -v"],
        capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    assert len(clean.stdout.split()) > 20
    assert run("keys.sh", tmp_path, clean.stdout).split() == clean.stdout.split()
