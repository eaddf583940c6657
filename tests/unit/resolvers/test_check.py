"""What is known of packages before anything is built."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.config.parse import Network
from builder.errors import Location
from builder.process import Command, Output, Runner
from builder.resolvers.check import PackageCheck, location
from builder.resolvers.check_pip import PipCheck, Wanted
from builder.workspace import Workspace
from tests.fakes.catalog import LOCK, TODAY, Folder

PLAIN = Network(ca="", http_proxy="", https_proxy="", no_proxy="", mirrors={})
DESK = """\
summary: A desk
packages:
  apt: [desk, legs]    # desk is no legs
  npm: [drawer@2, "@wood/oak@1"]
  pip: [lamp, "wire<2"]
"""


class Clients(Runner):
    """apt, npm and uv, which know what they are told to."""

    def __init__(self, *, apt: tuple[str, ...] = (), npm: tuple[str, ...] = (), uv: str = ""):
        super().__init__()
        self.apt, self.npm, self.uv = apt, npm, uv
        self.asked: list[tuple[str, ...]] = []

    def run(self, command: Command, **options: object) -> Output:  # type: ignore[override]
        self.asked.append(command.argv)
        if command.program == "npm":
            known = command.argv[2] in self.npm
            text = '["1.0.0"]' if known else json.dumps({"error": {"code": "E404"}})
            return Output(code=0 if known else 1, stdout=text, log=text)
        return Output(code=1 if self.uv else 0, stdout="", log=self.uv)


class Root:
    """A private root of apt that has some packages."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known

    def missing(self, packages: object) -> tuple[str, ...]:
        return tuple(sorted(set(packages) - set(self.known)))  # type: ignore[call-overload]


def errors(folder: Folder, runner: Clients, lock: object = LOCK, **more: object) -> list[str]:
    """What is wrong with a catalog whose recipe desk names packages of three ecosystems."""
    folder.write("images/desk/recipe.yaml", DESK)
    workspace = Workspace(folder.root)
    project = workspace.load()
    check = PackageCheck(
        catalog=project.catalog,
        expansion=project.expansion,
        providers={},
        roots={base: Root(runner.apt) for base in project.expansion.bases},  # type: ignore[misc]
        runner=runner,
        network=PLAIN,
        folder=folder.root / "build/checks",
        read=workspace.read,
    )
    targets = [key for key in project.expansion.targets if key.startswith("desk/")]
    return [str(error) for error in check.check(lock, targets, TODAY)]  # type: ignore[arg-type]


ALL = ("tar", "grep", "lang", "desk", "legs")
NPM = ("drawer", "@wood/oak")


def test_nothing_is_wrong(folder: Folder) -> None:
    assert errors(folder, Clients(apt=ALL, npm=NPM)) == []


def test_a_package_that_apt_does_not_have(folder: Folder) -> None:
    found = errors(folder, Clients(apt=ALL[:-1], npm=NPM))
    assert found == [
        f"images/desk/recipe.yaml:3:15: there is no package legs for os={os}@linux/amd64,"
        f" which recipe desk adds to desk/os={os},lang={lang}\n"
        "      apt: [desk, legs]    # desk is no legs\n"
        "                  ^\n"
        "  hint: is its name right, and should it stand under a condition of `when`?"
        for os, lang in (("2", "1.10"), ("1", "1.9"))
    ]


def test_a_package_of_a_parent_is_looked_at_too(folder: Folder) -> None:
    found = errors(folder, Clients(apt=ALL[1:], npm=NPM))
    assert (
        "there is no package tar for os=2@linux/amd64, which recipe base adds to base/os=2"
        in (found[0])
    )


def test_a_package_that_npm_does_not_have(folder: Folder) -> None:
    (found,) = errors(folder, Clients(apt=ALL, npm=NPM[:1]))
    assert found.startswith(
        "images/desk/recipe.yaml:4:20: npm has no package @wood/oak, which recipe desk adds to"
        " desk/os=2,lang=1.10 and 1 other\n"
    )


