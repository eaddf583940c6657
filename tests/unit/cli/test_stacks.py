"""Which releases of catalogs below came after those that are pinned."""

from __future__ import annotations

from builder.cli.stacks import passed_releases
from builder.diff.stacks import PassedRelease
from builder.lock.pinned import PinnedCatalog


def pin(release: str, day: str) -> PinnedCatalog:
    record = f"sha256:{release}" if release else ""
    source = {"git": "https://git.example/c.git"}
    return PinnedCatalog(source=source, content="", release=release, record=record, date=day)


def test_a_release_is_told_with_the_days_since_the_pinned_one() -> None:
    old, new = pin("2026.11.23", "2026-11-23"), pin("2026.12.07", "2026-12-07")
    commit = pin("", "2026-12-01")
    found = passed_releases(
        {"a": old, "b": old, "c": commit}, {"a": new, "b": old, "c": commit, "d": new}
    )
    assert found == (PassedRelease(catalog="a", release="2026.12.07", days=14),)
