"""The tutorial of a catalog on another one, from nothing to a release, as a reader would do it."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.adapters import Replaced
from builder.catalog.packages import Package
from tests.cli.conftest import Outcome, Run
from tests.fakes.catalog import Folder, Week
from tests.fakes.layers import FakeLayers
from tests.fakes.shown import shown_adapters
from tests.fakes.store import FakeStore
from tests.fakes.testers import FakeSmoke
from tests.unit.docs import markdown

PAGE = markdown.ROOT / "docs/own-catalog.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def replaced(tmp_path: Path) -> Replaced:
    """Adapters that build nothing, and registries that keep what they get."""
    week = Week(folder=Folder(tmp_path / "adapters", {}), store=FakeStore())
    adapters, busybox = shown_adapters(week), {"busybox": "1.37"}
    week.smoke = FakeSmoke()
    week.smoke.installed = {
        "apt": {name: Package(version=it, size=1) for name, it in busybox.items()}
    }
    return adapters | Replaced(
        smoke=week.smoke, resolvers={"apt": FakeLayers(week.state / "files", busybox)}
    )


def done(run: Run, folder: Path) -> Iterator[tuple[str, Outcome]]:
    """Do what each block of the page shows, in order; yield the commands of the builder."""
    for language, text in _BLOCK.findall(PAGE.read_text()):
        if language == "yaml":
            with (folder / "mine/matrix.yaml").open("a") as file:
                file.write(text)
            continue
        for line in text.splitlines():
            if line.startswith("builder "):
                yield line, run(*shlex.split(line)[1:])
            else:
                subprocess.run(("sh", "-ec", line), cwd=folder, check=True)


def test_a_reader_comes_to_a_release(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    monkeypatch.chdir(folder)
    outcomes: dict[str, list[str]] = {}
    for line, outcome in done(run, folder):
        assert outcome.code == 0, f"{line}\n{outcome.out}{outcome.err}"
        outcomes.setdefault(line, []).append(outcome.out)
    assert "1 of 1 targets are the same image as there" in outcomes[
        "builder fork init --from theirs mine"
    ][0]  # fmt: skip
    first, then = outcomes["builder plan --root mine"]
    assert "welcome/debian=13" not in first
    assert "welcome/debian=13" in then
    (explained,) = (text for line, (text, *_) in outcomes.items() if "explain" in line)
    assert explained.splitlines()[0] == "Machine"
    assert "our users know these words" in explained
