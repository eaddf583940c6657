"""Where the content of a locked base is had from, for apt's private root."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.apt_roots import BaseArchives
from builder.engines.layout import layers_in
from builder.model import Base, Source
from builder.ports import BaseLock
from builder.reference import parse
from tests.fakes.layout import write_layout
from tests.fakes.store import FakeStore

BASE = Base(id="os=1@linux/amd64", axis="os", value="1", platform="linux/amd64")
LOCK = BaseLock(source=Source(kind="bootstrap", value="one"), content="sha256:" + "1" * 64, epoch=1)
PLACE = parse("127.0.0.1:5999/shop-os:fp-1")


class Kept:
    """What is here; `fetch` brings it."""

    def __init__(self, *paths: Path) -> None:
        self.paths = paths
        self.fetched = 0

    def of(self, _lock: BaseLock) -> tuple[Path, ...]:
        return self.paths

    def fetch(self, _base: Base, _lock: BaseLock) -> None:
        self.fetched += 1
        self.paths = (Path("bootstrapped"),)


def archives(kept: Kept, store: FakeStore, folder: Path) -> BaseArchives:
    return BaseArchives(
        kept=kept.of,
        fetch=kept.fetch,
        images=store,
        place=lambda _base, _lock: PLACE,
        folder=folder,
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
    assert kept.fetched == 0


@pytest.mark.parametrize("again", [1, 2])
def test_else_it_comes_from_its_own_source(tmp_path: Path, again: int) -> None:
    kept = Kept()
    found = archives(kept, FakeStore(), tmp_path)
    for _ in range(again):
        assert found.of(BASE, LOCK) == (Path("bootstrapped"),)
    assert kept.fetched == 1
