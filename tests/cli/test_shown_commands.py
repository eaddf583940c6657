"""Every `builder …` command that a page or a `--help` shows is run, on the catalog of the pages.

Adapters are fakes, so that nothing is built. A command between words that lacks what it needs, as
`builder diff`, is a mention: that it exists is a test of tests/unit/docs.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import click
import pytest

from builder.app.adapters import Adapters, Replaced
from builder.cli.main import cli, main
from tests.cli.conftest import Run
from tests.fakes.catalog import Folder, Week
from tests.fakes.shown import WEEKS, InterruptedRegistry, shown_adapters, shown_folder
from tests.fakes.store import FakeStore
from tests.unit.docs import markdown
from tests.unit.gate.osv import export, record

TODAY = WEEKS[-1].replace(".", "-")
# What stands for something that a reader puts there.
PLACEHOLDERS = {
    "DIR": "../main", "FILE": "context.yaml", "CHART": "jupyter-r", "TARGET": "base",
    "PATH…": "path/to/chart", "image": "jupyter-python", "name": "notebook",
    "PATH": "axes.python.3.13",
    "charts.jupyter-python.values.persistence.size.default": "charts.jupyter-python.image",
    "upstream=../catalog-of-tomorrow": "upstream=../catalog",
    "../my-copy": "../catalog", "https://git.example/catalog.git@v1.2": "../main",
    "NAME": "my-own", "PARENT": "base", "IMAGE": "jupyter-r",
    "spark": "r", "OLD": WEEKS[0], "NEW": WEEKS[1], "ID": "build:base/debian=13",
    # The catalog of the pages has nothing of an upstream.
    "mongodb": "mlflow", "argo-workflows": "mlflow", "tool": "base", "TEXT": "compared by us",
}  # fmt: skip
HANDOVER = {**PLACEHOLDERS, "DIR": "build/handover"}
# Not run here, with the file of the test that runs it.
ELSEWHERE = {
    "verify": "tests/integration/cli/test_verify.py",  # an engine builds the images again
}
# Pages whose commands follow one another, with the test that runs them so.
PLAYED = {"own-catalog.md": "test_own_catalog.py"}
BACKUP = "backup.example.org/catalog"
# What a page says that was done before.
BEFORE: Mapping[tuple[str, ...], tuple[str, ...]] = MappingProxyType({
    ("workflows", "--check"): ("workflows",),
    ("workflows", "--system", "gitlab", "--check"): ("workflows", "--system", "gitlab"),
    ("plan", "--root", "alone"): ("flatten", "--out", "alone"),
    **dict.fromkeys(
        (
            ("vulnerabilities",),
            ("vulnerabilities", "--select", "jupyter-*", "--format", "markdown"),
            ("vulnerabilities", "--format", "json"),
            ("vulnerabilities", "--released"),
            ("vulnerabilities", "--released", "--format", "json"),
        ),
        ("vulnerabilities", "--refresh", "osv-export"),
    ),
    ("copy", "--all", "--from", BACKUP, "--to", "registry.example.org/catalog"): (
        "copy", "--all", "--to", BACKUP,
    ),
    ("publish", "--registry", "ghcr.io/myorg"): ("build", "--registry", "ghcr.io/myorg"),
    **dict.fromkeys(
        (("push", "DIR", "ID"), ("push", "build/handover", "build:base/debian=13")),
        ("step", "build:base/debian=13", "--export", "build/handover"),
    ),
})  # fmt: skip
# How a command may end, where that is not 0: doctor tells what the machine of the test lacks.
# tests/cli/test_upstream.py has a catalog of git, which can be copied; a group names what it lacks.
CODES = {"doctor": (0, 4), "upstream vendor": (2,), "upstream accept": (3,)}


REPLACED = "images/base/Dockerfile.j2"


def mine_beside(folder: Folder) -> Path:
    """Return the folder of a catalog beside another one, which it stands on."""
    text = "extends: {path: ../main, name: upstream}\ncatalog: {name: mine}\n"
    files = {"matrix.yaml": text, REPLACED: "FROM {{ parent }}\n"}
    return Folder(folder.root.parent / "mine", files).root


def with_signatures(folder: Folder, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a catalog want signatures, by a key of its own; what is released has none."""
    assert run("key", "create", "--out", "keys/2026").code == 0
    monkeypatch.setenv("CATALOG_SIGN_KEY", "keys/2026.key")
    signed = 'profile: signed, sign: {key: "${CATALOG_SIGN_KEY}"}, keys: [{file: keys/2026.pub}]'
    folder.edit("matrix.yaml", "\naxes:\n", f"\ntrust: {{{signed}}}\naxes:\n")


def _needs(arguments: list[str]) -> bool:
    """Whether a command lacks an argument or an option that it must have, or is a group."""
    command: click.Command = cli
    words = list(arguments)
    while isinstance(command, click.Group) and words:
        named = command.get_command(click.Context(command), words[0])
        if named is None:
            break
        command, words = named, words[1:]
    is_group = isinstance(command, click.Group) and not command.invoke_without_command
    return not words and (is_group or any(item.required for item in command.params))


