"""Releases and images that a person names, compared; and why a package is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.catalog.packages import Package, PackageList
from builder.common.errors import ConfigError, SelectionError
from builder.diff.compare import Difference
from builder.diff.history import History
from builder.diff.operands import Comparison
from builder.diff.why import Answer, Provenance
from builder.lock.lockfile import Lock
from builder.oci.reference import parse
from builder.registry.interfaces import Artifact, Blob
from builder.registry.release_record import FILE, KIND
from builder.registry.release_record import dump as dump_record
from tests.fakes.catalog import ARM, BOTH, LOCK, Folder, Week, lines
from tests.fakes.layout import write_layout
from tests.fakes.releases import change, record

MONDAYS = ("2026-11-16", "2026-11-23", "2026-11-30")
FIRST, SECOND = "2026.11.16", "2026.11.23"
DESK = "desk/os=1,lang=1.9"


def packages(**versions: str) -> PackageList:
    return {"apt": {name: Package(version=version, size=1) for name, version in versions.items()}}


def history(week: Week) -> History:
    return History(catalog=week.folder.load().catalog, store=week.store)


def differ(week: Week, old: str, new: str, locks: Mapping[str, Lock] | None = None) -> Difference:
    return Comparison(
        catalog=week.folder.load().catalog,
        history=history(week),
        store=week.store,
        read_lock=(locks or {}).get,
    ).compare(old, new)


def why(week: Week, package: str, image: str | None = None) -> Answer:
    project = week.folder.load()
    project = replace(project, lock=week.lock)
    return Provenance(project=project, history=history(week)).why(package, image)


@pytest.fixture(scope="module")
def two_weeks(tmp_path_factory: pytest.TempPathFactory) -> Week:
    """Two weeks: in the second, speech and desk are built again, with a newer lang and a lamp."""
    week = Week(folder=Folder(tmp_path_factory.mktemp("weeks") / "catalog"))
    week.smoke.installed = packages(tar="1", lang="1")
    week.go_by(today=MONDAYS[0])
    for recipe in ("speech", "desk"):
        week.folder.edit(f"images/{recipe}/Dockerfile.j2", "FROM", "ENV WORDS=many\nFROM")
    week.smoke.installed = packages(tar="1", lang="2", lamp="1")
    week.go_by(today=MONDAYS[1])
    return week


@pytest.fixture
def weeks(two_weeks: Week, tmp_path: Path) -> Week:
    """The same two weeks, for one test to change."""
    return two_weeks.twin(tmp_path / "catalog")


def test_two_releases(weeks: Week) -> None:
    found = differ(weeks, FIRST, "current")
    assert (found.old, found.new, found.noun) == (FIRST, SECOND, "target")
    names = ("speech/os=1,lang=1.9", "speech/os=2,lang=1.10", DESK, "desk/os=2,lang=1.10")
    assert found.changed == names
    assert (found.same, found.added, found.removed) == (4, (), ())
    assert [(it.name, it.before, it.after, it.targets) for it in found.packages] == [
        ("lamp", None, "1", names),
        ("lang", "1", "2", names),
    ]
    assert [(it.group, it.name, it.before, it.after) for it in found.config] == [
        ("ENV", "WORDS", None, "many")
    ]
    assert [(it.name, it.before, it.after) for it in found.others] == [("desk", "1.0.0", "1.0.1")]
    assert (found.unknown, found.unconfigured) == ((), ())


def test_only_of_what_differs_is_more_read_than_the_records(weeks: Week) -> None:
    weeks.store.calls.clear()
    differ(weeks, FIRST, SECOND)
    asked = weeks.store.called("get")
    assert len(asked) == 2 + 2 * 4
    assert not any("shop-base" in name or "shop-tool" in name for name in asked)
    assert weeks.store.writes == []
    assert {name for name, _ in weeks.store.calls} == {"get", "configs"}


def test_an_unchanged_week(week: Week) -> None:
    week.go_by(today=MONDAYS[0])
    week.go_by(today=MONDAYS[1])
    assert differ(week, FIRST, SECOND).is_empty


def test_evidence_and_images_that_are_gone(weeks: Week) -> None:
    old = record(weeks, FIRST).targets[DESK]
    place = f"127.0.0.1:5999/shop-desk:fp-{old.fingerprint[:32]}"
    del weeks.store.named[f"{place}.evidence"]
    del weeks.store.artifacts[f"127.0.0.1:5999/shop-desk@{old.digest}"]
    found = differ(weeks, FIRST, SECOND)
    assert (found.unknown, found.unconfigured) == ((DESK,), (DESK,))
    assert DESK not in found.packages[0].targets


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"desk:lang1.9.7-{FIRST}", "desk:lang1.9"),
        (f"127.0.0.1:5999/shop-desk:lang1.9.7-{FIRST}", "desk:lang1.9"),
        (f"desk:lang1.9.7-{FIRST}", SECOND),
        (FIRST, "desk:lang1.9"),
    ],
)
def test_an_image_by_its_tag(weeks: Week, old: str, new: str) -> None:
    found = differ(weeks, old, new)
    assert (found.old, found.new, found.noun) == (old, new, "image")
    assert found.changed == (DESK,)
    assert [(it.name, it.before, it.after) for it in found.packages] == [
        ("lamp", None, "1"), ("lang", "1", "2"),
    ]  # fmt: skip
    assert [it.name for it in found.config] == ["WORDS"]
    assert found.sizes[0].layers == (1, 1)


def test_an_image_by_its_digest(weeks: Week) -> None:
    old, new = (record(weeks, name).targets[DESK].digest for name in (FIRST, SECOND))
    for left, right in ((old, new), (old[:20], f"desk@{new}")):
        found = differ(weeks, left, right)
        assert (found.changed, len(found.packages)) == ((DESK,), 2)


def test_two_images_that_have_little_in_common(weeks: Week) -> None:
    found = differ(weeks, "desk:lang1.9", "desk:lang1.10")
    assert found.changed == ("desk/os=2,lang=1.10",)
    assert found.packages == ()
    assert (found.added, found.removed) == ((), ())


def test_an_image_that_no_release_has(weeks: Week) -> None:
    layout = weeks.state / "other"
    digest = write_layout(layout, b"other")
    weeks.store.push(layout, parse("127.0.0.1:5999/shop-desk:mine"))
    found = differ(weeks, "desk:lang1.9", "desk:mine")
    assert found.changed == ("linux/amd64",)
    assert found.unknown == ("linux/amd64",)
    assert found.unconfigured == ()
    # Under its fp-tag, or another beside it, what it holds may be known all the same.
    fp = "127.0.0.1:5999/shop-desk:fp-" + "0" * 32
    weeks.store.push(layout, parse(fp))
    evidence = f"fp-{record(weeks).targets[DESK].fingerprint[:32]}.evidence"
    weeks.store.copy(parse(f"127.0.0.1:5999/shop-desk:{evidence}"), parse(f"{fp}.evidence"))
    for name in ("desk:mine", "desk:fp-" + "0" * 32, f"127.0.0.1:5999/shop-desk@{digest}"):
        found = differ(weeks, f"desk:lang1.9.7-{FIRST}", name)
        assert [it.name for it in found.packages] == ["lamp", "lang"], name


def test_an_index_is_all_its_images(folder: Folder) -> None:
    folder.for_platforms("linux/amd64", ARM)
    week = Week(folder=folder, lock=BOTH)
    week.go_by(today=MONDAYS[0])
    change(week)
    week.go_by(today=MONDAYS[1])
    variants = [record(week, name).variants[DESK] for name in (FIRST, SECOND)]
    for old, new in (
        (f"desk:lang1.9.7-{FIRST}", "desk:lang1.9"),
        (variants[0].digest, variants[1].digest),
    ):
        found = differ(week, old, new)
        assert (found.old, found.new) == (old, new)
        assert found.changed == ("linux/amd64", ARM)
        assert (found.unknown, found.packages) == ((), ())
    assert differ(week, SECOND, "desk:lang1.9").is_empty


def test_locks_and_releases(weeks: Week) -> None:
    newer = replace(LOCK, release_lines=lines({"lang=1.10": "1.10.5", "lang=1.9": "1.9.7"}))
    locks = {"old.lock": LOCK, "matrix.lock": newer}
    for old, new in (("old.lock", "matrix.lock"), (FIRST, "matrix.lock")):
        (line,) = differ(weeks, old, new, locks).others
        assert (line.name, line.before, line.after) == ("lang=1.10", "1.10.4", "1.10.5")
    assert differ(weeks, "old.lock", "current", locks).is_empty


NO_PAIR = (
    "a lock and an image cannot be compared\n"
    "  hint: name two locks, two images, or a release on one side"
)
MISTAKES: list[tuple[str, str, str]] = [
    ("2026.11.17", "current",
     "there is no release 2026.11.17\n  hint: did you mean 2026.11.16 or 2026.11.23?"),
    ("dsk:lang1.9", "current",
     "'dsk:lang1.9' is not a release, a lock, a tag or a digest\n  hint: did you mean desk?"),
    ("matrix.lok", "current",
     "'matrix.lok' is not a release, a lock, a tag or a digest\n"
     "  hint: known: current, 2026.11.16, 2026.11.23, base, tool, speech, desk"),
    ("desk", "current", "'desk' names no tag\n  hint: desk:TAG, or desk@sha256:…"),
    ("127.0.0.1:5999/shop-desk", "current",
     "'127.0.0.1:5999/shop-desk' names no tag\n"
     "  hint: 127.0.0.1:5999/shop-desk:TAG, or 127.0.0.1:5999/shop-desk@sha256:…"),
    ("desk:lang1.8", "current",
     "127.0.0.1:5999/shop-desk:lang1.8 is not in the registry\n"
     "  hint: did you mean lang1.9 or lang1.10 or lang1.9.7?"),
    ("sha256:0000000", "current",
     "no release has an image sha256:0000000\n"
     "  hint: name its repository too: IMAGE@sha256:…"),
    ("desk:lang1.9", "a.lock", NO_PAIR),
    ("a.lock", "desk:lang1.9", NO_PAIR),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "text"), MISTAKES)
def test_names_of_nothing(weeks: Week, old: str, new: str, text: str) -> None:
    with pytest.raises(SelectionError) as caught:
        differ(weeks, old, new, {"a.lock": LOCK})
    assert str(caught.value) == text


def test_a_name_that_is_not_a_reference(weeks: Week) -> None:
    with pytest.raises(ConfigError) as caught:
        differ(weeks, "127.0.0.1:5999/Desk:x", "current")
    assert str(caught.value).startswith("not an image reference: '127.0.0.1:5999/Desk:x'")


def test_before_the_first_release(week: Week) -> None:
    for ask in (lambda: differ(week, FIRST, "current"), lambda: why(week, "tar")):
        with pytest.raises(SelectionError) as caught:
            ask()
        assert str(caught.value) == "there is no release yet\n  hint: run `builder weekly`"


def test_what_is_not_an_image(weeks: Week) -> None:
    weeks.store.put(Artifact(kind="x/y", files={}), parse("127.0.0.1:5999/shop-desk:thing"))
    with pytest.raises(SelectionError) as caught:
        differ(weeks, "desk:thing", "current")
    assert str(caught.value) == "127.0.0.1:5999/shop-desk:thing is not an image"


def test_an_image_that_the_other_release_has_not(weeks: Week) -> None:
    layout = weeks.state / "other"
    write_layout(layout, b"other")
    weeks.store.push(layout, parse("127.0.0.1:5999/shop-desk:mine"))
    with pytest.raises(SelectionError) as caught:
        differ(weeks, "desk:mine", SECOND)
    assert str(caught.value) == f"release {SECOND} has no image like desk:mine"


def test_a_target_that_the_other_release_has_not(week: Week) -> None:
    week.smoke.rejects = {DESK}
    week.go_by(today=MONDAYS[0])
    week.smoke.rejects = set()
    week.go_by(today=MONDAYS[1])
    with pytest.raises(SelectionError) as caught:
        differ(week, FIRST, "desk:lang1.9")
    assert str(caught.value) == f"release {FIRST} has no target {DESK}"


# Why a package is there.


def test_since_when_a_package_has_its_version(weeks: Week) -> None:
    (lang,) = why(weeks, "lang", DESK).reasons
    assert (lang.ecosystem, lang.version) == ("apt", "2")
    assert (lang.since.release, lang.since.before, lang.since.is_first) == (SECOND, "1", False)
    (lamp,) = why(weeks, "lamp", DESK).reasons
    assert (lamp.since.release, lamp.since.before) == (SECOND, "")
    (tar,) = why(weeks, "tar", DESK).reasons
    assert (tar.since.release, tar.since.is_first) == (FIRST, True)


def test_since_when_where_older_releases_are_gone(weeks: Week) -> None:
    weeks.go_by(today=MONDAYS[2])
    del weeks.store.named[f"127.0.0.1:5999/shop-releases:{FIRST}"]
    (tar,) = why(weeks, "tar", DESK).reasons
    assert (tar.since.release, tar.since.before, tar.since.is_first) == (SECOND, None, False)


def test_since_when_where_older_evidence_is_gone(weeks: Week) -> None:
    old = record(weeks, FIRST).targets[DESK]
    place = f"127.0.0.1:5999/shop-desk:fp-{old.fingerprint[:32]}.evidence"
    del weeks.store.named[place]
    (tar,) = why(weeks, "tar", DESK).reasons
    assert (tar.since.release, tar.since.before) == (SECOND, None)


def test_a_target_that_is_newer_than_the_first_release(week: Week) -> None:
    week.smoke.rejects = {DESK}
    week.go_by(today=MONDAYS[0])
    week.smoke.rejects = set()
    week.go_by(today=MONDAYS[1])
    (tar,) = why(week, "tar", DESK).reasons
    assert (tar.since.release, tar.since.before, tar.since.is_first) == (SECOND, "", False)


def test_what_brought_a_package(week: Week) -> None:
    installed = packages(tar="1", libc="2", lang="1", words="1", desk="1")

    has = {"base": 2, "tool": 2, "speech": 4, "desk": 5}
    test = week.smoke.test

    def grow(request: Any) -> Any:
        names = list(installed["apt"])[: has[request.target.partition("/")[0]]]
        week.smoke.installed = {"apt": {name: installed["apt"][name] for name in names}}
        return test(request)

    week.smoke.test = grow  # type: ignore[method-assign]
    week.go_by(today=MONDAYS[0])

    def brought(package: str) -> tuple[str, str, str, tuple[str, ...]]:
        (found,) = why(week, package, DESK).reasons
        return found.introduced_by, found.recipe, found.base, found.named

    assert brought("tar") == ("base", "base", "os=1@linux/amd64", ("base",))
    assert brought("libc") == ("base", "base", "os=1@linux/amd64", ())
    assert brought("lang") == ("speech", "speech", "", ("speech",))
    assert brought("words") == ("speech", "speech", "", ())
    assert brought("desk") == ("desk", "desk", "", ("desk",))
    assert [it.target for it in why(week, "libc").reasons] == [
        "base/os=1", "base/os=2", "speech/os=1,lang=1.9", "speech/os=2,lang=1.10",
        "tool/os=1", "tool/os=2", DESK, "desk/os=2,lang=1.10",
    ]  # fmt: skip
    assert {it.image for it in why(week, "words", "speech").reasons} == {"speech"}


def test_an_image_that_was_built_under_another_name(weeks: Week) -> None:
    found = history(weeks)
    current = found.record("current")
    share = replace(current.targets[DESK].shares[-1], target="table/os=1,lang=1.9")
    renamed = replace(current.targets[DESK], shares=(*current.targets[DESK].shares[:-1], share))
    kept = replace(current, targets={**current.targets, DESK: renamed})
    files = {FILE: Blob(kind="application/json", data=dump_record(kept))}
    place = parse("127.0.0.1:5999/shop-releases:current")
    weeks.store.put(Artifact(kind=KIND, files=files), place)
    (tar,) = why(weeks, "tar", DESK).reasons
    assert (tar.introduced_by, tar.version) == ("base", "1")


def test_names_of_python_are_the_same_however_they_are_written(week: Week) -> None:
    week.folder.edit("images/base/recipe.yaml", "apt: [tar, grep]",
                     "apt: [tar]\n  pip: ['Lips.Sum[all]>=2']")  # fmt: skip
    week.folder.edit("images/_macros/install.j2", "packages.apt", "(packages.apt or packages.pip)")
    week.smoke.installed = {
        "apt": {"lips-sum": Package(version="1", size=1)},
        "pip": {"lips_sum": Package(version="2", size=1)},
    }
    week.go_by(today=MONDAYS[0])
    (found,) = why(week, "LIPS-sum", "base/os=1").reasons
    assert (found.ecosystem, found.package, found.named) == ("pip", "lips_sum", ("base",))
    assert len(why(week, "lips-sum", "base/os=1").reasons) == 2


WHY_NOT: list[tuple[str, str | None, str]] = [
    ("lmp", None, "release 2026.11.23 has no package 'lmp'\n  hint: did you mean lamp?"),
    ("lmp", "desk",
     "desk of release 2026.11.23 has no package 'lmp'\n  hint: did you mean lamp?"),
    ("tar", "dsk", "release 2026.11.23 has no image 'dsk'\n  hint: did you mean desk?"),
    ("tar", "desk/os=3,lang=1.9",
     "release 2026.11.23 has no image 'desk/os=3,lang=1.9'\n"
     "  hint: did you mean desk/os=1,lang=1.9 or desk/os=2,lang=1.10 or speech/os=1,lang=1.9?"),
]  # fmt: skip


@pytest.mark.parametrize(("package", "image", "text"), WHY_NOT)
def test_packages_and_images_that_are_not_there(
    weeks: Week, package: str, image: str | None, text: str
) -> None:
    with pytest.raises(SelectionError) as caught:
        why(weeks, package, image)
    assert str(caught.value) == text


def test_images_without_evidence(weeks: Week) -> None:
    for target in record(weeks).targets.values():
        if target.image == "desk":
            tag = f"fp-{target.fingerprint[:32]}.evidence"
            del weeks.store.named[f"127.0.0.1:5999/shop-desk:{tag}"]
    assert why(weeks, "lamp").unknown == (DESK, "desk/os=2,lang=1.10")
    with pytest.raises(SelectionError) as caught:
        why(weeks, "lamp", "desk")
    assert str(caught.value) == "the packages of desk of release 2026.11.23 are not known"
