"""What is known of packages before anything is built."""

from __future__ import annotations

from builder.lock.lockfile import Lock
from builder.project import Workspace
from builder.resolvers.apt.preflight import PackageCheck
from tests.fakes.catalog import LOCK, Folder

DESK = """\
summary: A desk
packages:
  apt: [desk, legs]    # desk is no legs
"""


class Root:
    """A private root of apt that has some packages."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self.package_names = known

    def missing(self, packages: object) -> tuple[str, ...]:
        return tuple(sorted(set(packages) - set(self.package_names)))  # type: ignore[call-overload]

    def providers(self, package: str) -> tuple[str, ...]:
        return ()


def errors(
    folder: Folder, apt: tuple[str, ...], lock: Lock = LOCK, **others: tuple[str, ...]
) -> dict[str, list[str]]:
    """What is wrong by target, where apt has these packages; `others` of a base by its value."""
    folder.write("images/desk/recipe.yaml", DESK)
    workspace = Workspace(folder.root)
    project = workspace.load()
    has = {it.id: others.get(f"os{it.value}", apt) for it in project.expansion.bases.values()}
    roots = {base: Root(known) if known else None for base, known in has.items()}
    check = PackageCheck(
        catalog=project.catalog,
        expansion=project.expansion,
        providers={},
        root=lambda base: roots[base.id],  # type: ignore[arg-type,return-value]
        read=workspace.read,
    )
    targets = [key for key in project.expansion.targets if key.startswith("desk/")]
    found = check.check(lock, targets)
    return {key: [str(error) for error in errors] for key, errors in found.items()}


ALL = ("tar", "grep", "lang", "desk", "legs")


def test_nothing_is_wrong(folder: Folder) -> None:
    assert errors(folder, ALL) == {}


def test_a_package_that_apt_does_not_have(folder: Folder) -> None:
    assert errors(folder, ALL[:-1]) == {
        f"desk/os={os},lang={lang}": [
            f"images/desk/recipe.yaml:3:15: there is no package legs for os={os}@linux/amd64"
            f" (recipe desk, for desk/os={os},lang={lang})\n"
            "      apt: [desk, legs]    # desk is no legs\n"
            "                  ^\n"
            "  hint: is the name right? Does it belong under a condition of `when`?"
        ]
        for os, lang in (("2", "1.10"), ("1", "1.9"))
    }


def test_all_that_a_target_lacks_is_named(folder: Folder) -> None:
    found = errors(folder, ALL[:-2])
    assert [len(texts) for texts in found.values()] == [2, 2]


def test_a_package_that_another_base_has(folder: Folder) -> None:
    found = errors(folder, ALL, os1=ALL[:-1])
    ((text,),) = found.values()
    assert list(found) == ["desk/os=1,lang=1.9"]
    assert text.splitlines()[-1] == (
        "  hint: os=2 has it: `when: {os=2: {packages: {apt: [legs]}}}`"
    )


def test_a_base_that_was_not_looked_at_says_nothing(folder: Folder) -> None:
    found = errors(folder, ALL[:-1], os2=())
    ((text,),) = found.values()
    assert "there is no package legs for os=1@linux/amd64" in text
    assert "has it" not in text


def test_a_package_of_a_parent_is_looked_at_too(folder: Folder) -> None:
    found = errors(folder, ALL[1:])
    assert (
        "there is no package tar for os=2@linux/amd64 (recipe base, for base/os=2)"
        in (found["base/os=2"][0])
    )


def test_a_target_whose_line_is_not_locked_is_left_out(folder: Folder) -> None:
    lock = Lock(bases=LOCK.bases, release_lines={})
    assert set(errors(folder, ("nothing",), lock=lock)) == {"base/os=2", "base/os=1"}
