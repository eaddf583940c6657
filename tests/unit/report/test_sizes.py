"""The size of each recipe, in the report."""

from __future__ import annotations

from builder.registry.release_record import ImageShare
from builder.report import sizes

MB = 1_000_000
BASE = ImageShare(target="os=1@linux/amd64", recipe="", layers=1, size=30 * MB)
ROOT = ImageShare(target="base/os=1", recipe="base", layers=4, size=60 * MB)
DESK = ImageShare(target="desk/os=1", recipe="desk", layers=2, size=10 * MB)
LAMP = ImageShare(target="lamp/os=1", recipe="desk", layers=2, size=3_500_000)
CHAINS = {
    "base/os=1": [BASE, ROOT],
    "desk/os=1": [BASE, ROOT, DESK],
    "lamp/os=1": [BASE, ROOT, LAMP],
    "old/os=1": [],
}


def test_every_link_has_its_share() -> None:
    _, desk, _ = sizes.by_target(CHAINS)
    assert (desk.id, desk.size) == ("desk/os=1", 100 * MB)
    assert [share.share for share in desk.chain] == [0.3, 0.6, 0.1]


def test_what_several_stand_on_counts_once() -> None:
    assert [(row.recipe, row.size, row.targets) for row in sizes.by_recipe(CHAINS)] == [
        ("base", 60 * MB, 1),
        ("", 30 * MB, 1),
        ("desk", 13_500_000, 2),
    ]


def test_as_tables() -> None:
    text = sizes.lines(sizes.sizes_of(CHAINS))
    assert list(text[4:9]) == [
        "| recipe | targets | layers | MB | MB each |",
        "|---|---|---|---|---|",
        "| base | 1 | 4 | 60 | 60 |",
        "| bases | 1 | 1 | 30 | 30 |",
        "| desk | 2 | 4 | 14 | 3.5–10 |",
    ]
    assert text[13] == (
        "| `desk/os=1` | 100 | os=1 30 (30%, 1) · base 60 (60%, 4) · desk 10 (10%, 2) |"
    )


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert sizes.lines(sizes.sizes_of({})) == ()
