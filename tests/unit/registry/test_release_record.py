"""Names and records of releases."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from builder.common.errors import ConfigError
from builder.lock import lockfile
from builder.lock.lockfile import Lock, VersionLock
from builder.registry import release_record
from builder.registry.release_record import ImageShare, Record, ReleasedChart, ReleasedTarget

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
    listed={"1.0.0": {"digest": "x", "created": "y", "manifest": "z"}},
)
LOCK = Lock(release_lines={"lang=1.10": VersionLock(version="1.10.4")})
RECORD = Record(
    catalog="shop",
    release="2026.11.23",
    previous=None,
    lock_data=lockfile.as_data(LOCK),
    targets={"desk/os=2": TARGET},
    charts={"desk": CHART},
    bases={"os=2@linux/amd64": "sha256:e"},
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


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"{", "not a release record: JSONDecodeError("),
        (b"{}", "not a release record: KeyError('format')"),
        (
            b'{"format": 1, "targets": {}, "charts": {}, "lock": {}}',
            "not a release record: TypeError(",
        ),
        (b'{"format": 1}', "not a release record: KeyError('targets')"),
        (b"[]", "not a release record: TypeError("),
        (b"[" * 100_000, "not a release record: RecursionError("),
        (b'{"format": 3}', "the release record has format 3, newer than this builder's 2"),
    ],
)
def test_what_is_no_record(data: bytes, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        release_record.parse(data)
    assert str(caught.value).startswith(text)


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
    older = replace(RECORD, lock_data={**RECORD.lock_data, "format": number})
    assert older.lock == LOCK
    assert release_record.same_content(RECORD, older)
    data = release_record.dump(older)
    assert json.loads(data)["lock"]["format"] == number
    assert release_record.dump(release_record.parse(data)) == data


DAMAGED = "its record in the registry is damaged: name another release"


@pytest.mark.parametrize(
    ("lock", "text", "hint"),
    [
        ([], "not a lock: it has no format", DAMAGED),
        ({}, "not a lock: it has no format", DAMAGED),
        ({"format": 3, "lines": {}, "layers": {}}, "not a lock: it lacks 'bases'", DAMAGED),
        ({"format": 99}, f"format 99 is newer than this builder's {lockfile.FORMAT}",
         "upgrade the builder"),
    ],
)  # fmt: skip
def test_a_damaged_lock_of_a_release(lock: object, text: str, hint: str) -> None:
    torn = release_record.parse(release_record.dump(replace(RECORD, lock_data=lock)))
    with pytest.raises(ConfigError) as caught:
        _ = torn.lock
    assert str(caught.value) == f"the lock of release 2026.11.23: {text}\n  hint: {hint}"


def test_shares_come_back_as_they_were() -> None:
    share = ImageShare(target="desk/os=2", recipe="desk", layers=2, size=9)
    record = replace(RECORD, targets={"desk/os=2": replace(TARGET, chain=(share,))})
    assert release_record.parse(release_record.dump(record)) == record
    data = release_record.dump(record).replace(b'"recipe": "desk",', b"")
    with pytest.raises(ConfigError) as caught:
        release_record.parse(data)
    assert str(caught.value) == "not a release record: KeyError('recipe')"
