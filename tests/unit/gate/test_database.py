"""The database of advisories."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from builder.common.errors import ConfigError, StepError
from builder.gate import database
from builder.gate.database import INDEX, Database, read_index, refresh
from tests.unit.gate.osv import export, record

ZERO = {"introduced": "0"}
TODAY = "2026-12-01"


def _records(number: int) -> list[dict[str, object]]:
    return [
        record(f"CVE-2026-{each}", "Debian:13", f"oak{each}", ZERO, {"fixed": "2"})
        for each in range(number)
    ]


def test_it_keeps_advisories_by_package(tmp_path: Path) -> None:
    index = refresh(tmp_path / "db", export(tmp_path / "osv", _records(12)), TODAY)
    assert (index.count, index.made, index.newest) == (12, TODAY, "2026-01-01")
    found = Database(tmp_path / "db")
    (advisory,) = found.of("Debian:13", "oak7")
    assert advisory.id == "CVE-2026-7"
    assert advisory.ranges[0].events == (("introduced", "0"), ("fixed", "2"))
    assert found.of("Debian:12", "oak7") == []
    found.close()


def test_it_reads_the_archives_of_an_export(tmp_path: Path) -> None:
    file = tmp_path / "osv/PyPI/all.zip"
    file.parent.mkdir(parents=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("PYSEC-1.json", json.dumps(record("PYSEC-1", "PyPI", "Oak_Tree", ZERO)))
        archive.writestr("README.txt", "other")
    refresh(tmp_path / "db", tmp_path / "osv", TODAY)
    assert [item.id for item in Database(tmp_path / "db").of("PyPI", "oak-tree")] == ["PYSEC-1"]


def test_an_archive_that_unpacks_to_too_much(tmp_path: Path) -> None:
    file = tmp_path / "osv/PyPI/all.zip"
    file.parent.mkdir(parents=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.json", b" " * (3 << 20))
    with pytest.raises(StepError, match=r"'bomb\.json' has more than is allowed"):
        refresh(tmp_path / "db", tmp_path / "osv", TODAY)


def test_an_archive_that_is_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "osv/PyPI/all.zip"
    file.parent.mkdir(parents=True)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("PYSEC-1.json", json.dumps(record("PYSEC-1", "PyPI", "oak", ZERO)))
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(StepError, match=r"PyPI/all\.zip cannot be read"):
        refresh(tmp_path / "db", tmp_path / "osv", TODAY)


def test_a_refresh_that_is_killed_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh(tmp_path / "db", export(tmp_path / "osv", _records(3)), TODAY)
    export(tmp_path / "osv", _records(5))
    for name in ("_fill", "_sha256", "write"):
        with monkeypatch.context() as patch:
            patch.setattr(database, name, _killed)
            with pytest.raises(KeyboardInterrupt):
                refresh(tmp_path / "db", tmp_path / "osv", "2026-12-02")
        assert read_index(tmp_path / "db").count == 3
        assert Database(tmp_path / "db").of("Debian:13", "oak1")
    assert refresh(tmp_path / "db", tmp_path / "osv", "2026-12-02").count == 5
    assert len(list((tmp_path / "db").iterdir())) == 2


def _killed(*_arguments: object) -> None:
    raise KeyboardInterrupt


def test_one_that_lost_more_than_a_tenth_is_refused(tmp_path: Path) -> None:
    refresh(tmp_path / "db", export(tmp_path / "osv", _records(20)), TODAY)
    with pytest.raises(StepError) as caught:
        refresh(tmp_path / "db", export(tmp_path / "less", _records(17)), TODAY)
    assert str(caught.value) == (
        f"{tmp_path / 'less'} has 17 records, and the database has 20\n"
        f"  hint: if that is right, delete {tmp_path / 'db' / INDEX} first"
    )
    assert refresh(tmp_path / "db", export(tmp_path / "fewer", _records(18)), TODAY).count == 18


def test_an_empty_export(tmp_path: Path) -> None:
    (tmp_path / "osv/Other").mkdir(parents=True)
    with pytest.raises(StepError, match="has no record of OSV"):
        refresh(tmp_path / "db", tmp_path / "osv", TODAY)


def test_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Database(tmp_path)
    assert str(caught.value) == (
        f"there is no database of advisories in {tmp_path}\n"
        "  hint: run `builder vulnerabilities --refresh FOLDER`"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [('"sha256": "', '"sha256": "0'), ('"file": "', '"file": "../'), ('"format": 1', '"format": 2'),
     ('"count"', '"number"')],
)  # fmt: skip
def test_one_that_is_not_what_its_index_says(tmp_path: Path, old: str, new: str) -> None:
    refresh(tmp_path / "db", export(tmp_path / "osv", _records(3)), TODAY)
    index = tmp_path / "db" / INDEX
    index.write_text(index.read_text().replace(old, new))
    with pytest.raises(ConfigError):
        Database(tmp_path / "db")
