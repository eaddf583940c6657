"""`builder lock --check --online`: what indexes say of what is locked."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from builder.app.adapters import Adapters
from builder.app.app import App
from builder.app.lock_check import ask_again
from builder.app.options import Options
from builder.catalog.models import Base, RemoteFile
from builder.common.errors import StepError, UnreachableError
from builder.lock.lockfile import BaseLock, VersionLock, dump
from tests.fakes.bases import FakeBases, FakeLines
from tests.fakes.catalog import LOCK, TODAY, Week
from tests.fakes.layers import FakeLayers, package
from tests.fakes.locking import HAS, LINES

BASE = "os=2@linux/amd64"
FILE = RemoteFile(name="lang.tgz", url="https://download2.rstudio.org/lang.tgz", sha256="1" * 64)
HINT = (
    "if upstream replaced or withdrew it, `builder lock --upgrade NAME` takes what it has now;"
    " otherwise somebody else changed the lock: restore it from git"
)


class Bases(FakeBases):
    """Bases of a registry that has lost one."""

    said = ""

    def differing(self, base: Base, lock: BaseLock) -> str:
        """Return what is said of a base."""
        self._call("differing", base.id)
        return self.said if base.id == BASE else ""


@pytest.fixture
def apt(week: Week) -> FakeLayers:
    """The packages that there are."""
    return FakeLayers(week.state / "files", HAS)


def app_of(week: Week, apt: FakeLayers, bases: FakeBases, notes: list[str]) -> App:
    """An app on a catalog that is locked with what there is."""
    fakes = {**week.fakes, "resolvers": {"apt": apt}, "bases": bases}
    app = App(
        week.folder.load(), Options(today=TODAY), adapters=partial(Adapters, **fakes),
        notify=notes.append,
    )  # fmt: skip
    app.write_lock(app.lock(bases=bases).lock)
    notes.clear()
    return app


def test_all_is_as_it_is_stated(week: Week, apt: FakeLayers) -> None:
    notes: list[str] = []
    bases = Bases(week.state / "bases")
    app = app_of(week, apt, bases, notes)
    assert ask_again(app) == []
    assert set(apt.called("differing")) == {*app.locked().package_sets}
    assert len(bases.called("differing")) == 2
    assert notes[-1] == "lock: asked: 0 differences, 0 errors"


def test_each_package_that_differs_is_named(week: Week, apt: FakeLayers) -> None:
    app = app_of(week, apt, Bases(week.state / "bases"), [])
    apt.stated["tar"] = f"the index states sha256:{'f' * 64}, not {package('tar', '1.35').digest}"
    errors = ask_again(app)
    assert {error.exit_code for error in errors} == {2}
    first = errors[0]
    assert first.location is not None
    assert '"tar": "1.35 sha256:' in first.location.source
    assert first.message.startswith("base/os=2: apt package tar 1.35: the index states sha256:ff")
    assert first.hint == HINT


def test_each_package_is_asked_for_once(week: Week, apt: FakeLayers) -> None:
    app = app_of(week, apt, Bases(week.state / "bases"), [])
    ask_again(app)
    assert len(apt.asked) == len(set(apt.asked))


def test_a_base_that_its_registry_does_not_have(week: Week, apt: FakeLayers) -> None:
    bases = Bases(week.state / "bases")
    app = app_of(week, apt, bases, [])
    bases.said = "example.org/os:two has no sha256:2"
    (error,) = ask_again(app)
    assert str(error).startswith("matrix.lock:14:4: os=2@linux/amd64: example.org/os:two has no")


def test_an_index_that_is_dead_comes_last_and_is_another_exit_code(
    week: Week, apt: FakeLayers
) -> None:
    bases = Bases(week.state / "bases")
    app = app_of(week, apt, bases, [])
    bases.said = "has another"
    apt.fail("differing", UnreachableError("the archive cannot be reached"), times=9)
    errors = ask_again(app)
    assert [error.exit_code for error in errors] == [2, 5]
    assert errors[-1].message == "the archive cannot be reached"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((FILE,), ""),
        ((replace(FILE, sha256="2" * 64),),
         f"its provider has {FILE.url} with sha256 {'2' * 64}, not {'1' * 64}"),
        ((), "its provider has no file lang.tgz"),
    ],
)  # fmt: skip
def test_a_file_of_a_release_line(
    week: Week, apt: FakeLayers, answer: tuple[RemoteFile, ...], said: str
) -> None:
    week.folder.edit("matrix.yaml", '"1.10": {provider: apt', '"1.10": {provider: rstudio')
    options = "{apt: {package: lang}, rstudio: {package: lang}}"
    week.folder.edit("images/speech/recipe.yaml", "{apt: {package: lang}}", options)
    lines = {
        **LOCK.release_lines,
        "lang=1.10": VersionLock(version="1.10.4", files={BASE: (FILE,)}),
    }
    week.folder.write("matrix.lock", dump(replace(LOCK, release_lines=lines)))
    fakes = {**week.fakes, "resolvers": {"apt": apt}, "bases": FakeBases(week.state / "b")}
    providers = {"rstudio": FakeLines(LINES, answer), "apt": FakeLines(LINES)}
    app = App(
        week.folder.load(), Options(today=TODAY),
        adapters=partial(Adapters, **fakes, providers=providers),
    )  # fmt: skip
    found = [error.message for error in ask_again(app)]
    assert found == ([f"lang=1.10: {said}"] if said else [])


def test_a_step_error_of_an_index_is_no_difference(week: Week, apt: FakeLayers) -> None:
    app = app_of(week, apt, Bases(week.state / "bases"), [])
    apt.fail("differing", StepError("the answer is no JSON"), times=9)
    assert [error.exit_code for error in ask_again(app)] == [5]
