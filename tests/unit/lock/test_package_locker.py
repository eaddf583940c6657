"""Which packages the lock gets, which stay, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.packages import LockedPackage
from builder.common.errors import ConfigError, NoPackageError, StepError
from builder.lock.fit import stale_package_sets
from builder.lock.interfaces import AncestorError, PackageRequest
from builder.lock.lockfile import Lock
from builder.lock.package_locker import NOTHING, Upgrade, overdue_pins
from builder.lock.problems import failures
from builder.lock.requests import PackageRequests
from tests.fakes.bases import FakeBases, FakeLines
from tests.fakes.catalog import LOCK, Folder, prints
from tests.fakes.layers import FakeLayers, package
from tests.fakes.locking import HAS, NEEDS, Locking


@pytest.fixture
def locking(folder: Folder, tmp_path: Path) -> Locking:
    return Locking(folder, tmp_path)


def versions(lock: Lock) -> dict[str, Mapping[str, str]]:
    """By target, the version of each package of apt."""
    return {
        key: {name: it.version for name, it in layer.packages.get("apt", {}).items()}
        for key, layer in lock.package_sets.items()
        if layer.packages
    }


def test_a_layer_has_what_it_adds_and_what_that_needs(locking: Locking) -> None:
    found = locking.lock()
    assert versions(found)["base/os=2"] == {"grep": "3.11", "libacl": "2.3", "tar": "1.35"}
    assert found.package_sets["base/os=2"].epoch == 1795392000
    assert "base/os=2: 3 packages" in locking.notes


def test_a_child_lists_nothing_that_its_parent_has(locking: Locking) -> None:
    locking.folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [less]")
    assert versions(locking.lock())["desk/os=2,lang=1.10"] == {"less": "668"}


def test_what_a_recipe_asks_for_no_longer_is_said_to_be_gone(locking: Locking) -> None:
    first = locking.lock()
    locking.folder.edit("images/base/recipe.yaml", "[tar, grep]", "[tar]")
    locking.lock(first, upgrade=NOTHING)
    assert "base/os=2: 2 packages, gone: grep" in locking.notes


def test_the_same_asked_again_is_the_same(locking: Locking) -> None:
    first = locking.lock()
    assert locking.lock(first, today="2026-11-30") == first
    assert locking.apt.called("resolve") == []
    assert locking.lock(first, upgrade=NOTHING, today="2026-11-30") == first
    assert locking.apt.called("resolve") == []


def test_only_a_layer_with_a_newer_candidate_is_solved_again(locking: Locking) -> None:
    locking.folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [less]")
    first = locking.lock()
    locking.apt.versions["less"] = "700"
    second = locking.lock(first, today="2026-11-30")
    changed = {
        key for key in first.package_sets if first.package_sets[key] != second.package_sets[key]
    }
    assert changed == {"desk/os=2,lang=1.10", "desk/os=1,lang=1.9"}
    assert set(locking.apt.called("resolve")) == changed
    assert second.package_sets["desk/os=2,lang=1.10"].epoch > first.package_sets["base/os=2"].epoch
    assert "desk/os=2,lang=1.10: 1 package, new: less" in locking.notes


def test_without_upgrade_only_what_a_recipe_newly_asks_for_is_chosen(locking: Locking) -> None:
    first = locking.lock()
    locking.apt.versions |= {"tar": "2.0", "grep": "4.0"}
    assert locking.lock(first, upgrade=NOTHING) == first
    locking.folder.edit("images/base/recipe.yaml", "[tar, grep]", "[tar, grep, less]")
    second = locking.lock(first, upgrade=NOTHING)
    assert versions(second)["base/os=2"] == {
        "grep": "3.11", "less": "668", "libacl": "2.3", "tar": "1.35",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tar", {"tar": "2.0", "grep": "3.11", "libacl": "2.3"}),
        ("base", {"tar": "2.0", "grep": "4.0", "libacl": "2.3"}),
        ("os", {"tar": "2.0", "grep": "4.0", "libacl": "2.3"}),
        ("speech", {"tar": "1.35", "grep": "3.11", "libacl": "2.3"}),
    ],
)
def test_an_upgrade_of_what_is_named(locking: Locking, name: str, expected: dict[str, str]) -> None:
    first = locking.lock()
    locking.apt.versions |= {"tar": "2.0", "grep": "4.0"}
    found = locking.lock(first, upgrade=Upgrade(names=frozenset({name})))
    assert versions(found)["base/os=2"] == expected


def test_a_line_stays_without_upgrade(locking: Locking, tmp_path: Path) -> None:
    first = locking.lock()
    locking.lines = FakeLines({"lang on os=2": "1.10.9", "lang on os=1": "1.9.9"})
    assert locking.lock(first, upgrade=NOTHING).versions == first.versions
    one = locking.lock(first, upgrade=Upgrade(names=frozenset({"lang=1.9"})))
    assert one.versions == {"lang=1.10": "1.10.4", "lang=1.9": "1.9.9"}
    assert locking.lock(first).versions == {"lang=1.10": "1.10.9", "lang=1.9": "1.9.9"}


def test_what_cannot_be_asked_stays_or_is_left_out(locking: Locking) -> None:
    first = locking.lock()
    locking.apt.versions["grep"] = "unreachable"
    assert locking.lock(first) == first
    assert (
        "base/os=2 and 1 more: packages as they were: example.org cannot be reached"
        in locking.notes
    )
    assert "base/os=2" not in locking.lock().package_sets
    assert (
        "base/os=2 and 1 more: packages not locked: example.org cannot be reached" in locking.notes
    )


def test_a_place_that_cannot_be_asked_is_told_of_once(locking: Locking) -> None:
    locking.apt.versions["desk"] = "unreachable"
    locking.lock()
    assert [note for note in locking.notes if "reached" in note] == [
        "desk/os=2,lang=1.10 and 1 more: packages not locked: example.org cannot be reached"
    ]


def test_what_variants_have_in_common_is_told_once(locking: Locking) -> None:
    del locking.apt.versions["grep"]
    locking.lock()
    assert [str(error) for error in failures(locking.problems, reachable=True)] == [
        "base/os=2 and 1 more: not locked: nobody has grep, which base/os=2 wants"
    ]


def test_what_is_gone_stops_only_its_own_targets(locking: Locking) -> None:
    first = locking.lock()
    del locking.apt.versions["legs"]
    locking.apt.versions["tar"] = "2.0"
    second = locking.lock(first)
    assert versions(second)["base/os=2"]["tar"] == "2.0"
    assert second.package_sets["desk/os=1,lang=1.9"] == first.package_sets["desk/os=1,lang=1.9"]
    (problem,) = locking.problems
    assert (problem.subject, problem.keeps) == ("desk/os=1,lang=1.9", True)
    (error,) = failures(locking.problems, reachable=True)
    assert (error.exit_code, str(error)) == (
        5,
        "desk/os=1,lang=1.9: stays as locked: nobody has legs, which desk/os=1,lang=1.9 wants",
    )
    assert (
        "desk/os=1,lang=1.9: packages as they were: nobody has legs, which desk/os=1,lang=1.9 wants"
        in locking.notes
    )


def test_what_was_never_locked_is_left_out_and_all_else_is_written(locking: Locking) -> None:
    del locking.apt.versions["legs"]
    found = locking.lock()
    assert "desk/os=1,lang=1.9" not in found.package_sets
    assert set(versions(found)) >= {"base/os=1", "base/os=2", "desk/os=2,lang=1.10"}
    assert [it.keeps for it in locking.problems] == [False]


def test_a_recipe_that_newly_asks_for_what_is_not_there_keeps_nothing(locking: Locking) -> None:
    first = locking.lock()
    locking.folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [desk, lamp]")
    second = locking.lock(first)
    assert {it.keeps for it in locking.problems} == {False}
    # It stays in the file, for when the recipe is mended; a plan does not build with it.
    assert second.package_sets == first.package_sets


def test_what_is_kept_leaves_an_ancestor_what_that_has_by_now(locking: Locking) -> None:
    locking.folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [desk, less]")
    first = locking.lock()
    assert versions(first)["desk/os=2,lang=1.10"] == {"desk": "1", "less": "668"}
    locking.folder.edit("images/base/recipe.yaml", "[tar, grep]", "[tar, grep, less]")
    del locking.apt.versions["desk"]
    second = locking.lock(first)
    assert versions(second)["base/os=2"]["less"] == "668"
    assert versions(second)["desk/os=2,lang=1.10"] == {"desk": "1"}


def test_an_error_names_the_place_in_the_recipe(locking: Locking) -> None:
    locking.apt.fail("resolve", NoPackageError("there is no legs", package="legs"), on="desk/os=1")
    locking.lock()
    (error,) = failures(locking.problems, reachable=True)
    assert isinstance(error, ConfigError)
    assert str(error).splitlines()[0] == "images/desk/recipe.yaml:5:27: there is no legs"


def test_better_words_take_the_place_of_an_error(locking: Locking) -> None:
    del locking.apt.versions["legs"]
    one, two = (NoPackageError(f"no {name}", package=name) for name in ("legs", "arms"))
    locking.explain = lambda _lock: {"desk/os=1,lang=1.9": (one, two), "base/os=2": (one,)}
    locking.lock()
    assert [str(error) for error in failures(locking.problems, reachable=True)] == [
        "no legs", "no arms",
    ]  # fmt: skip


def test_a_file_that_was_replaced_is_not_taken_unless_named(locking: Locking) -> None:
    first = locking.lock()
    layer = first.package_sets["base/os=2"]
    old = {**layer.packages["apt"], "tar": replace(layer.packages["apt"]["tar"], digest="sha256:0")}
    held = replace(
        first,
        package_sets={**first.package_sets, "base/os=2": replace(layer, packages={"apt": old})},
    )
    locking.apt.versions["grep"] = "4.0"  # so that it is solved again
    found = locking.lock(held)
    assert found.package_sets["base/os=2"] == held.package_sets["base/os=2"]
    assert locking.problems[0].reason.startswith(
        "tar_1.35_all.deb is not the file that the lock has: it is sha256:"
    )
    found = locking.lock(held, upgrade=Upgrade(names=frozenset({"tar"})))
    assert found.package_sets["base/os=2"].packages["apt"]["tar"].digest != "sha256:0"
    assert locking.problems == ()


def test_a_disk_that_refuses_is_told_as_any_failure(locking: Locking) -> None:
    first = locking.lock()
    locking.apt.fail("resolve", OSError(2, "No such file or directory", "/x/apt"), on="desk/os=1")
    locking.apt.versions["legs"] = "5"
    assert locking.lock(first) == first
    assert isinstance(locking.problems[0].error, StepError)


def test_a_lock_from_before_there_were_two_hashes_fits(locking: Locking) -> None:
    first = locking.lock()
    project = locking.folder.load()
    package_requests = PackageRequests(
        catalog=project.catalog, expansion=project.expansion, lock=first
    )

    def former(key: str) -> str:
        target = project.expansion.targets[key]
        return package_requests.request_key(target, first.package_sets).former

    layers = {key: replace(it, request=former(key)) for key, it in first.package_sets.items()}
    old = replace(first, package_sets=layers)
    assert locking.lock(old, upgrade=NOTHING) == old
    assert locking.apt.called("resolve") == []


def test_a_resolver_is_told_what_the_lock_has(locking: Locking) -> None:
    found = locking.lock()
    locking.apt.versions["grep"] = "3.12"
    locking.lock(found)
    assert {name: it.version for name, it in locking.apt.held["base/os=2"].items()} == {
        "grep": "3.11", "libacl": "2.3", "tar": "1.35",
    }  # fmt: skip


def test_languages_that_come_without_a_line_are_debians(locking: Locking) -> None:
    project = locking.folder.load()
    package_requests = PackageRequests(
        catalog=project.catalog, expansion=project.expansion, lock=LOCK
    )
    own = {"apt": {"r-base-core": package("r-base-core", "4.5.0-3")}}
    request = package_requests.request(project.expansion.targets["base/os=2"], "r", {}, own=own)
    assert (request.language("r"), request.language("python")) == ("4.5.0", "")


def test_a_pin_counts_for_the_descendants_of_its_image(locking: Locking) -> None:
    locking.folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [less]")
    locking.folder.edit(
        "matrix.yaml",
        "base: {from: os, axes: [os]}",
        'base: {from: os, axes: [os], pin: {apt: {less: "643"}, reason: its pager hangs,'
        " until: 2026-12-31}}",
    )
    assert versions(locking.lock())["desk/os=2,lang=1.10"] == {"less": "643"}
    matrix = locking.folder.load().catalog.matrix
    assert overdue_pins(matrix, "2026-12-31") == []
    assert overdue_pins(matrix, "2027-01-01") == [
        "image base pins less 643, until 2026-12-31: its pager hangs"
    ]


def test_which_layers_do_not_fit_the_recipes(locking: Locking) -> None:
    def stale(lock: Lock) -> list[str]:
        project = locking.folder.load()
        return stale_package_sets(
            project.catalog, project.expansion, lock, project.expansion.targets
        )

    found = locking.lock()
    assert stale(found) == []
    without = {key: it for key, it in found.package_sets.items() if key != "base/os=1"}
    assert stale(replace(found, package_sets=without))[0] == "base/os=1"
    locking.folder.edit("images/base/recipe.yaml", "[tar, grep]", "[tar]")
    assert stale(found)[:2] == ["base/os=2", "base/os=1"]


def test_where_a_package_is_from_is_no_part_of_what_it_is(locking: Locking) -> None:
    found = locking.lock()
    layer = found.package_sets["base/os=2"]
    moved = {
        ecosystem: {name: replace(it, source="security", file="x") for name, it in items.items()}
        for ecosystem, items in layer.packages.items()
    }
    other = replace(
        found, package_sets={**found.package_sets, "base/os=2": replace(layer, packages=moved)}
    )
    project = locking.folder.load()
    assert prints(project, found)["base/os=2"] == prints(project, other)["base/os=2"]


TOOL = "summary: A tool\npackages:\n  apt: [less]\n"


class Needy(FakeLayers):
    """Those of a table; `less` wants the newest `tar`."""

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        found = super().resolve(request)
        below = request.inherited.get("tar")
        if "less" in found and below and below.version != (now := self.versions["tar"]):
            owner = request.introduced_by["tar"]
            raise AncestorError(
                f"{request.target.id} needs tar {now}, and {owner} has {below.version}",
                hint="builder lock --upgrade tar",
                owners={owner: frozenset({"tar"})},
            )
        return found


def test_what_a_child_needs_newer_moves_in_its_parent(locking: Locking, tmp_path: Path) -> None:
    held = locking.lock()
    locking.apt = Needy(tmp_path / "files", {**HAS, "tar": "2", "libacl": "3", "desk": "2"}, NEEDS)
    locking.folder.write("images/tool/recipe.yaml", TOOL)
    found = versions(locking.lock(held, upgrade=NOTHING))
    assert locking.problems == ()
    # What need not move stays, in the parent and beside it.
    assert found["base/os=2"] == {"grep": "3.11", "libacl": "2.3", "tar": "2"}
    assert found["desk/os=2,lang=1.10"]["desk"] == "1"
    assert found["tool/os=2"] == {"less": "668"}
    assert (
        "base/os=2: tar must move: tool/os=2 needs tar 2, and base/os=2 has 1.35" in locking.notes
    )


def test_what_a_parent_is_held_at_is_told_once(locking: Locking, tmp_path: Path) -> None:
    """It is let go, does not move, and nobody tries for ever."""
    held = locking.lock()

    class Held(Needy):
        def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
            if request.target.id.startswith("base/"):
                return {**super().resolve(request), "tar": package("tar", "1.35")}
            return super().resolve(request)

    locking.apt = Held(tmp_path / "files", {**HAS, "tar": "2"}, NEEDS)
    locking.folder.write("images/tool/recipe.yaml", TOOL)
    locking.lock(held, upgrade=NOTHING)
    assert {one.error.message for one in locking.problems} == {
        f"tool/os={os} needs tar 2, and base/os={os} has 1.35" for os in "12"
    }


def test_what_stands_on_a_base_that_moved_is_asked_again(locking: Locking, tmp_path: Path) -> None:
    held = locking.lock()
    locking.apt.versions["grep"] = "4"
    locking.bases = FakeBases(tmp_path / "moved", moved="moved")
    found = locking.lock(held, upgrade=Upgrade(names=frozenset({"os=2"})))
    asked = {target for name, target in locking.apt.calls if name == "resolve"}
    assert "base/os=2" in asked
    assert not any("os=1" in target for target in asked)
    # What can stay does.
    assert versions(found)["base/os=2"]["grep"] == "3.11"


def test_what_was_not_asked_while_its_parent_moved_is_asked_by_the_next_lock(
    locking: Locking, tmp_path: Path
) -> None:
    held = locking.lock()
    locking.apt.versions |= {"tar": "2", "desk": "2", "lang": "2"}
    only_base = locking.lock(held, upgrade=Upgrade(names=frozenset({"tar"})), targets=["base/os=2"])
    layer = only_base.package_sets["desk/os=2,lang=1.10"]
    assert layer.request.endswith("+moved")
    assert layer.packages == held.package_sets["desk/os=2,lang=1.10"].packages
    assert only_base.package_sets["desk/os=1,lang=1.9"] == held.package_sets["desk/os=1,lang=1.9"]
    # It fits the catalog all the same.
    project = locking.folder.load()
    everyone = project.expansion.targets
    assert not stale_package_sets(project.catalog, project.expansion, only_base, everyone)
    after = locking.lock(only_base, upgrade=NOTHING)
    asked = {target for name, target in locking.apt.calls if name == "resolve"}
    assert asked == {"speech/os=2,lang=1.10", "desk/os=2,lang=1.10"}
    # What can stay does, and what stays is as it was.
    assert after.package_sets["desk/os=2,lang=1.10"] == held.package_sets["desk/os=2,lang=1.10"]
    assert locking.lock(after, upgrade=NOTHING) == after
    assert locking.apt.calls == []


def test_an_ecosystem_for_which_an_older_builder_had_no_resolver(
    folder: Folder, tmp_path: Path
) -> None:
    """What it chose stays, and the rest is added without an upgrade."""
    locking = Locking(folder, tmp_path)
    whole = locking.lock()
    older = {
        key: replace(item, packages={}) if key == "base/os=2" else item
        for key, item in whole.package_sets.items()
    }
    again = locking.lock(replace(whole, package_sets=older), upgrade=NOTHING)
    assert again.package_sets["base/os=2"].packages == whole.package_sets["base/os=2"].packages
    assert locking.apt.called("resolve") == ["base/os=2"]


def test_what_only_a_weak_hash_knows_is_locked_again(locking: Locking) -> None:
    whole = locking.lock()
    base = whole.package_sets["base/os=2"]
    apt = {
        name: replace(package, digest=f"git-tree-sha1:{'0' * 40}")
        for name, package in base.packages["apt"].items()
    }
    older = {**whole.package_sets, "base/os=2": replace(base, packages={"apt": apt})}
    held = replace(whole, package_sets=older)
    locking.lock(held, upgrade=NOTHING)
    assert locking.apt.called("resolve") == ["base/os=2"]
    # The same version with another hash is no file that was replaced.
    again = locking.lock(held, upgrade=Upgrade(names=frozenset({"base"})))
    assert again.package_sets["base/os=2"] == base
    assert locking.problems == ()
