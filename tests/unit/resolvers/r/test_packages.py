"""Layers of R packages: what is chosen of an index, what is fetched, and what is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import pytest

from builder.catalog.packages import LockedPackage
from builder.common.errors import BuilderError, NoPackageError, StepError, UnreachableError
from builder.lock.interfaces import PackageRequest
from builder.resolvers.r.index import RIndex, meets
from builder.resolvers.r.packages import RResolver
from tests.fakes.layers import asked as _asked
from tests.fakes.lines import Upstream, nowhere

OLD, DAY = "2026-11-13", "2026-11-20"
BINARIES = "bin/linux/trixie-x86_64/4.5/src/contrib"
SOURCES = "src/contrib"
DATES = "packagemanager/__api__/repos/cran/transaction-dates"
# By `name version`: what each package needs.
HAS = {
    "dplyr 1.2.0": "Depends: R (>= 4.1.0)\nImports: cli (>= 3.6.0), methods, R6,\n        utils\n",
    "cli 3.6.5": "Depends: R (>= 3.4)\nImports: utils\nLinkingTo: cpp11\n",
    "cpp11 0.5.2": "",
    "R6 2.6.1": "Depends: R (>= 3.6)\nSuggests: lobstr\n",
}


def asked(*names: str, r: str = "4.5.0", **more: object) -> PackageRequest:
    return _asked(*names, r=r, **more)


def index(packages: Mapping[str, str]) -> str:
    found = []
    for text, fields in packages.items():
        name, version = text.split()
        found.append(f"Package: {name}\nVersion: {version}\n{fields}License: MIT\n")
    return "\n".join(found)


def serve(
    there: Upstream, packages: Mapping[str, str], day: str = DAY, folder: str = BINARIES
) -> None:
    """Have a snapshot, and in it files that hold their name and version."""
    start = f"packagemanager/cran/{day}/{folder}"
    there.serve(f"{start}/PACKAGES", index(packages))
    for text in packages:
        there.serve(f"{start}/{text.replace(' ', '_')}.tar.gz", text)
    there.serve(DATES, json.dumps([{"alias": OLD}, {"alias": day}]))


def locked(text: str, day: str = DAY, folder: str = BINARIES) -> LockedPackage:
    return LockedPackage(
        version=text.split()[1],
        digest=f"sha256:{hashlib.sha256(text.encode()).hexdigest()}",
        source=day,
        file=f"{folder}/{text.replace(' ', '_')}.tar.gz",
    )


def layers(there: Upstream) -> RResolver:
    return RResolver(fetcher=there.fetcher())


def files(there: Upstream) -> list[str]:
    """The files of packages that were fetched."""
    paths = [path.rpartition("/")[2] for _, path in there.server.asked]
    return sorted(path for path in paths if path.endswith(".tar.gz"))


def refusal(there: Upstream, request: PackageRequest) -> str:
    with pytest.raises(BuilderError) as caught:
        layers(there).resolve(request)
    assert not isinstance(caught.value, UnreachableError)
    return str(caught.value)


def test_what_is_named_and_what_that_needs_is_of_the_newest_snapshot(there: Upstream) -> None:
    serve(there, {**HAS, "lobstr 1.2": "", "other 1": ""})
    found = layers(there).resolve(asked("dplyr"))
    assert found == {text.split()[0]: locked(text) for text in HAS}
    assert list(found) == sorted(found)
    assert files(there) == sorted(f"{text.replace(' ', '_')}.tar.gz" for text in HAS)


def test_several_targets_ask_once(there: Upstream) -> None:
    serve(there, HAS)
    several = layers(there)
    first = several.resolve(asked("dplyr"))
    count = len(there.server.asked)
    assert several.resolve(asked("dplyr")) == first
    assert len(there.server.asked) == count


def test_without_binaries_for_a_debian_there_are_sources(there: Upstream) -> None:
    serve(there, HAS, folder=SOURCES)
    found = layers(there).resolve(asked("R6"))
    assert found == {"R6": locked("R6 2.6.1", folder=SOURCES)}


def test_a_mirror_without_snapshots_is_asked_for_its_latest(there: Upstream) -> None:
    serve(there, HAS, "latest", SOURCES)
    del there.files[f"/{DATES}"]
    assert layers(there).resolve(asked("R6")) == {"R6": locked("R6 2.6.1", "latest", SOURCES)}


def test_what_ancestors_have_stays_theirs(there: Upstream) -> None:
    serve(there, HAS)
    below = {"cli": locked("cli 3.6.1", OLD), "R6": locked("R6 2.6.0", OLD)}
    assert set(layers(there).resolve(asked("dplyr", inherited=below))) == {"dplyr"}


def test_what_r_brings_is_locked_only_where_a_recipe_names_it(there: Upstream) -> None:
    matrix = {"Matrix 1.7-4": "Priority: recommended\nDepends: R (>= 4.4), methods\n"}
    serve(there, {**matrix, "lme4 1.1": "Imports: Matrix (>= 1.7), stats\n"})
    assert set(layers(there).resolve(asked("lme4"))) == {"lme4"}
    assert set(layers(there).resolve(asked("lme4", "Matrix"))) == {"lme4", "Matrix"}


def test_of_several_versions_the_newest_that_this_r_takes(there: Upstream) -> None:
    text = index({"mgcv 1.9-4": "Depends: R (>= 4.4)\n"}) + "\n"
    text += index({"mgcv 2.0": "Depends: R (>= 4.7)\nPath: 4.7.0/Recommended\n"})
    entries = RIndex(text, SOURCES).entries("mgcv")
    assert [entry.file for entry in entries] == [
        "src/contrib/4.7.0/Recommended/mgcv_2.0.tar.gz", "src/contrib/mgcv_1.9-4.tar.gz",
    ]  # fmt: skip
    serve(there, {"mgcv 1.9-4": ""})
    there.serve(f"packagemanager/cran/{DAY}/{BINARIES}/PACKAGES", text)
    assert layers(there).resolve(asked("mgcv")) == {"mgcv": locked("mgcv 1.9-4")}


def test_a_package_of_another_system_is_none() -> None:
    assert RIndex(index({"tray 1": "OS_type: windows\n"}), SOURCES).entries("tray") == ()


@pytest.mark.parametrize(
    ("version", "limit", "expected"),
    [
        ("1.2.0", ">= 1.2", True),
        ("1.10", ">= 1.9", True),
        ("1.7-4", ">= 1.7.4", True),
        ("1.2", ">= 1.2.0", False),
        ("2.0", ">= 1.2, < 2", False),
        ("1.9", "!= 1.9", False),
        ("1.9", "== 1.9", True),
        ("1.9", "<=1.9", True),
        ("1.9", "> 1.9", False),
        ("1.9", "", True),
    ],
)
def test_limits(version: str, limit: str, *, expected: bool) -> None:
    assert meets(version, limit) is expected


# What the lock has.


def test_what_the_lock_has_is_not_fetched_again(there: Upstream) -> None:
    serve(there, HAS)
    held = {text.split()[0]: locked(text, OLD) for text in HAS}
    held["R6"] = locked("R6 2.6.0", OLD)
    found = layers(there).resolve(asked("dplyr", locked=held))
    assert found == {**held, "R6": locked("R6 2.6.1")}
    assert files(there) == ["R6_2.6.1.tar.gz"]


def test_what_should_stay_stays_in_its_snapshot(there: Upstream) -> None:
    serve(there, {"cli 3.6.1": "", "dplyr 1.1.0": "Imports: cli\n"}, OLD)
    serve(there, HAS)
    keep = {"cli": locked("cli 3.6.1", OLD)}
    found = layers(there).resolve(asked("dplyr", preferred=keep, locked=keep))
    assert found == {
        "cli": keep["cli"], "dplyr": locked("dplyr 1.2.0"), "R6": locked("R6 2.6.1")
    }  # fmt: skip


def test_what_should_stay_moves_where_others_need_it_newer(there: Upstream) -> None:
    serve(there, {"cli 3.5.0": "", "dplyr 1.1.0": "Imports: cli\n"}, OLD)
    serve(there, HAS)
    keep = {"cli": locked("cli 3.5.0", OLD)}
    assert layers(there).resolve(asked("dplyr", preferred=keep))["cli"] == locked("cli 3.6.5")


def test_what_should_stay_moves_where_its_snapshot_is_gone(there: Upstream) -> None:
    serve(there, HAS)
    keep = {"R6": locked("R6 2.6.0", OLD)}
    assert layers(there).resolve(asked("R6", preferred=keep)) == {"R6": locked("R6 2.6.1")}


def test_a_hold_keeps_what_the_lock_has(there: Upstream) -> None:
    serve(there, {"R6 2.5.0": ""}, OLD)
    serve(there, HAS)
    held, limits = {"R6": locked("R6 2.5.0", OLD)}, {"R6": "< 2.6"}
    assert layers(there).resolve(asked("R6", locked=held, constraints=limits)) == held


def test_the_newest_is_told_by_the_index_alone(there: Upstream) -> None:
    serve(there, HAS)
    held = {"R6": locked("R6 2.6.1", OLD), "cli": locked("cli 3.6.5", OLD)}
    assert layers(there).is_newest(asked("cli", "R6"), held)
    assert not layers(there).is_newest(asked("R6"), {"R6": locked("R6 2.6.0", OLD)})
    assert not layers(there).is_newest(asked("gone"), {"gone": locked("gone 1", OLD)})
    assert files(there) == []


# What is refused.


def test_a_package_that_is_not_there(there: Upstream) -> None:
    serve(there, HAS)
    assert refusal(there, asked("r6")) == (
        f"the snapshot {DAY} has no R package r6, which recipe leaf needs for leaf/debian=13\n"
        "  hint: did you mean R6?"
    )
    serve(there, {"dplyr 1.2.0": "Imports: vctrs\n", **{f"p{i} 1": "" for i in range(12)}})
    assert refusal(there, asked("dplyr")) == (
        f"the snapshot {DAY} has no R package vctrs, which dplyr needs for leaf/debian=13\n"
        "  hint: is the name right? Upper and lower case differ"
    )


def test_the_recipe_is_told_which_of_its_packages_led_there(there: Upstream) -> None:
    serve(there, {"dplyr 1.2.0": "Imports: tidy\n", "tidy 1": "Imports: vctrs\n"})
    with pytest.raises(NoPackageError) as caught:
        layers(there).resolve(asked("dplyr"))
    assert caught.value.package == "dplyr"


def test_a_package_that_needs_a_newer_r(there: Upstream) -> None:
    serve(there, HAS, folder=BINARIES.replace("4.5", "4.0"))
    assert refusal(there, asked("dplyr", r="4.0.5")) == (
        "dplyr 1.2.0 needs R >= 4.1.0, but leaf/debian=13 has 4.0.5\n"
        "  hint: leave it out for this release line of R"
    )


def test_a_hold_that_nothing_meets(there: Upstream) -> None:
    serve(there, HAS)
    assert refusal(there, asked("dplyr", constraints={"cli": "< 3.6"})) == (
        f"cli is pinned to < 3.6 for leaf/debian=13, but the snapshot {DAY} has 3.6.5\n"
        "  hint: change the pin, or restore the lock that had an older version"
    )


def test_an_ancestor_has_too_old_a_one(there: Upstream) -> None:
    serve(there, HAS)
    request = asked(
        "dplyr", inherited={"cli": locked("cli 3.5.0", OLD)}, introduced_by={"cli": "base/x"}
    )
    assert refusal(there, request) == (
        "dplyr 1.2.0 needs cli >= 3.6.0 for leaf/debian=13, but base/x has 3.5.0\n"
        "  hint: run `builder lock --upgrade cli`"
    )


def test_a_hold_that_another_package_does_not_bear(there: Upstream) -> None:
    serve(there, {"cli 3.5.0": ""}, OLD)
    serve(there, HAS)
    held = {"cli": locked("cli 3.5.0", OLD)}
    assert refusal(there, asked("dplyr", locked=held, constraints={"cli": "< 3.6"})) == (
        "dplyr 1.2.0 needs cli >= 3.6.0 for leaf/debian=13, but the snapshot has 3.5.0\n"
        "  hint: cli is pinned to < 3.6"
    )


def test_an_image_without_r(there: Upstream) -> None:
    assert refusal(there, asked("R6", r="")) == (
        "recipe leaf names R packages, but leaf/debian=13 has no R\n"
        "  hint: build it on an image that has the axis r"
    )


def test_a_mirror_that_has_nothing(there: Upstream) -> None:
    there.serve(DATES, json.dumps([{"alias": DAY}]))
    assert refusal(there, asked("R6")) == (
        f"packagemanager has no index of R packages in the snapshot {DAY}"
    )


def test_a_mirror_that_cannot_be_asked(there: Upstream) -> None:
    with pytest.raises(UnreachableError, match=r"packagemanager cannot be reached"):
        RResolver(fetcher=nowhere(there.folder)).resolve(asked("R6"))


# Files.


def test_files_come_from_what_is_kept_or_from_the_snapshot(there: Upstream) -> None:
    serve(there, HAS)
    packages = {text.split()[0]: locked(text) for text in HAS}
    several = layers(there)
    found = several.fetch(asked(), packages)
    assert {name: path.read_text() for name, path in found.items()} == {
        text.split()[0]: text for text in HAS
    }
    there.files.clear()
    assert several.fetch(asked(), packages) == found


def test_an_older_source_is_in_the_archive(there: Upstream) -> None:
    path = f"packagemanager/cran/latest/{SOURCES}/Archive/R6/R6_2.5.0.tar.gz"
    there.serve(path, "R6 2.5.0")
    older = {"R6": locked("R6 2.5.0", "latest", SOURCES)}
    assert layers(there).fetch(asked(), older)["R6"].read_text() == "R6 2.5.0"


def test_a_file_that_is_gone(there: Upstream) -> None:
    with pytest.raises(StepError) as caught:
        layers(there).fetch(asked(), {"R6": locked("R6 2.6.1")})
    assert str(caught.value) == (
        f"the snapshot {DAY} does not have {BINARIES}/R6_2.6.1.tar.gz any"
        " more, and there is no copy of it here\n  hint: run `builder lock --upgrade`"
    )


def test_another_file_is_refused(there: Upstream) -> None:
    serve(there, HAS)
    path = f"packagemanager/cran/{DAY}/{BINARIES}/R6_2.6.1.tar.gz"
    there.serve(path, "another")
    other = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(StepError) as caught:
        layers(there).fetch(asked(), {"R6": locked("R6 2.6.1")})
    assert str(caught.value) == (
        f"R6_2.6.1.tar.gz: http://{there.server.address}/{path}"
        " does not have the expected sha256\n"
        f"    expected {locked('R6 2.6.1').hash}\n    found    {other}\n"
        "  hint: it was replaced upstream, or the mirror serves another file; do not build with it"
    )


def test_a_snapshot_that_is_old_enough_is_taken(there: Upstream) -> None:
    serve(there, {"R6 2.5.0": ""}, OLD)
    serve(there, {"R6 2.6.1": ""})
    request = asked("R6", not_after="2026-11-19T00:00:00Z")
    assert layers(there).resolve(request) == {"R6": locked("R6 2.5.0", OLD)}
    assert layers(there).resolve(asked("R6")) == {"R6": locked("R6 2.6.1")}


def test_what_is_locked_of_a_younger_snapshot_stays(there: Upstream) -> None:
    serve(there, {"R6 2.5.0": "", "cli 3.6.4": ""}, OLD)
    serve(there, {"R6 2.6.1": "", "cli 3.6.5": ""})
    held = {"R6": locked("R6 2.6.1")}
    request = asked("R6", "cli", locked=held, not_after="2026-11-19T00:00:00Z")
    assert layers(there).resolve(request) == {**held, "cli": locked("cli 3.6.4", OLD)}


def test_a_mirror_whose_snapshots_are_all_too_young(there: Upstream) -> None:
    serve(there, {"R6 2.5.0": ""}, OLD)
    notes: list[str] = []
    resolver = RResolver(fetcher=there.fetcher(), note=notes.append)
    request = asked("R6", not_after="2026-11-01T00:00:00Z")
    assert resolver.resolve(request) == {"R6": locked("R6 2.5.0", OLD)}
    assert notes == ["packagemanager has no snapshot of 2026-11-01 or before: 2026-11-13 are taken"]


def test_a_snapshot_is_asked_again_for_each_file(there: Upstream) -> None:
    serve(there, HAS)
    held = {text.split()[0]: locked(text) for text in HAS}
    again = layers(there)
    assert again.differing(asked("dplyr"), held) == {}
    there.serve(f"packagemanager/cran/{DAY}/{BINARIES}/cli_3.6.5.tar.gz", "another")
    del there.files[f"/packagemanager/cran/{DAY}/{BINARIES}/R6_2.6.1.tar.gz"]
    another = hashlib.sha256(b"another").hexdigest()
    assert again.differing(asked("dplyr"), held) == {
        "cli": f"the index states sha256:{another}, not {held['cli'].digest}",
        "R6": "the index has it not",
    }
