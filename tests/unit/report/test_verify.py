"""What came of building images again, as people and machines read it."""

from __future__ import annotations

import json

from builder.build.image_diff import Difference, Verdict
from builder.report.verify import as_json, as_table

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
SAME = Verdict(target="base/os=1", registry_digest=ONE, built_digest=ONE)
OTHER = Verdict(
    target="desk/os=1",
    registry_digest=ONE,
    built_digest=TWO,
    notes=("a note",),
    differences=(
        Difference(path="/a.pyc", change="content", reason="an order"),
        Difference(path="/etc/day", change="mtime 1 → 2"),
    ),
)


def test_a_table_names_what_nobody_has_explained_first() -> None:
    assert as_table([SAME, OTHER]) == (
        "TARGET     RESULT     REGISTRY             BUILT AGAIN\n"
        "base/os=1  identical  sha256:111111111111  sha256:111111111111\n"
        "desk/os=1  different  sha256:111111111111  sha256:222222222222\n"
        "  a note\n"
        "  /etc/day: mtime 1 → 2\n"
        "  /a.pyc: content (an order)\n"
        "\n"
        "2 targets built again: 1 identical, 1 different"
    )


def test_a_long_list_is_cut_and_json_is_not() -> None:
    many = tuple(Difference(path=f"/{number}", change="content") for number in range(30))
    verdict = Verdict(target="t", registry_digest=ONE, built_digest=TWO, differences=many)
    lines = as_table([verdict]).splitlines()
    assert len(lines) == 2 + 25 + 3
    assert lines[27] == "  and 5 more: --format json has them all"
    (data,) = json.loads(as_json([verdict]))
    assert len(data["differences"]) == 30


def test_json() -> None:
    assert json.loads(as_json([OTHER])) == [
        {
            "target": "desk/os=1",
            "status": "different",
            "held": ONE,
            "built": TWO,
            "notes": ["a note"],
            "differences": [
                {"path": "/a.pyc", "what": "content", "reason": "an order"},
                {"path": "/etc/day", "what": "mtime 1 → 2", "reason": ""},
            ],
        }
    ]


def test_nothing_came_of_it() -> None:
    assert as_table([]).endswith("\n0 targets built again: none compared")
