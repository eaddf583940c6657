"""The command line: what it prints, and the code that it exits with."""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.app.adapters import Replaced
from builder.app.app import App
from builder.catalog.models import RemoteFile
from builder.ci.github import NAMES
from builder.cli.charts import COMMANDS as CHARTS
from builder.cli.fork import COMMANDS as FORK
from builder.cli.key import COMMANDS as KEY
from builder.cli.main import COMMANDS, main
from builder.cli.new import COMMANDS as NEW
from builder.cli.open import open_app
from builder.cli.upstream import COMMANDS as UPSTREAM
from builder.engines.podman.storage import Home
from builder.lock.lockfile import FORMAT, VersionLock, dump
from builder.project import Workspace
from tests.cli.conftest import Outcome, Run
from tests.fakes.answers import Registry
from tests.fakes.catalog import BOTH, LOCK, TODAY, Folder, with_package_sets
from tests.fakes.packages import install, see
from tests.fakes.store import FakeStore

pytestmark = pytest.mark.usefixtures("chosen")

GOLDEN = Path(__file__).parents[1] / "golden" / "render"


def test_help_lists_every_command(run: Run) -> None:
    found = run("--help")
    assert found.code == 0
    for name, summary in COMMANDS.items():
        assert f"{name} " in found.out
        assert summary.split()[0] in found.out


@pytest.mark.parametrize("error", [RecursionError("x"), MemoryError()])
def test_what_a_reader_did_not_expect_is_an_error_of_its_input(
    run: Run, replaced: Replaced, error: Exception
) -> None:
    store = replaced["registries"] = FakeStore()
    store.fail("tags", error)
    found = run("plan", "--registry", "127.0.0.1:5999")
    assert found.code == 2
    assert found.err.startswith("error: an input cannot be read: it is ")


def test_a_fault_of_the_builder_is_no_traceback(run: Run, replaced: Replaced) -> None:
    store = replaced["registries"] = FakeStore()
    store.fail("tags", KeyError("size"))
    found = run("plan", "--registry", "127.0.0.1:5999")
    assert found.code == 1
    match = re.fullmatch(
        r"error: the builder itself failed: KeyError: 'size' \(calls\.py:\d+\)\n"
        r"  hint: report it, with (\S+)\n",
        found.err,
    )
    assert match, found.err
    file = Path(match[1])
    assert "Traceback (most recent call last)" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()


