"""Where the content of a locked base is had from, for apt's private root."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.models import Base, Network, Source
from builder.catalog.packages import Suite
from builder.common.errors import GoneError
from builder.lock.lockfile import BaseLock
from builder.oci.layout import layers_in
from builder.oci.reference import parse
from builder.resolvers.base_images.apt_roots import AptRoots, BaseArchives
from tests.fakes.layout import write_layout
from tests.fakes.programs import FakePrograms
from tests.fakes.store import FakeStore

BASE = Base(id="os=1@linux/amd64", axis="os", value="1", platform="linux/amd64")
LOCK = BaseLock(source=Source(bootstrap="one"), content="sha256:" + "1" * 64, epoch=1)
NETWORK = Network()
PLACE = parse("127.0.0.1:5999/shop-os:fp-1")


class Kept:
    """What is here; `fetch` brings it."""

    def __init__(self, *paths: Path) -> None:
        self.paths = paths
        self.fetched = 0
        self.told: list[str] = []

    def of(self, _lock: BaseLock) -> tuple[Path, ...]:
        return self.paths

    def fetch(self, _base: Base, _lock: BaseLock) -> None:
        self.fetched += 1
        self.paths = (Path("bootstrapped"),)


def archives(kept: Kept, store: FakeStore, folder: Path) -> BaseArchives:
    return BaseArchives(
        cached=kept.of,
        fetch=kept.fetch,
        store=store,
        reference=lambda _base, _lock: PLACE,
        folder=folder,
        note=kept.told.append,
    )


def test_what_is_here_is_taken(tmp_path: Path) -> None:
    store = FakeStore()
    assert archives(Kept(Path("here")), store, tmp_path).of(BASE, LOCK) == (Path("here"),)
    assert store.calls == []


def test_what_the_registry_has_is_fetched_once(tmp_path: Path) -> None:
    store, kept = FakeStore(), Kept()
    layout = tmp_path / "layout"
    write_layout(layout, b"a base")
    store.push(layout, PLACE)
    found = archives(kept, store, tmp_path / "pushed").of(BASE, LOCK)
    assert [path.name for path in found] == [
        layer.digest.partition(":")[2] for layer in layers_in(layout)
    ]
    assert all(path.is_file() for path in found)
    assert archives(kept, store, tmp_path / "pushed").of(BASE, LOCK) == found
    assert len(store.called("blob")) == len(found)
    assert (kept.fetched, kept.told) == (0, [])


@pytest.mark.parametrize("again", [1, 2])
def test_else_it_comes_from_its_own_source(tmp_path: Path, again: int) -> None:
    kept = Kept()
    found = archives(kept, FakeStore(), tmp_path)
    for _ in range(again):
        assert found.of(BASE, LOCK) == (Path("bootstrapped"),)
    assert kept.fetched == 1


def told(lock: BaseLock, folder: Path) -> list[str]:
    kept = Kept()
    archives(kept, FakeStore(), folder).of(BASE, lock)
    return kept.told


def test_what_to_run_is_told_before_the_wait(tmp_path: Path) -> None:
    suites = {day: Suite(date=f"2026-11-{day}T03:00:00Z", sha256="") for day in ("16", "23")}
    assert told(replace(LOCK, suites=suites), tmp_path) == [
        "base os=1@linux/amd64: neither here nor in the catalog's registry;"
        " asking bootstrap one (locked as of 2026-11-23). If its archive has changed since then,"
        " run `builder lock --upgrade os=1` to lock the current content"
    ]
    assert "(locked as of" not in told(LOCK, tmp_path)[0]
    source = Source(registry="example.org/os:1")
    assert told(replace(LOCK, source=source), tmp_path) == [
        "base os=1@linux/amd64: neither here nor in"
        " the catalog's registry; asking registry example.org/os:1"
    ]


def test_a_base_that_cannot_be_had_is_tried_once_and_told_to_all(tmp_path: Path) -> None:
    programs = FakePrograms()
    roots = AptRoots(runner=programs, network=NETWORK, folder=tmp_path)
    tries: list[str] = []

    def gone(base: Base, _lock: BaseLock) -> tuple[Path, ...]:
        tries.append(base.id)
        raise GoneError("it moved on")

    for _ in range(2):
        with pytest.raises(GoneError, match="it moved on"):
            roots.filled(BASE, LOCK, archives=gone)
    assert tries == [BASE.id]
    # apt was asked nothing in a folder that is not there.
    assert programs.asked == []
