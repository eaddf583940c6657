"""Names and records of releases."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from builder.common.errors import ConfigError
from builder.common.version import VERSION
from builder.lock import lockfile
from builder.lock.lockfile import Lock, VersionLock
from builder.registry import release_record
from builder.registry.release_record import (
    Adopted,
    ImageShare,
    MadeFrom,
    Record,
    ReleasedChart,
    ReleasedTarget,
    ReleasedVariant,
)

TARGET = ReleasedTarget(
    image="desk",
    digest="sha256:" + "a" * 64,
    size=12,
    fingerprint="b" * 64,
    parts={"lock": "c"},
    exact="lang1.10.4",
    rolling=("lang1.10.4", "latest"),
    since="2026.11.16",
    tests={"passed": 2, "failed": 0, "skipped": 0},
)
CHART = ReleasedChart(
    version="1.0.1",
    fingerprint="d" * 64,
    images=("r/desk:1",),
    values={"image": "object"},
    listed={
        "1.0.0": {"digest": "1" * 64, "created": "y", "manifest": "sha256:" + "2" * 64},
    },
)
LOCK = Lock(release_lines={"lang=1.10": VersionLock(version="1.10.4")})
RECORD = Record(
    catalog="shop",
    release="2026.11.23",
    previous=None,
    lock_data=lockfile.as_data(LOCK),
    targets={"desk/os=2": TARGET},
    charts={"desk": CHART},
    bases={"os=2@linux/amd64": "sha256:" + "e" * 64},
    blocked={"build:tool/os=2": "it failed"},
)


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ([], "2026.11.23"),
        (["2026.11.22", "2026.11.23.1"], "2026.11.23"),
        (["2026.11.23"], "2026.11.23.1"),
        (["2026.11.23", "2026.11.23.1", "2026.11.23.2"], "2026.11.23.3"),
    ],
)
def test_a_release_is_named_after_its_day(taken: list[str], name: str) -> None:
    assert release_record.name("2026-11-23", taken) == name
    assert release_record.is_name(name)


@pytest.mark.parametrize(
    "text", ["current", "2026.11.3", "2026.11.23.0", "2026.11.23.01", "v2026.11.23", "2026.11.23-x"]
)
def test_what_is_not_the_name_of_a_release(text: str) -> None:
    assert not release_record.is_name(text)


def test_the_day_of_a_release() -> None:
    assert RECORD.day == "2026-11-23"
    assert replace(RECORD, release="2026.11.23.4").day == "2026-11-23"


def test_a_record_comes_back_as_it_was() -> None:
    data = release_record.dump(RECORD)
    assert release_record.parse(data) == RECORD
    assert release_record.dump(release_record.parse(data)) == data


def test_a_record_says_what_it_was_made_from_and_which_images_were_adopted() -> None:
    adopted = Adopted(catalog="upstream", release="2026.11.16", reference="r/desk@" + TARGET.digest)
    source = MadeFrom(commit="1" * 40, content="sha256:" + "2" * 64, builder="0.2.0")
    record = replace(
        RECORD, source=source, targets={**RECORD.targets, "a": replace(TARGET, adopted=adopted)}
    )
    data = release_record.dump(record)
    assert release_record.parse(data) == record
    assert json.loads(data)["source"] == vars(source)
    built, taken = (json.loads(data)["targets"][key] for key in ("desk/os=2", "a"))
    assert "adopted" not in built
    assert taken["adopted"] == vars(adopted)


def test_a_record_of_format_3_does_not_say_what_it_was_made_from() -> None:
    data = json.loads(release_record.dump(RECORD)) | {"format": 3}
    del data["source"]
    assert release_record.parse(json.dumps(data).encode()) == RECORD


def test_a_record_says_what_was_measured_and_nothing_else() -> None:
    measured = replace(TARGET, memory=900, disk=7)
    record = replace(RECORD, targets={"a": measured, "b": TARGET})
    data = release_record.dump(record)
    assert release_record.parse(data) == record
    targets = json.loads(data)["targets"]
    assert (targets["a"]["memory"], targets["a"]["disk"]) == (900, 7)
    assert not targets["b"].keys() & {"memory", "disk"}


@pytest.mark.parametrize("value", [0, -1, True, "12", None])
def test_what_is_no_number_of_bytes(value: object) -> None:
    data = json.loads(release_record.dump(RECORD))
    data["targets"]["desk/os=2"]["memory"] = value
    with pytest.raises(ConfigError, match="is not a number of bytes"):
        release_record.parse(json.dumps(data).encode())


def test_a_record_of_format_4_has_nothing_measured() -> None:
    data = json.loads(release_record.dump(RECORD)) | {"format": 4}
    assert release_record.parse(json.dumps(data).encode()) == RECORD


def test_what_a_release_was_made_from_is_none_of_its_content() -> None:
    other = replace(RECORD, source=MadeFrom(commit="1" * 40, content="c", builder="0.2.0"))
    assert release_record.same_content(RECORD, other)


@pytest.mark.parametrize("number", [1, 2])
def test_a_record_of_an_older_format_is_read(number: int) -> None:
    share = ImageShare(target="base/os=2", recipe="base", layers=1, size=7)
    target = replace(TARGET, shares=(share,), tests_hash="abc")
    variant = ReleasedVariant(
        digest="sha256:" + "f" * 64, since="2026.11.23", targets={"linux/amd64": "a"}
    )
    record = replace(RECORD, targets={"a": target}, blocked={"variant:b": "it failed"})
    if number == 2:
        record = replace(record, variants={"a": variant})
    data = json.loads(release_record.dump(record)) | {
        "format": number,
        "blocked": {"cell:b": "it failed"},
    }
    variants = data.pop("variants")
    data |= {"cells": variants} if number == 2 else {}
    for item in data["targets"].values():
        item["chain"], item["suite"] = item.pop("shares"), item.pop("tests_hash")
    assert release_record.parse(json.dumps(data).encode()) == record


def test_a_record_of_a_newer_format_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        release_record.parse(b'{"format": 9}', "registry.example/releases:current")
    assert caught.value.exit_code == 2
    assert str(caught.value) == (
        "registry.example/releases:current: format 9 is newer than this builder's 5\n"
        f"  hint: this is builder {VERSION}: pip install --upgrade catalog-builder"
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            b"{",
            "the release record is not valid JSON: Expecting property name enclosed in double"
            " quotes (line 1, column 2)",
        ),
        (b"{}", "not a release record: KeyError('format')"),
        (
            b'{"format": 1, "targets": {}, "charts": {}, "bases": {}, "lock": {}, "blocked": {}}',
            "not a release record: TypeError(",
        ),
        (b'{"format": 1}', "not a release record: KeyError('targets')"),
        (b"[]", "not a release record: TypeError("),
        (b"[" * 100_000, "the release record has more than 64 levels"),
    ],
)
def test_what_is_no_record(data: bytes, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        release_record.parse(data)
    assert str(caught.value).startswith(f"release.json: {text}")


NO_DIGEST = "sha256:../../../etc/passwd"


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (("targets", "desk/os=2", "digest"), NO_DIGEST, f"'{NO_DIGEST}' is not a digest"),
        (("targets", "desk/os=2", "digest"), None, "None is not a digest"),
        (("targets", "desk/os=2", "exact"), "../../x", "'../../x' is not a tag"),
        (("targets", "desk/os=2", "rolling"), ["latest", "a/b"], "'a/b' is not a tag"),
        (("variants", "desk"), {"digest": "md5:1"}, "'md5:1' is not a digest"),
        (("bases", "os=2@linux/amd64"), "sha256:12", "'sha256:12' is not a digest"),
        (
            ("charts", "desk", "listed", "1.0.0", "manifest"),
            "../tags/list",
            "'../tags/list' is not a digest",
        ),
        (("charts", "desk", "listed", "1.0.0", "digest"), "x", "'sha256:x' is not a digest"),
    ],
)
def test_a_record_whose_digests_and_tags_are_paths_is_refused(
    path: tuple[str, ...], value: object, text: str
) -> None:
    data = json.loads(release_record.dump(RECORD))
    node = data
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(ConfigError) as caught:
        release_record.parse(json.dumps(data).encode())
    assert str(caught.value) == f"release.json: not a release record: ValueError({text!r})"


@pytest.mark.parametrize(
    ("name", "version"), [("../../desk", "1.0.0"), ("desk", "1/../../x"), ("", ""), ("desk", "1\n")]
)
def test_a_chart_whose_name_or_version_is_a_path_is_refused(name: str, version: str) -> None:
    listed = {version: CHART.listed["1.0.0"]}
    data = release_record.dump(replace(RECORD, charts={name: replace(CHART, listed=listed)}))
    with pytest.raises(ConfigError) as caught:
        release_record.parse(data)
    message = f"chart {name!r} has a version {version!r}"
    assert str(caught.value) == f"release.json: not a release record: ValueError({message!r})"


def test_the_tags_that_never_move() -> None:
    fingerprint = "fp-" + "b" * 32
    assert TARGET.immutable("2026.11.23") == (
        fingerprint, "lang1.10.4-2026.11.23", "lang1.10.4-2026.11.16",
    )  # fmt: skip
    assert TARGET.immutable("2026.11.16") == (fingerprint, "lang1.10.4-2026.11.16")


def test_records_are_the_same_when_they_offer_the_same() -> None:
    other = replace(RECORD, release="2026.11.30", previous="2026.11.23")
    assert release_record.same_content(RECORD, other)
    moved = replace(TARGET, digest="sha256:" + "f" * 64)
    assert not release_record.same_content(RECORD, replace(RECORD, targets={"desk/os=2": moved}))
    renamed = replace(TARGET, rolling=("latest",))
    assert not release_record.same_content(RECORD, replace(RECORD, targets={"desk/os=2": renamed}))
    for part in ("bases", "blocked", "charts"):
        assert not release_record.same_content(RECORD, replace(RECORD, **{part: {}}))
    unlocked = replace(RECORD, lock_data=lockfile.as_data(Lock()))
    assert not release_record.same_content(RECORD, unlocked)


def test_the_lock_of_a_release() -> None:
    assert RECORD.lock == LOCK
    assert release_record.parse(release_record.dump(RECORD)).lock == LOCK


@pytest.mark.parametrize("number", range(1, lockfile.FORMAT))
def test_a_lock_of_an_older_format_is_read_and_written_as_it_is(number: int) -> None:
    data = lockfile.as_data(LOCK)
    names = ("lines", "layers") if number < 4 else ("release_lines", "package_sets")
    former = dict(zip(names, (data["release_lines"], data["package_sets"]), strict=True))
    older = replace(RECORD, lock_data={"format": number, "bases": data["bases"], **former})
    assert older.lock == LOCK
    assert release_record.same_content(RECORD, older)
    text = release_record.dump(older)
    assert json.loads(text)["lock"]["format"] == number
    assert release_record.dump(release_record.parse(text)) == text


DAMAGED = "its record in the registry is damaged: name another release"


@pytest.mark.parametrize(
    ("lock", "text", "hint"),
    [
        ([], "not a lock: it has no format", DAMAGED),
        ({}, "not a lock: it has no format", DAMAGED),
        ({"format": 3, "lines": {}, "layers": {}}, "not a lock: it lacks 'bases'", DAMAGED),
        ({"format": 99}, f"format 99 is newer than this builder's {lockfile.FORMAT}",
         f"this is builder {VERSION}: pip install --upgrade catalog-builder"),
    ],
)  # fmt: skip
def test_a_damaged_lock_of_a_release(lock: object, text: str, hint: str) -> None:
    torn = release_record.parse(release_record.dump(replace(RECORD, lock_data=lock)))
    with pytest.raises(ConfigError) as caught:
        _ = torn.lock
    assert str(caught.value) == f"the lock of release 2026.11.23: {text}\n  hint: {hint}"


def test_shares_come_back_as_they_were() -> None:
    share = ImageShare(target="desk/os=2", recipe="desk", layers=2, size=9)
    record = replace(RECORD, targets={"desk/os=2": replace(TARGET, shares=(share,))})
    assert release_record.parse(release_record.dump(record)) == record
    data = release_record.dump(record).replace(b'"recipe": "desk",', b"")
    with pytest.raises(ConfigError) as caught:
        release_record.parse(data)
    assert str(caught.value) == "release.json: not a release record: KeyError('recipe')"