def test_a_target_whose_line_is_not_locked_is_left_out(folder: Folder) -> None:
    lock = type(LOCK)(bases=LOCK.bases, lines={})
    runner = Clients()
    found = errors(folder, runner, lock=lock)
    assert [text for text in found if "recipe base" not in text] == []
    assert not [argv for argv in runner.asked if "view" in argv or "compile" in argv]


def test_where_a_recipe_names_a_package() -> None:
    files = {"images/r/recipe.yaml": "packages:\n  apt: [libfoo-dev, libfoo] # bar\n"}
    found = location(files.__getitem__, "r", "libfoo")
    assert (found.line, found.column) == (2, 21)
    assert location(files.__getitem__, "r", "bar") == Location(file="images/r/recipe.yaml")


# pip.

CONFLICT = """\
error: No solution found when resolving dependencies
  cause: Because you require wire<2 and wire>=3, we can conclude that your requirements are
         unsatisfiable.
"""
WANTED = Wanted(
    target="desk/os=2", python="3.13", platform="x86_64-manylinux_2_36",
    requirements=(("speech", "wire>=3"), ("speech", "paper"), ("desk", "wire<2")),
)  # fmt: skip


def pip(tmp_path: Path, runner: Clients, mirrors: Mapping[str, str] | None = None) -> PipCheck:
    network = Network(ca="", http_proxy="", https_proxy="", no_proxy="", mirrors=mirrors or {})
    return PipCheck(
        runner=runner,
        network=network,
        folder=tmp_path,
        locate=lambda recipe, package: Location(file=f"images/{recipe}/recipe.yaml"),
    )


def test_recipes_that_want_versions_that_exclude_each_other(tmp_path: Path) -> None:
    (found,) = pip(tmp_path, Clients(uv=CONFLICT)).check([WANTED], TODAY)
    assert str(found) == (
        "images/desk/recipe.yaml: these do not fit together for desk/os=2:"
        " wire>=3 (recipe speech), wire<2 (recipe desk)\n"
        "    cause: Because you require wire<2 and wire>=3, we can conclude that your requirements"
        " are\n"
        "    unsatisfiable.\n"
        "  hint: ask for other versions, or leave one out under a condition of `when`"
    )


def test_a_package_that_the_index_does_not_have(tmp_path: Path) -> None:
    log = (
        "error: No solution found when resolving dependencies\n"
        "  cause: Because paper was not found in the package registry and you require paper, …\n"
    )
    (found,) = pip(tmp_path, Clients(uv=log)).check([WANTED], TODAY)
    assert str(found) == (
        "images/speech/recipe.yaml: there is no package paper in the index, which recipe speech"
        " wants for desk/os=2\n  hint: is its name right?"
    )


@pytest.mark.parametrize(
    "log",
    [
        "error: Request failed\n  cause: Failed to fetch: http://m.example/simple/wire/\n",
        "error: something new\n",
        "error: No solution found\nhint: An index URL (http://m.example/simple) could not be"
        " queried due to a lack of valid authentication credentials (401 Unauthorized)\n",
    ],
)
def test_an_index_that_cannot_be_asked_says_nothing_of_packages(tmp_path: Path, log: str) -> None:
    assert pip(tmp_path, Clients(uv=log)).check([WANTED], TODAY) == ()
    assert list(tmp_path.iterdir()) == []


def test_what_fits_is_asked_once_a_day_for_all_that_want_it(tmp_path: Path) -> None:
    runner = Clients()
    other = Wanted(
        target="other", python=WANTED.python, platform=WANTED.platform,
        requirements=tuple(reversed(WANTED.requirements)),
    )  # fmt: skip
    assert pip(tmp_path, runner).check([WANTED, other], TODAY) == ()
    assert pip(tmp_path, runner).check([WANTED], TODAY) == ()
    assert len(runner.asked) == 1
    pip(tmp_path, runner).check([WANTED], "2026-11-24")
    pip(tmp_path, runner, {"pip": "https://mirror.example"}).check([WANTED], TODAY)
    assert len(runner.asked) == 3


def test_the_same_mistake_is_told_once(tmp_path: Path) -> None:
    child = Wanted(
        target="child", python="3.11", platform=WANTED.platform, requirements=WANTED.requirements
    )
    assert len(pip(tmp_path, Clients(uv=CONFLICT)).check([WANTED, child], TODAY)) == 1