def shown_in(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the commands of a page that can be run."""
    for arguments in markdown.commands_in(markdown.blocks(text)):
        if "[OPTIONS]" not in arguments:
            yield tuple(arguments)
    for arguments in markdown.commands_in(markdown.between_words(text)):
        if not _needs(arguments):
            yield tuple(arguments)


def shown() -> dict[tuple[str, ...], str]:
    """Return every command that is shown, with the pages that show it."""
    pages: dict[tuple[str, ...], list[str]] = {}
    for path in markdown.SHOWN:
        if path.name in PLAYED:
            continue
        for command in shown_in(path.read_text(encoding="utf-8")):
            names = pages.setdefault(command, [])
            if path.name not in names:
                names.append(path.name)
    return {command: ", ".join(names) for command, names in pages.items()}


SHOWN = shown()


@contextmanager
def _in_memory() -> Iterator[Path]:
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as path:
        yield Path(path)


def _call(folder: Folder, store: FakeStore, *argv: str) -> None:
    replaced = shown_adapters(Week(folder=folder, store=store))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.root)
        patch.setattr("sys.argv", ["builder", *argv])
        with pytest.raises(SystemExit) as ended:
            main(lambda setup: Adapters(setup, **replaced))
    assert ended.value.code == 0, argv


@pytest.fixture(scope="module")
def released() -> Iterator[tuple[Path, FakeStore]]:
    """The folder of the catalog and its registry, after two weeks of releases."""
    with _in_memory() as path:
        folder, store = shown_folder(path / "catalog"), FakeStore()
        for week in WEEKS:
            _call(folder, store, "weekly", "--jobs", "1", "--today", week.replace(".", "-"))
            lock = (folder.root / "matrix.lock").read_text()
            if week == WEEKS[0]:
                folder.write("matrix.lock.old", lock)
                folder.edit("images/base/Dockerfile.j2", "FROM", "# more\nFROM")
        chart = next((folder.root / "build/charts").glob("jupyter-r-*.tgz"))
        shutil.copy(chart, folder.root / "chart-1.2.3.tgz")
        (folder.root / "path/to").mkdir(parents=True)
        shutil.unpack_archive(chart, folder.root / "path/to", "gztar")
        (folder.root / "path/to/jupyter-r").rename(folder.root / "path/to/chart")
        yield folder.root, store


@pytest.fixture
def folder(released: tuple[Path, FakeStore]) -> Iterator[Folder]:
    """A copy of that catalog, with another checkout beside it."""
    with _in_memory() as path:
        for name in ("catalog", "main"):
            shutil.copytree(released[0], path / name, symlinks=True)
        yield Folder(path / "catalog", {})


@pytest.fixture
def replaced(folder: Folder, released: tuple[Path, FakeStore]) -> Replaced:
    store = FakeStore()
    store.hold(released[1])
    return shown_adapters(Week(folder=folder, store=store))


@pytest.mark.parametrize("command", SHOWN, ids=shlex.join)
def test_a_shown_command_ends_well(
    command: tuple[str, ...],
    run: Run,
    replaced: Replaced,
    folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("BUILDER_TODAY", TODAY)
    monkeypatch.setenv("BUILDER_RETRY_DELAY", "0")
    if command[0] in ELSEWHERE:
        assert f'"{command[0]}"' in (markdown.ROOT / ELSEWHERE[command[0]]).read_text()
        return
    if command[0] == "init":
        (tmp_path / "new").mkdir()
        monkeypatch.chdir(tmp_path / "new")
    if command[0] in {"upstream", "schema"} or "--catalog" in command:
        monkeypatch.chdir(mine_beside(folder))
    if command[0] == "registry":
        replaced["embedded"] = InterruptedRegistry()
    if command[0] == "sign":
        with_signatures(folder, run, monkeypatch)
    if command[0] == "vulnerabilities":
        export(folder.root / "osv-export", [record("CVE-2026-1234", "Debian:13", "libxml2")])
    if command in BEFORE:
        assert run(*BEFORE[command]).code == 0
    words = HANDOVER if command[0] in {"step", "push"} else PLACEHOLDERS
    words = {**words, "PATH": REPLACED} if command[0] == "upstream" else words
    ended = run(*(words.get(word, word) for word in command))
    told = f"{SHOWN[command]}: builder {shlex.join(command)}\n{ended.out[-1500:]}{ended.err}"
    assert ended.code in CODES.get(shlex.join(command), CODES.get(command[0], (0,))), told


def test_the_picture_of_the_readme_is_what_plan_prints(
    run: Run, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILDER_TODAY", "2026-11-30")
    folder.edit("images/python-minimal/Dockerfile.j2", "FROM {{ parent }}", "FROM {{ parent }}\n")
    printed = run("plan", "-s", "+jupyter-python", "-s", "+jupyter-r").out
    lines = [line.rstrip() for line in re.sub(r"fp-\w{32}", "fp-…", printed).splitlines()]
    readme = (markdown.ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    start = readme.index("$ builder plan -s '+jupyter-python' -s '+jupyter-r'")
    assert readme[start + 1 : readme.index("```", start)] == lines


@pytest.mark.parametrize("command", ["why libssl3", "build -s juypter-python", "diff 2026.11.17"])
def test_a_name_that_the_catalog_lacks_fails(command: str, run: Run) -> None:
    assert run(*shlex.split(command)).code != 0


def test_mentions_and_usage_lines_are_not_run() -> None:
    usage = "```\nbuilder why [OPTIONS] PACKAGE\nbuilder diff\n```\n"
    text = f"`builder diff` and `builder diff 1`\n\n{usage}"
    assert list(shown_in(text)) == [("diff",), ("diff", "1")]