def test_a_locale_without_typographic_signs() -> None:
    argv = [sys.executable, "-c", "from builder.cli.main import main; main()"]
    argv += ["plan", "--offline", "--root", "/nowhere/✓"]
    env = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(argv, env=env, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr == (
        b"error: no matrix.yaml in /nowhere/?\n"
        b"  hint: name the folder of a catalog with --root, or begin one: `builder init DIR`\n"
    )


@pytest.mark.parametrize("name", [*COMMANDS, *(f"charts {name}" for name in CHARTS)])
def test_every_command_shows_an_example(run: Run, name: str) -> None:
    found = run(*name.split(), "--help")
    assert found.code == 0
    assert f"Example:\n    builder {name}" in found.out


def test_the_commands_are_the_modules() -> None:
    folder = Path(main.__code__.co_filename).parent
    helpers = {
        "__init__",
        "lazy",
        "main",
        "named",
        "new_files",
        "open",
        "options",
        "run",
        "stacks",
    }
    groups = {"charts": CHARTS, "fork": FORK, "key": KEY, "new": NEW, "upstream": UPSTREAM}
    below = {f"{group}_{name}" for group, names in groups.items() for name in names}
    assert {path.stem for path in folder.glob("*.py")} - helpers == {*COMMANDS, *below}


def test_an_unknown_command(run: Run) -> None:
    found = run("plam")
    assert found.code == 2
    assert "No such command 'plam'" in found.err


# Mistakes.


def test_a_mistake_in_the_matrix(run: Run, folder: Folder) -> None:
    folder.edit("matrix.yaml", "from: speech,", "from: speach,")
    assert run("plan", "--offline") == (
        2,
        "",
        "error: matrix.yaml:19:16: unknown parent 'speach'\n"
        "      desk: {from: speach, inputs: [tool]}\n"
        "                   ^\n"
        "  hint: did you mean speech?\n",
    )


def test_several_mistakes(run: Run, folder: Folder) -> None:
    folder.edit("matrix.yaml", "from: speech,", "from: speach,")
    folder.edit("images/tool/recipe.yaml", "summary: A tool", "summary: A tool\nsumary: x")
    found = run("plan", "--offline")
    assert (found.code, found.out) == (2, "")
    assert "images/tool/recipe.yaml:2:1: unknown key 'sumary'" in found.err
    assert "matrix.yaml:19:16: unknown parent 'speach'" in found.err


def test_a_mistake_in_a_template(run: Run, folder: Folder) -> None:
    folder.edit("images/tool/Dockerfile.j2", "parent", "parnet")
    assert run("plan", "--offline") == (
        2,
        "",
        "error: images/tool/Dockerfile.j2:1: template: 'parnet' is undefined\n"
        "    FROM {{ parnet }}\n  hint: did you mean parent?\n",
    )


@pytest.mark.parametrize("command", [("plan", "--offline"), ("lock",), ("weekly",)])
def test_a_torn_lock(run: Run, folder: Folder, command: tuple[str, ...]) -> None:
    torn = '{\n "bases": {\n'
    folder.write("matrix.lock", torn)
    assert run(*command) == (
        2,
        "",
        "error: matrix.lock:3:1: not a lock: Expecting property name enclosed in double quotes\n"
        "  hint: it was cut off or edited by hand; restore it from git, or delete it and run"
        " `builder lock`\n",
    )
    assert (folder.root / "matrix.lock").read_text() == torn


def test_a_lock_of_a_newer_builder(run: Run, folder: Folder) -> None:
    folder.edit("matrix.lock", '"format": 9', f'"format": {FORMAT + 1}')
    assert run("weekly") == (
        2,
        "",
        f"error: matrix.lock: format {FORMAT + 1} is newer than this builder's {FORMAT}\n"
        "  hint: this is builder 0.2.0: pip install --upgrade catalog-builder\n",
    )


def test_a_file_that_cannot_be_written(run: Run) -> None:
    assert run("render", "--offline", "--out", "/proc/nothing") == (
        5, "", "error: /proc/nothing: No such file or directory\n",
    )  # fmt: skip


def test_no_lock(run: Run, folder: Folder) -> None:
    (folder.root / "matrix.lock").unlink()
    assert run("plan", "--offline") == (
        2, "", "error: there is no matrix.lock\n  hint: run `builder lock`\n",
    )  # fmt: skip


def test_no_catalog(run: Run, tmp_path: Path) -> None:
    assert run("plan", "--offline", "--root", str(tmp_path)) == (
        2,
        "",
        f"error: no matrix.yaml in {tmp_path}\n"
        "  hint: name the folder of a catalog with --root, or begin one: `builder init DIR`\n",
    )


@pytest.mark.parametrize("platform", ["windows", "linux/", "Linux/amd64", "linux/amd64/v8/x", ""])
def test_a_platform_that_is_none(run: Run, platform: str) -> None:
    assert run("plan", "--offline", "--platform", platform) == (
        2, "", f"error: not a platform: {platform!r}\n  hint: --platform linux/arm64\n",
    )  # fmt: skip


@pytest.mark.parametrize("registry", ["https://ghcr.io", "ghcr.io/", "ghcr.io/Me", "ghcr.io:a", ""])
def test_a_registry_that_is_none(run: Run, registry: str) -> None:
    assert run("plan", "--offline", "--registry", registry) == (
        2, "", f"error: not a registry: {registry!r}\n"
        "  hint: host[:port][/path], in lower case and without https://, e.g. ghcr.io/myorg\n",
    )  # fmt: skip


@pytest.mark.parametrize("day", ["tomorrow", "2026-13-01", "23.11.2026", ""])
def test_a_day_that_is_none(run: Run, day: str) -> None:
    assert run("plan", "--offline", "--today", day) == (
        2, "", f"error: not a date: {day!r}\n  hint: --today YYYY-MM-DD\n",
    )  # fmt: skip


def test_a_disk_budget_that_is_no_size(run: Run) -> None:
    assert run("build", "--disk-budget", "14 potatoes") == (
        2, "", "error: not a size: '14 potatoes'\n  hint: --disk-budget 14G\n",
    )  # fmt: skip


def test_a_selection_of_nothing(run: Run) -> None:
    assert run("plan", "--offline", "--select", "dask") == (
        3,
        "",
        "error: no target matches 'dask'\n  hint: did you mean desk or base?\n",
    )


def test_a_target_that_is_none(run: Run) -> None:
    assert run("explain", "desk/os=3", "--offline").code == 3


def test_a_step_that_the_plan_has_not(run: Run, registry: Registry) -> None:
    found = run("step", "build:dsk/os=1,lang=1.9", "--registry", registry.address)
    assert (found.code, found.out) == (3, "")
    first, second = found.err.splitlines()
    assert first == "error: the plan has no step 'build:dsk/os=1,lang=1.9'"
    assert second.startswith("  hint: did you mean build:desk/os=1,lang=1.9 or ")


def test_a_step_whose_needs_are_not_done(run: Run, registry: Registry) -> None:
    found = run("step", "build:base/os=1", "--registry", registry.address)
    assert (found.code, found.out) == (5, "")
    assert "base:os=1@linux/amd64 is not done, and build:base/os=1 needs it" in found.err


def test_a_registry_that_is_down(run: Run) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    found = run("plan", "--registry", address)
    assert (found.code, found.out) == (5, "")
    assert found.err.startswith(f"error: registry {address} does not answer: ")


def test_a_variable_of_the_network_that_is_not_set(run: Run, folder: Folder) -> None:
    folder.edit("matrix.yaml", "axes:\n", "network: {proxy: {http: 'http://${WORD}@p'}}\naxes:\n")
    found = run("plan", "--offline")
    assert found.code == 2
    assert "the environment variable WORD is not set" in found.err


# Plans.


def targets(found: Outcome) -> list[str]:
    assert found.code == 0, found.err
    return [item["id"] for item in json.loads(found.out)["targets"]]


def test_a_plan_offline(run: Run) -> None:
    found = run("plan", "--offline", "--format", "json")
    assert len(targets(found)) == 8
    assert found.err == ""
    assert run("plan", "--offline", "--format", "json") == found


def test_a_plan_changes_nothing(run: Run, folder: Folder) -> None:
    before = sorted(folder.root.rglob("*"))
    run("plan", "--offline")
    assert sorted(folder.root.rglob("*")) == before


@pytest.mark.usefixtures("run")
def test_a_plan_is_made_once(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = []

    def opened(options: Mapping[str, Any]) -> App:
        made.append(options)
        return open_app(**options)

    def plan(*argv: str) -> tuple[str, str]:
        monkeypatch.setattr("sys.argv", ["builder", "plan", "--offline", *argv])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        return capsys.readouterr()

    monkeypatch.setattr("builder.cli.plan._opened", opened)
    first = plan()
    assert (plan(), len(made)) == (first, 1)
    assert (plan("--no-cache"), len(made)) == (first, 2)
    folder.edit("matrix.yaml", "axes:\n", "# a comment\naxes:\n")
    assert (plan(), len(made)) == (first, 3)
    monkeypatch.setenv("BUILDER_PLAN_CACHE", "0")
    assert (plan(), len(made)) == (first, 4)


def test_a_plan_against_a_registry_that_is_empty(run: Run, registry: Registry) -> None:
    found = run("plan", "--registry", registry.address)
    assert found.code == 0
    assert "new: no release has it; packages not locked" in found.out
    assert found.out.splitlines()[-1] == "8 targets: 8 to build; 1 of 1 chart to package"


@pytest.mark.parametrize(
    ("style", "start"),
    [("table", "STEP "), ("json", '{\n "format": 2,'), ("mermaid", "flowchart LR"),
     ("github", 'level-0={"include":[')],
)  # fmt: skip
def test_formats(run: Run, style: str, start: str) -> None:
    assert run("plan", "--offline", "--format", style).out.startswith(start)


def test_a_plan_of_what_differs_from_another_checkout(
    run: Run, folder: Folder, tmp_path: Path
) -> None:
    before = shutil.copytree(folder.root, tmp_path / "before")
    plan = ("plan", "--offline", "--since", str(before))
    assert run(*plan) == (0, f"No target is new or changed since {before}.\n", "")
    assert run("build", "--since", str(before)) == (
        0, "", f"No target is new or changed since {before}.\n",
    )  # fmt: skip
    folder.edit("images/tool/Dockerfile.j2", "make /tool", "make /other")
    found = run(*plan, "--format", "markdown")
    assert found.code == 0, found.err
    assert found.out.startswith(f"## Plan of {TODAY.replace('-', '.')}\n\n")
    rows = [line for line in found.out.splitlines() if line.startswith("| `build:")]
    assert rows == [
        "| `build:tool/os=2` | build | changed: dockerfile |",
        "| `build:tool/os=1` | build | changed: dockerfile |",
        "| `build:desk/os=2,lang=1.10` | build | changed: inputs |",
        "| `build:desk/os=1,lang=1.9` | build | changed: inputs |",
    ]
    assert "| `chart:desk` | package |" in found.out
    assert targets(run(*plan, "--format", "json", "--select", "tool,os=1")) == ["tool/os=1"]


def test_which_charts_a_change_is_about(run: Run, folder: Folder, tmp_path: Path) -> None:
    before = shutil.copytree(folder.root, tmp_path / "before")
    plan = ("plan", "--offline", "--format", "markdown", "--since", str(before))
    assert run(*plan).out == f"No target is new or changed since {before}.\n"
    folder.edit("charts/desk/chart.yaml", "description: ", "description: Really ")
    assert run(*plan).out == (
        f"No target is new or changed since {before}.\n\n| chart | version | why |\n|---|---|---|\n"
        "| `desk` | +0.0.1 | changed: its templates or values |\n"
    )
    folder.edit("images/tool/Dockerfile.j2", "make /tool", "make /other")
    assert run(*plan).out.endswith(
        "| `desk` | +0.0.1 | changed: its templates or values and its images |\n"
    )


def test_a_report_of_an_earlier_run_is_not_taken_for_that_of_one_that_failed(
    run: Run, folder: Folder
) -> None:
    weekly = ("weekly", "--registry", "127.0.0.1:1", "--select", "nothing")
    assert "earlier run" not in run(*weekly).err
    folder.write("build/report.md", "# Catalog\n")
    found = run(*weekly)
    assert found.code == 3
    assert found.err.startswith(f"{folder.root}/build/report.md is from an earlier run\nerror: ")


def test_a_line_that_is_dropped_is_gone(run: Run, folder: Folder, tmp_path: Path) -> None:
    before = shutil.copytree(folder.root, tmp_path / "before")
    folder.drop("matrix.yaml", '"1.9": {')
    plan = ("plan", "--offline", "--since", str(before))
    nothing = f"No target is new or changed since {before}.\n"
    gone = "gone: 2 targets of speech, desk, tags lang1.9.7, lang1.9\n"
    assert run(*plan) == (0, nothing + gone, "")
    assert run(*plan, "--format", "json") == (0, "", nothing + gone)
    assert run(*plan, "--format", "markdown").out == (
        f"{nothing}\n- {gone}\n| chart | version | why |\n|---|---|---|\n"
        "| `desk` | +0.0.1 | no longer offers lang1.9.7 |\n"
    )
    assert run(*plan, "--select", "base").out == nothing
    folder.edit("images/desk/files/desk.conf", "oak", "ash")
    folder.edit("charts/desk/chart.yaml", "description: ", "description: Really ")
    assert run(*plan, "--format", "markdown").out.endswith(
        f"\n- {gone}\n| chart | version | why |\n|---|---|---|\n| `desk` | +0.0.1 | no longer"
        " offers lang1.9.7; changed: its templates or values and its images |\n"
    )


def test_a_chart_and_an_image_that_are_dropped(run: Run, folder: Folder, tmp_path: Path) -> None:
    before = shutil.copytree(folder.root, tmp_path / "before")
    folder.edit("matrix.yaml", "charts:\n  desk: {image: desk}\n", "")
    folder.drop("matrix.yaml", "desk: {from")
    assert run("plan", "--offline", "--since", str(before)).out == (
        f"No target is new or changed since {before}.\n"
        "gone: 2 targets of desk, tags lang1.10.4, lang1.10, lang1.9.7, lang1.9\n"
        "gone: 1 chart, desk\n"
    )


def test_a_chart_that_offers_more(run: Run, folder: Folder, tmp_path: Path) -> None:
    folder.edit("matrix.yaml", "desk: {image: desk}", "desk: {image: desk, only: {os: '1'}}")
    before = shutil.copytree(folder.root, tmp_path / "before")
    folder.edit("matrix.yaml", ", only: {os: '1'}", "")
    found = run("plan", "--offline", "--format", "markdown", "--since", str(before))
    assert found.out.endswith("| `desk` | +0.0.1 | now offers lang1.10.4 |\n")


def test_a_registry_whose_releases_say_no_version(
    run: Run, folder: Folder, tmp_path: Path, registry: Registry
) -> None:
    before = shutil.copytree(folder.root, tmp_path / "before")
    folder.edit("charts/desk/chart.yaml", "description: ", "description: Really ")
    plan = ("plan", "--offline", "--format", "markdown", "--since", str(before))
    registry.script = lambda _method, _path: (403, {}, b"")
    found = run(*plan, "--published", registry.address)
    assert "| `desk` | +0.0.1 | changed: its templates or values |\n" in found.out
    assert f"the releases in {registry.address} cannot be read: " in found.err


def test_workflows_are_written_and_checked(run: Run, folder: Folder) -> None:
    files = [folder.root / ".github" / "workflows" / name for name in NAMES]
    names = ", ".join(f".github/workflows/{name}" for name in NAMES)
    assert run("workflows", "--check") == (
        2, "", f"error: the generated workflows are out of date: {names}\n"
        "  hint: run `builder workflows`\n",
    )  # fmt: skip
    assert not any(file.exists() for file in files)
    assert run("workflows").err == "".join(f"{file} written\n" for file in files)
    assert run("workflows", "--check") == (0, "", "the workflows are up to date\n")
    # What is offered more, at the same depth, needs no new workflow; a level more does.
    desk, shallow = "  desk: {from: speech,", "side: {recipe: tool, from: speech}"
    folder.edit("matrix.yaml", desk, f"  {shallow}\n{desk}")
    assert run("workflows", "--check").code == 0
    folder.edit("matrix.yaml", shallow, "side: {recipe: tool, from: desk}")
    assert run("workflows", "--check").code == 2
    assert run("workflows").err == f"{files[0]} written\n"
    assert "publish-4:" in files[0].read_text()


def test_manifests_for_argo_are_held_against_its_version(run: Run, folder: Folder) -> None:
    schema = folder.root / "schema.json"
    for text, message in (
        ("{}", "is not a JSON schema of Argo Workflows: KeyError('definitions')\n"
         "  hint: it is api/jsonschema/schema.json in the source of its version\n"),
        ('{"definitions": {}}', "this version of Argo Workflows lacks what the files use:"
         " WorkflowTemplate, CronWorkflow\n  hint: install Argo Workflows 3.6 or newer\n"),
    ):  # fmt: skip
        schema.write_text(text)
        result = run("workflows", "--system", "argo", "--schema", str(schema))
        assert result.err.endswith(message)
        assert (result.code, result.out) == (2, "")
    assert run("workflows", "--system", "argo", "--check").err.endswith(
        "argo/catalog-week.yaml, argo/weekly.yaml, argo/rights.yaml\n"
        "  hint: run `builder workflows --system argo`\n"
    )
    assert run("workflows", "--system", "argo").code == 0
    assert run("workflows", "--system", "argo", "--check").code == 0
    names = [line.partition("=")[0] for line in run("plan", "--format", "argo").out.splitlines()]
    manifest = (folder.root / "argo/catalog-week.yaml").read_text()
    assert names
    assert all(f"tasks.plan.outputs.parameters.{name}}}}}" in manifest for name in names)


def test_pipelines_of_gitlab_are_held_against_its_version(run: Run, folder: Folder) -> None:
    schema = folder.root / "schema.json"
    for text, message in (
        ('{"definitions": {}}', "is not a JSON schema of GitLab: KeyError('job_template')\n"
         "  hint: it is app/assets/javascripts/editor/schema/ci.json in the source of its"
         " version\n"),
        ('{"definitions": {"job_template": {}}, "type": "object", "additionalProperties": false,'
         ' "properties": {"stages": {}}}', "this version of GitLab lacks what the files use:"
         " workflow, variables, default, check, build changed, lock, plan, week, release, packages,"
         " offer lock, verdict, .build, .publish, .nothing\n"
         "  hint: install GitLab 17 or newer\n"),
    ):  # fmt: skip
        schema.write_text(text)
        result = run("workflows", "--system", "gitlab", "--schema", str(schema))
        assert result.err.endswith(message)
        assert (result.code, result.out) == (2, "")
    result = run("workflows", "--schema", str(schema))
    assert result.err == (
        "error: the files of github are compared with no schema: leave out --schema\n"
    )
    assert run("workflows", "--system", "gitlab", "--check").code == 2
    assert run("workflows", "--system", "gitlab").code == 0
    assert run("workflows", "--system", "gitlab", "--check").code == 0
    text = run("plan", "--format", "gitlab").out
    assert text.count("  extends: .build\n") == text.count("  extends: .publish\n") > 0


def test_a_root_elsewhere(run: Run, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    root = str(folder.root)
    assert targets(run("plan", "--offline", "--format", "json", "--root", root))
    monkeypatch.setenv("BUILDER_ROOT", root)
    assert targets(run("plan", "--offline", "--format", "json"))


def test_a_flag_goes_before_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = ("plan", "--offline", "--format", "json")
    monkeypatch.setenv("BUILDER_SELECT", "tool,os=1 base,os=2")
    assert targets(run(*plan)) == ["base/os=2", "base/os=1", "tool/os=1"]
    assert targets(run(*plan, "--select", "base,os=1")) == ["base/os=1"]
    monkeypatch.delenv("BUILDER_SELECT")
    monkeypatch.setenv("BUILDER_TODAY", "2031-01-01")
    retired = {item["action"] for item in json.loads(run(*plan).out)["targets"]}
    assert retired == {"retire"}
    built = run(*plan, "--today", TODAY).out
    assert {item["action"] for item in json.loads(built)["targets"]} == {"build"}


def test_registries_of_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDER_REGISTRIES", "ghcr.io/one ghcr.io/two")
    chart = json.loads(run("plan", "--offline", "--format", "json").out)["charts"][0]
    assert chart["image"] == "ghcr.io/one/shop-desk:lang1.10.4-2026.11.23"


# Explain, render, clean.


def test_explain_shows_what_a_fingerprint_is_made_of(run: Run) -> None:
    found = run("explain", "desk", "--offline")
    assert found.code == 0
    data = json.loads(run("explain", "desk", "--offline", "--format", "json").out)
    assert data["id"] == "desk/os=2,lang=1.10"
    document = data["document"]
    assert sorted(document) == [
        "context", "dockerfile", "format", "inputs", "lock", "parent", "platform",
    ]  # fmt: skip
    plan = json.loads(run("plan", "--offline", "--format", "json").out)
    (digest,) = [item["fingerprint"] for item in plan["targets"] if item["id"] == data["id"]]
    assert data["fingerprint"] == digest
    dockerfile = "\n".join(f"    {line}".rstrip() for line in document["dockerfile"].splitlines())
    assert found.out.startswith(
        f"desk/os=2,lang=1.10\nfingerprint {digest}\n\nplatform: linux/amd64\n"
        f"parent: {document['parent']}\ninputs:\n    {{\n"
        f'     "tool": "{document["inputs"]["tool"]}"\n    }}\n'
        f"dockerfile:\n{dockerfile}\ncontext:\n    [\n"
    )
    assert "\\n" not in found.out


def test_explain_says_of_an_empty_part_that_it_is_none(run: Run) -> None:
    assert "\ninputs: none\n" in run("explain", "base", "--offline").out


def test_explain_against_the_registry(run: Run, registry: Registry) -> None:
    found = run("explain", "desk,os=1", "--registry", registry.address)
    assert found.code == 0
    assert found.out.splitlines()[-1] == "build: new: no release has it; packages not locked"
    argv = ("explain", "desk,os=1", "--registry", registry.address, "--format", "json")
    data = json.loads(run(*argv).out)
    assert (data["action"], data["reason"]) == (
        "build", "new: no release has it; packages not locked",
    )  # fmt: skip


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_render_writes_what_is_kept(run: Run, tmp_path: Path) -> None:
    found = run("render", "--out", str(tmp_path / "out"), "--offline")
    assert (found.code, found.out) == (0, "")
    assert found.err == f"8 images, 1 chart and docker-bake.json in {tmp_path / 'out'}\n"
    rendered = tree(tmp_path / "out")
    if os.environ.get("UPDATE_GOLDEN"):
        for path, data in rendered.items():
            (GOLDEN / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / path).write_bytes(data)
    assert rendered == tree(GOLDEN)


def test_render_names_the_charts_whose_images_are_not_locked(
    run: Run, folder: Folder, tmp_path: Path
) -> None:
    Workspace(folder.root).write_lock(replace(LOCK, release_lines={}))
    found = run("render", "--out", str(tmp_path / "out"), "--offline")
    assert found.code == 0
    assert found.err.splitlines()[-1] == (
        "1 chart, of which 1 name images that are not locked, as not-locked-…: desk"
    )
    values = (tmp_path / "out/charts/desk/values.yaml").read_text()
    assert "127.0.0.1:5999/shop-desk:not-locked-lang1.10" in values
    launched = run("charts", "launch", "desk")
    assert "shop-desk:not-locked-lang1.10" in launched.out
    assert launched.err == (
        "no image of desk can be released now: it names"
        " 127.0.0.1:5999/shop-desk:not-locked-lang1.10\n"
    )


ARM_GOLDEN = GOLDEN.parent / "render-arm64.diff"


def differences(one: Path, other: Path) -> str:
    """The lines in which two rendered folders differ, but for the platform in the names."""
    trees = [
        {
            path.replace("-linux-arm64", "").replace("-linux-amd64", ""): data.decode().splitlines()
            for path, data in tree(folder).items()
        }
        for folder in (one, other)
    ]
    shown: list[str] = []
    for path in sorted({*trees[0], *trees[1]}):
        lines = (found.get(path, []) for found in trees)
        shown += difflib.unified_diff(*lines, f"amd64/{path}", f"arm64/{path}", lineterm="", n=0)
    return "\n".join([*shown, ""])


def test_render_for_another_platform_writes_what_is_kept(
    run: Run, folder: Folder, tmp_path: Path
) -> None:
    """The recipe speech downloads a file and looks at `arch`; lang 1.9 is not there for arm64."""
    lang = 'requires: {os: "1"},'
    folder.edit("matrix.yaml", lang, f"{lang} platforms: [linux/amd64],")
    folder.edit("matrix.yaml", '"1.10": {provider: apt', '"1.10": {provider: url')
    url = '{url: "https://a.example/{arch}.tgz", file: lang.tgz}'
    folder.edit("images/speech/recipe.yaml", "lang: {", f"lang: {{url: {url}, ")
    folder.edit("images/speech/Dockerfile.j2", "FROM {{ parent }}", "FROM {{ parent }}\n"
                "RUN --mount=type=bind,source=downloads/lang.tgz,target=/tmp/lang.tgz "
                "put /tmp/lang.tgz /opt/{{ arch }}")  # fmt: skip
    files = {
        f"os=2@linux/{arch}": (
            RemoteFile(name="lang.tgz", url=f"https://a.example/{arch}.tgz", sha256=arch[0] * 64),
        )
        for arch in ("amd64", "arm64")
    }
    line = VersionLock(version="1.10.4", files=files)
    folder.write(
        "matrix.lock", dump(replace(BOTH, release_lines={**LOCK.release_lines, "lang=1.10": line}))
    )
    argv = ("render", "--out", str(tmp_path / "out"), "--offline", "--platform")
    found = run(*argv, "linux/arm64")
    assert (found.code, found.out) == (0, "")
    assert found.err == f"6 images, 1 chart and docker-bake.json in {tmp_path / 'out'}\n"
    assert run("render", "--out", str(tmp_path / "amd64"), "--offline").code == 0
    found_differences = differences(tmp_path / "amd64", tmp_path / "out")
    if os.environ.get("UPDATE_GOLDEN"):
        ARM_GOLDEN.write_text(found_differences, encoding="utf-8")
    assert found_differences == ARM_GOLDEN.read_text(encoding="utf-8")


def test_a_base_that_is_not_locked_is_rendered_as_declared(
    run: Run, folder: Folder, tmp_path: Path
) -> None:
    both = ("--platform", "linux/amd64", "--platform", "linux/arm64")
    found = run("render", "--out", str(tmp_path / "out"), "--offline", *both)
    assert found.err == (
        "os=2@linux/arm64 is not locked: rendered as registry example.org/os:two\n"
        "os=1@linux/arm64 is not locked: rendered as bootstrap one\n"
        f"16 images, 1 chart and docker-bake.json in {tmp_path / 'out'}\n"
    )
    bake = json.loads((tmp_path / "out" / "docker-bake.json").read_text())["target"]
    desk = bake["desk-os2-lang1_10-linux-arm64"]
    assert desk["platforms"] == ["linux/arm64"]
    assert desk["tags"] == [
        f"127.0.0.1:5999/shop-desk:{tag}-arm64" for tag in ("lang1.10.4", "lang1.10", "latest")
    ]
    assert desk["contexts"] == {
        "parent": "target:speech-os2-lang1_10-linux-arm64", "tool": "target:tool-os2-linux-arm64",
    }  # fmt: skip
    base = bake["base-os2-linux-arm64"]
    assert base["contexts"] == {"parent": "docker-image://example.org/os:two"}
    script = (tmp_path / "out/images/os-1-linux-arm64/make-rootfs.sh").read_text()
    assert "SOURCE_DATE_EPOCH=1 mmdebstrap" in script
    assert "--architectures=arm64" in script


def test_a_plan_for_two_platforms_says_what_each_target_does(run: Run, folder: Folder) -> None:
    project = Workspace(folder.root).load(("linux/amd64", "linux/arm64"))
    folder.write("matrix.lock", dump(with_package_sets(project, BOTH)))
    plan = ("plan", "--offline", "--format", "json")
    both = (*plan, "--platform", "linux/amd64", "--platform", "linux/arm64")
    found = json.loads(run(*both).out)
    assert {item["action"] for item in found["targets"]} == {"build"}
    assert [item["platform"] for item in found["targets"]] == 8 * ["linux/amd64", "linux/arm64"]
    assert targets(run(*plan, "--platform", "linux/arm64")) == [
        item["id"] for item in found["targets"] if item["id"].endswith("@linux/arm64")
    ]
    folder.write("matrix.lock", dump(with_package_sets(project, LOCK)))
    blocked = [item for item in json.loads(run(*both).out)["targets"] if item["action"] == "block"]
    assert len(blocked) == 8
    assert blocked[0]["reason"] == ("base os=2@linux/arm64 is not locked: `builder lock` says why")


def test_what_is_rendered_by_hand_is_what_was_asked_for(run: Run, tmp_path: Path) -> None:
    run("render", "--out", str(tmp_path / "out"), "--offline", "--select", "speech,os=1")
    bake = json.loads((tmp_path / "out" / "docker-bake.json").read_text())
    assert list(bake["target"]) == ["os-1-linux-amd64", "base-os1", "speech-os1-lang1_9"]
    assert bake["target"]["speech-os1-lang1_9"]["contexts"] == {"parent": "target:base-os1"}
    for name, target in bake["target"].items():
        assert (tmp_path / "out" / target["context"] / "Dockerfile").is_file(), name


def test_what_has_ended_is_not_rendered(run: Run, tmp_path: Path) -> None:
    run("render", "--out", str(tmp_path / "out"), "--offline", "--today", "2028-07-01")
    assert not any("os1" in path for path in tree(tmp_path / "out"))


def test_clean_keeps_what_was_published(run: Run, folder: Folder) -> None:
    for name in ("registry", "charts", "work", "logs"):
        folder.write(f"build/{name}/file", "x")
    folder.write("build/report.json", "{}")
    assert run("clean").code == 0
    assert sorted(path.name for path in (folder.root / "build").iterdir()) == ["charts", "registry"]
    assert run("clean", "--all").code == 0
    assert list((folder.root / "build").iterdir()) == []
    assert run("clean").code == 0


def test_clean_removes_what_podman_keeps_outside(run: Run, tmp_path: Path) -> None:
    root = tmp_path / ("deep" * 12)
    home = Home(state=root / "build" / "podman", short=True)
    home.prepare()
    (home.run_root / "container").write_text("x")
    assert home.outside == (home.run_root,)
    found = run("clean", "--root", str(root))
    assert found.code == 0
    assert f"removed {home.run_root}\n" in found.err
    assert not home.run_root.exists()
    assert home.outside == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("build", "--engine", "podmann"),
            "no engine is called 'podmann'\n"
            "  hint: did you mean podman? known: auto, docker, podman",
        ),
        (
            ("build", "--ci", "zzz"),
            "no CI system is called 'zzz'\n  hint: known: auto, github, argo, gitlab, local",
        ),
        (
            ("plan", "--format", "jsn"),
            "no format is called 'jsn'\n"
            "  hint: did you mean json? known: table, json, mermaid, markdown, github,"
            " argo, gitlab, local",
        ),
        (
            ("workflows", "--ci", "x"),
            "no CI system is called 'x'\n  hint: known: github, argo, gitlab, local",
        ),
    ],
)
def test_a_name_that_no_table_has(run: Run, arguments: tuple[str, ...], message: str) -> None:
    assert run(*arguments) == (2, "", f"error: {message}\n")


def test_an_engine_that_does_not_load(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = "[catalog_builder.engines]\nacme = acme_broken:ACME\n"
    module = {"acme_broken.py": "raise RuntimeError('no luck')"}
    see(monkeypatch, install(tmp_path / "site", "acme-engine", entry, module))
    assert run("build", "--engine", "acme", "--help").code == 0
    assert "acme_broken" not in sys.modules
    assert run("verify", "base", "--engine", "acme") == (
        4,
        "",
        "error: engine 'acme' of the package acme-engine 1.0: acme_broken does not load: "
        "RuntimeError: no luck\n"
        "  hint: `pip install --upgrade acme-engine`, or `pip uninstall acme-engine`\n",
    )


def test_an_old_name_of_a_key_is_told_once(run: Run, folder: Folder) -> None:
    folder.edit("matrix.yaml", '"1.9": {', '"1.9": {line: "1.9", ')
    found = run("plan", "--offline")
    assert found.code == 0
    assert found.err.endswith(": the key 'line' is called 'release_line' now; both are read\n")
    assert found.err.count("\n") == 1
