"""How long the gate takes: the whole catalog against 200,000 records."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.gate.database import Database, refresh
from builder.gate.matching import query_of
from builder.gate.survey import survey
from builder.oci.reference import parse
from builder.sbom import cyclonedx
from builder.sbom.lineage import Lineages, Made
from tests.fakes.this_catalog import this_catalog
from tests.unit.gate.osv import record
from tests.unit.sbom.lineages import STATUS

RECORDS = 200_000
LIMIT = 10.0
LARGEST = 2.0


def _lineages() -> Lineages:
    project = this_catalog()
    assert project.lock is not None
    made = {
        key: Made(reference=parse(f"registry.example/{number}"), fingerprint=f"{number:064x}")
        for number, key in enumerate(project.expansion.targets)
    }
    return Lineages(
        catalog=project.catalog, expansion=project.expansion, lock=project.lock, made=made,
        status=lambda _base: STATUS,
    )  # fmt: skip


def _records(names: list[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """Records of the catalog's own packages, each with some, and of others."""
    for number in range(RECORDS):
        ecosystem, name = names[number % len(names)]
        own = name if number < RECORDS // 2 else f"{name}-{number}"
        events = ({"introduced": "0"}, {"fixed": f"0.{number % 97}.1"})
        yield record(f"CVE-2026-{number}", ecosystem, own, *events, word="HIGH")


@pytest.mark.heavy
def test_the_whole_catalog_against_200_000_records(tmp_path: Path) -> None:
    lineages = _lineages()
    contained = lineages.contained(this_catalog().expansion.targets)
    queries = [query_of(item.component.purl, item.component.source_purl) for item in contained]
    names = sorted({(query.ecosystem, query.name) for query in queries if query})
    by_ecosystem: dict[str, zipfile.ZipFile] = {}
    for item in _records(names):
        ecosystem = item["affected"][0]["package"]["ecosystem"]
        if ecosystem not in by_ecosystem:
            (tmp_path / "osv" / ecosystem).mkdir(parents=True)
            file = tmp_path / "osv" / ecosystem / "all.zip"
            by_ecosystem[ecosystem] = zipfile.ZipFile(file, "w")
        by_ecosystem[ecosystem].writestr(f"{item['id']}.json", json.dumps(item))
    for archive in by_ecosystem.values():
        archive.close()
    start = time.perf_counter()
    assert refresh(tmp_path / "db", tmp_path / "osv", "2026-12-01").count == RECORDS
    refreshed = time.perf_counter() - start
    database = Database(tmp_path / "db")
    start = time.perf_counter()
    found = survey(_lineages().contained(this_catalog().expansion.targets), database)
    seconds = time.perf_counter() - start
    print(f"{found.asked} packages, {len(found.found)} findings in {seconds:.1f} s;"
          f" {RECORDS:,} records read in {refreshed:.1f} s")  # fmt: skip
    assert found.asked > 1_500
    assert found.found
    assert seconds < LIMIT


@pytest.mark.heavy
def test_the_document_of_the_largest_image() -> None:
    project = this_catalog()
    sizes: dict[str, float] = {}
    assert project.lock is not None
    for key, target in project.expansion.targets.items():
        if project.expansion.base_of(target).id not in project.lock.bases:
            continue  # a mirrored image that is not locked yet
        start = time.perf_counter()
        cyclonedx.dump(_lineages().sbom(target))
        sizes[key] = time.perf_counter() - start
    slowest = max(sizes, key=lambda key: sizes[key])
    print(
        f"{slowest}: {sizes[slowest]:.2f} s; {len(sizes)} documents in {sum(sizes.values()):.1f} s"
    )
    assert sizes[slowest] < LARGEST
