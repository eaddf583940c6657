"""What a catalog inherits of the lock of the one below, and what it locks itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from builder.app.adapters import Adapters
from builder.app.app import App
from builder.app.inheritance import inheritance, old_upstreams
from builder.app.options import Options
from builder.diff.outdated import outdated
from builder.lock.lockfile import FILE, Lock, dump, parse
from builder.lock.pinned import PinnedCatalog
from builder.project import Workspace
from builder.report.outdated import as_table
from builder.resolvers.ecosystems import ECOSYSTEMS
from tests.fakes.bases import FakeBases, FakeLines
from tests.fakes.catalog import TODAY, Folder, Week
from tests.fakes.layers import FakeLayers
from tests.fakes.locking import HAS, LINES, NEEDS, NoCheck

LATER = "2026-11-30"
pytestmark = pytest.mark.slow
TWO_LINES = "extends: {path: ../shop}\ncatalog: {name: mine}\n"
EXTRA = {
    "images/extra/recipe.yaml": "summary: More\npackages:\n  apt: [less]\n",
    "images/extra/Dockerfile.j2": "FROM {{ parent }}\n{{ install(packages) }}",
    "images/extra/tests/test_extra.py": "def test_extra(host): ...\n",
}
PIN = PinnedCatalog(
    source={"path": "../shop"},
    content="sha256:" + "0" * 64,
    release="2026.11.23",
    record="sha256:" + "1" * 64,
    date="2026-11-23",
)


@dataclass(kw_only=True)
class Catalog:
    """A folder, and an app on it that locks with tables."""

    folder: Folder
    notes: list[str] = field(default_factory=list)
    apt: FakeLayers

    def app(self, today: str = LATER) -> App:
        """An app on the catalog as it is now."""
        root = self.folder.root
        fakes = {
            **Week(folder=self.folder).fakes,
            "resolvers": {"apt": self.apt},
            "bases": FakeBases(root / "bases"),
            "providers": {"apt": FakeLines(LINES)},
            "package_check": NoCheck(),
        }
        return App(
            Workspace(root).load(ecosystems=ECOSYSTEMS), Options(today=today),
            adapters=partial(Adapters, **fakes), notify=self.notes.append,
        )  # fmt: skip

    def lock(self, upgrade: tuple[str, ...] | None = (), *, today: str = LATER) -> Lock:
        """Lock, and return what the own file has then."""
        app = self.app(today)
        result = app.lock(upgrade)
        assert result.problems == ()
        app.write_lock(result.lock)
        return self.own

    @property
    def own(self) -> Lock:
        """What the own file has."""
        return parse((self.folder.root / FILE).read_text())

    @property
    def needless(self) -> tuple[str, ...]:
        """What the own file has for nothing."""
        inherits = inheritance(self.app().project)
        assert inherits is not None
        return inherits.needless


@pytest.fixture
def shop(tmp_path: Path) -> Catalog:
    """The catalog below, locked."""
    shop = Catalog(folder=Folder(tmp_path / "shop"), apt=FakeLayers(tmp_path / "files", HAS, NEEDS))
    shop.lock(None, today=TODAY)
    return shop


def on(shop: Catalog, more: str = "", lock: Lock | None = None) -> Catalog:
    """A catalog on the shop, with an image of its own; apt has newer packages by now."""
    files = {**EXTRA, "matrix.yaml": TWO_LINES + "images:\n  extra: {from: desk}\n" + more}
    files |= {FILE: dump(lock)} if lock else {}
    root = shop.folder.root.parent
    newer = {**HAS, "tar": "1.36", "desk": "2", "less": "669"}
    return Catalog(folder=Folder(root / "mine", files), apt=FakeLayers(root / "more", newer, NEEDS))


def images(lock: Lock) -> set[str]:
    """The images whose packages a lock has."""
    return {key.partition("/")[0] for key in lock.package_sets}


def test_the_own_file_has_only_what_is_added(shop: Catalog) -> None:
    own = on(shop).lock()
    assert images(own) == {"extra"}
    assert (own.bases, own.release_lines) == ({}, {})


def test_an_upgrade_moves_own_entries_alone_and_counts_the_others(shop: Catalog) -> None:
    mine = on(shop, lock=Lock(upstreams={"shop": PIN}))
    first = mine.lock()
    mine.apt.versions["less"] = "670"
    own = mine.lock(None)
    assert images(own) == {"extra"}
    assert own.package_sets != first.package_sets
    number = len(shop.own.package_sets)
    assert (
        f"lock: {number} package sets are upstream's (2026.11.23, 7 days old): `builder upstream"
        " update` moves them"
    ) in mine.notes
    assert mine.app().locked().package_sets.items() >= shop.own.package_sets.items()


def test_an_own_entry_that_was_deleted_comes_back_the_same_on_the_same_day(shop: Catalog) -> None:
    mine = on(shop, "  speech: {lock: own}\n")
    own = mine.lock()
    file = mine.folder.root / FILE
    before = file.read_bytes()
    for key in own.package_sets:
        left = {one: item for one, item in own.package_sets.items() if one != key}
        file.write_text(dump(replace(own, package_sets=left)))
        mine.lock()
        assert file.read_bytes() == before, key
    file.write_text(dump(replace(own, package_sets={})))
    mine.lock()
    assert file.read_bytes() == before


def test_an_image_that_asks_for_more_is_locked_with_all_that_stands_on_it(shop: Catalog) -> None:
    mine = on(shop)
    mine.folder.write("images/speech/recipe.yaml", "packages:\n  apt+: [less]\n")
    assert images(mine.lock()) == {"speech", "desk", "extra"}


def test_what_follows_an_image_with_a_lock_of_its_own_is_locked_here(shop: Catalog) -> None:
    mine = on(shop, "  speech: {lock: own}\n")
    own = mine.lock()
    assert images(own) == {"speech", "desk", "extra"}
    same = {key: own.package_sets[key] for key in own.package_sets if key.startswith("speech/")}
    assert same.items() <= shop.own.package_sets.items()  # kept, though it is below as well
    assert mine.needless == ()


def test_a_catalog_with_a_lock_of_its_own_has_all_in_it(shop: Catalog) -> None:
    mine = on(shop, "lock: {from: own}\n")
    own = mine.lock()
    assert images(own) == {"base", "speech", "desk", "extra"}
    assert own.bases.keys() == shop.own.bases.keys()
    assert mine.app().locked().bases == own.bases


def test_what_an_older_builder_moved_here_is_inherited_again(shop: Catalog) -> None:
    mine = on(shop)
    key, entry = next((k, v) for k, v in shop.own.package_sets.items() if k.startswith("base/"))
    moved = replace(entry, epoch=entry.epoch + 1)
    mine.folder.write(FILE, dump(Lock(package_sets={key: moved})))
    assert mine.needless == (key,)
    assert key not in mine.lock().package_sets
    assert mine.app().locked().package_sets[key] == entry
    assert mine.needless == ()


def test_a_value_with_other_sources_here_is_locked_here(shop: Catalog) -> None:
    mine = on(shop, 'axes: {os: {"1": {sources: [{bootstrap: other}]}}}\n')
    own = mine.lock()
    assert set(own.bases) == {"os=1@linux/amd64"}
    assert {key for key in own.package_sets if "os=2" in key} == {
        key for key in own.package_sets if key.startswith("extra/") and "os=2" in key
    }


def test_what_is_outdated_is_ours_or_not_yet_taken_by_upstream(shop: Catalog) -> None:
    mine = on(shop)
    mine.lock()
    mine.apt.versions["less"] = "670"
    app = mine.app()
    inherits = inheritance(app.project)
    assert inherits is not None
    report = outdated(
        expansion=app.project.expansion,
        selected=app.selected(),
        locked=app.locked(),
        newest=app.lock(None, holds=False).lock,
        fingerprints=app.fingerprints,
        newer=lambda _base, _lock: (),
        moved_on={},
        available=(),
        today=LATER,
        held=inherits.held_targets(app.project),
    )
    assert {key.partition("/")[0] for key in report.targets} == {"extra"}
    assert {key.partition("/")[0] for key in report.upstream} == {"base", "tool", "speech", "desk"}
    assert "\n\nNOT YET TAKEN BY UPSTREAM  WHY\n" in as_table(report)


@pytest.mark.parametrize(("today", "is_old"), [("2026-12-28", False), ("2026-12-29", True)])
def test_a_pin_that_is_older_than_allowed_is_named(
    shop: Catalog, today: str, *, is_old: bool
) -> None:
    mine = on(shop, lock=Lock(upstreams={"shop": PIN}))
    mine.folder.edit("matrix.yaml", "path: ../shop", "path: ../shop, max_age: 35")
    text = (
        "Catalog shop is of 2026-11-23, 36 days ago, and `max_age` is 35: `builder upstream update`"
        " takes a newer one."
    )
    assert old_upstreams(mine.app().project, today) == ((text,) if is_old else ())
