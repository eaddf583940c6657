"""`builder vulnerabilities`: what it prints, and how it ends, on registries in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.adapters import Replaced
from builder.catalog.packages import LockedPackage
from builder.lock import lockfile
from builder.lock.lockfile import PackageSet
from builder.registry import release_record
from builder.registry.release_record import CURRENT, FILE
from builder.release.commit import Records
from tests.cli.conftest import Run
from tests.fakes.catalog import Week
from tests.unit.gate.osv import export, record

PURL = "pkg:deb/debian/tar@1.35?distro=trixie"


@pytest.fixture
def released(week: Week, replaced: Replaced) -> Week:
    """A week, in the registry that commands get; its lock and its record have a package."""
    replaced.update(week.fakes)
    week.go_by()
    tar = LockedPackage(
        version="1.35", digest=f"sha256:{'a' * 64}", source="two",
        file="pool/main/t/tar/tar_1.35_amd64.deb",
    )  # fmt: skip
    sets = {"base/os=2": PackageSet(epoch=1, request="", packages={"apt": {"tar": tar}})}
    lock = replace(week.lock, package_sets=sets)
    week.folder.write("matrix.lock", lockfile.dump(lock))
    records = Records(catalog=week.folder.load().catalog, store=week.store)
    record = records.current()
    assert record is not None
    current = records.repository.with_tag(CURRENT)
    old = week.store.get(current)
    assert old is not None
    data = replace(
        old.files[FILE], data=release_record.dump(replace(record, lock_data=lockfile.as_data(lock)))
    )
    week.store.put(replace(old, files={**old.files, FILE: data}), current)
    return week


@pytest.fixture
def osv(tmp_path: Path) -> Path:
    """An export with an advisory for that package."""
    events = ({"introduced": "0"}, {"fixed": "1.36"})
    return export(
        tmp_path / "osv",
        [record("CVE-2026-1", "Debian", "tar", *events, word="CRITICAL", summary="Bad tar")],
    )


def _mode(week: Week, mode: str) -> None:
    text = (week.folder.root / "matrix.yaml").read_text()
    week.folder.write("matrix.yaml", f"{text}\nsecurity: {{mode: {mode}}}\n")


def test_it_reports_by_package(released: Week, run: Run, osv: Path) -> None:
    done = run("vulnerabilities", "--refresh", str(osv))
    assert done.code == 0
    assert done.err == "vulnerabilities: 1 record, the newest of 2026-01-01\n"
    head, row, last = done.out.splitlines()
    assert head.split() == ["severity", "package", "finding", "fixed", "in", "since", "images",
                            "what", "becomes", "of", "it"]  # fmt: skip
    assert row.split() == [
        "critical", "deb/tar@1.35", "CVE-2026-1", "1.36", "2026-01-01", "4", "reported",
    ]  # fmt: skip
    assert last.endswith("by 1 record until 2026-01-01; 0 images held back")


def test_it_ends_with_10_where_something_is_held_back(released: Week, run: Run, osv: Path) -> None:
    _mode(released, "strict")
    done = run("vulnerabilities", "--refresh", str(osv), "--format", "json")
    assert done.code == 10
    data = json.loads(done.out)
    assert "base/os=2" in data["blocked"]
    assert data["findings"][0]["mend"] == "`builder lock --upgrade tar` rebuilds 4 images"
    assert run("vulnerabilities", "--released", "--format", "markdown").code == 10


def test_what_is_offered_already_is_no_reason_to_hold_its_successor_back(
    released: Week, run: Run, osv: Path
) -> None:
    _mode(released, "regress")
    done = run("vulnerabilities", "--refresh", str(osv))
    assert (done.code, done.out.splitlines()[1].split()[-1]) == (0, "known")


def test_a_document_of_anybody(released: Week, run: Run, osv: Path, tmp_path: Path) -> None:
    _mode(released, "strict")
    file = tmp_path / "bom.json"
    file.write_text(json.dumps({"bomFormat": "CycloneDX", "components": [{"purl": PURL}, 1, {}]}))
    done = run("vulnerabilities", "--refresh", str(osv), "--sbom", str(file))
    assert done.code == 10
    assert "deb/tar@1.35" in done.out
    file.write_text("{}")
    assert run("vulnerabilities", "--sbom", str(file)) == (
        2,
        "",
        f"error: {file} is not a document in CycloneDX\n  hint: `builder sbom IMAGE` writes one\n",
    )


def test_there_is_no_database(released: Week, run: Run) -> None:
    done = run("vulnerabilities")
    assert done.code == 2
    assert done.err.endswith("  hint: run `builder vulnerabilities --refresh FOLDER`\n")


def test_an_old_database_is_named(released: Week, run: Run, osv: Path) -> None:
    run("vulnerabilities", "--refresh", str(osv), "--today", "2026-11-19")
    done = run("vulnerabilities", "--today", "2026-11-23")
    assert done.err == "vulnerabilities: the database is of 2026-11-19: refresh it\n"
