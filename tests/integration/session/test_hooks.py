"""What other recipes may add to the start of a session, as the README of base says it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.integration.session.host import SCRIPT, Ended, Host
from tests.integration.session.values import TEXT
from tests.integration.starter import ROOT

SETTINGS = ".local/share/editor/settings.json"


@pytest.fixture
def hooked(machine: Host) -> Host:
    """The script with the hook of the README."""
    shutil.copytree(SCRIPT.parent, machine.folder / "opt")
    readme = (SCRIPT.parents[1] / "README.md").read_text()
    found = re.search(r"```bash\n(.*?)```", readme, re.DOTALL)
    assert found
    hooks = machine.folder / "opt" / "onyxia" / "init.d"
    hooks.mkdir(exist_ok=True)
    (hooks / "editor.sh").write_text(found[1])
    return machine


def start(machine: Host, **given: str) -> Ended:
    """Start it."""
    machine.home.mkdir(exist_ok=True)
    script = str(machine.folder / "opt" / SCRIPT.name)
    done = machine.run([script, "true"], machine.environment(given))
    return Ended(status=done.returncode, out=done.stdout, log=done.stderr.decode())


def settings(machine: Host, text: str) -> Path:
    """What a user has set."""
    file = machine.home / SETTINGS
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


def test_a_hook_is_a_step(hooked: Host) -> None:
    ended = start(hooked, DARK_MODE="true")
    assert ended.steps["editor theme"] == "done"
    names = list(ended.steps)
    assert names.index("dark mode") < names.index("editor theme")
    assert names.index("editor theme") < names.index("session environment")
    assert json.loads((hooked.home / SETTINGS).read_text()) == {"theme": "dark"}


def test_a_hook_that_has_nothing_to_do(hooked: Host) -> None:
    assert start(hooked).steps["editor theme"] == "skipped (DARK_MODE is not true)"
    assert not (hooked.home / SETTINGS).exists()


def test_what_a_user_has_set_stays(hooked: Host) -> None:
    file = settings(hooked, json.dumps({"theme": TEXT, "font": 7}))
    assert start(hooked, DARK_MODE="true").steps["editor theme"] == "done"
    assert json.loads(file.read_text()) == {"theme": TEXT, "font": 7}
    file.write_text(json.dumps({"font": 7}))
    start(hooked, DARK_MODE="true")
    assert json.loads(file.read_text()) == {"theme": "dark", "font": 7}


def test_what_is_not_json_stays(hooked: Host) -> None:
    file = settings(hooked, '// mine\n{"theme": "light"}\n')
    said = start(hooked, DARK_MODE="true").steps["editor theme"]
    assert said == f"failed ({file} is not JSON, and stays as it is)"
    assert file.read_text() == '// mine\n{"theme": "light"}\n'


@pytest.fixture
def vscode(machine: Host) -> Host:
    """The script with the hook of VS Code."""
    hooks = machine.folder / "opt" / "onyxia" / "init.d"
    shutil.copytree(SCRIPT.parent, machine.folder / "opt")
    hooks.mkdir(exist_ok=True)
    shutil.copy(ROOT / "images/vscode/files/vscode.sh", hooks)
    return machine


VSCODE = ".local/share/code-server/User/settings.json"
GUARDED = {"security.workspace.trust.startupPrompt": "once", "task.allowAutomaticTasks": "off"}


def test_vs_code_asks_whether_a_project_is_trusted(vscode: Host) -> None:
    assert start(vscode).steps["VS Code's trust"] == "done"
    assert json.loads((vscode.home / VSCODE).read_text()) == GUARDED
    mine = {"task.allowAutomaticTasks": "on", "editor.fontSize": 20}
    (vscode.home / VSCODE).write_text(json.dumps(mine))
    start(vscode, DARK_MODE="true")
    found = json.loads((vscode.home / VSCODE).read_text())
    assert found.items() >= {**GUARDED, **mine, "workbench.colorTheme": "Dark 2026"}.items()


def test_who_trusts_the_project_is_not_asked(vscode: Host) -> None:
    ended = start(vscode, GIT_TRUST_PROJECT="true")
    assert ended.steps["VS Code's trust"] == "skipped (GIT_TRUST_PROJECT is true)"
    assert not (vscode.home / VSCODE).exists()
