"""Runs `builder` as its entry point does."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import pytest

from builder.app.adapters import Adapters, Replaced
from builder.cli.main import main
from builder.lock.lockfile import dump
from tests.fakes.catalog import LOCK, TODAY, Folder, with_package_sets


class Outcome(NamedTuple):
    """How a run ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def chosen(folder: Folder) -> None:
    """The lock of the folder has what each recipe asks for: nothing is to be installed for it."""
    folder.write("matrix.lock", dump(with_package_sets(folder.load(), LOCK)))


@pytest.fixture
def replaced() -> Replaced:
    """What takes the place of adapters in the commands of a test; nothing at first."""
    return Replaced()


@pytest.fixture
def run(
    folder: Folder,
    replaced: Replaced,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run `builder` in the folder of a catalog, on a day that does not pass."""
    for name in list(os.environ):
        if name.startswith("BUILDER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BUILDER_TODAY", TODAY)
    monkeypatch.chdir(folder.root)

    def call(*argv: str) -> Outcome:
        monkeypatch.setattr("sys.argv", ["builder", *argv])
        with pytest.raises(SystemExit) as ended:
            main(lambda setup: Adapters(setup, **replaced))
        text = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Outcome(ended.value.code, text.out, text.err)

    return call
