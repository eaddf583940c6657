"""The table of the old and the new names of modules, by which older programs are read."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

ROWS = [
    line.split("\t")
    for line in Path(__file__).with_name("names.tsv").read_text(encoding="utf-8").splitlines()
]


def today(text: str) -> str:
    """Return a text with the names of today, replaced one row after another."""
    for old, new in ROWS:
        if new != "-":
            text = text.replace(old, new)
    return text


def test_each_new_name_is_a_module() -> None:
    names = [new for _, new in ROWS if new != "-" and " " not in new]
    assert [name for name in names if find_spec(name) is None] == []


def test_a_name_that_is_part_of_another_is_replaced_rightly() -> None:
    assert today("builder.registry") == "builder.registry.embedded"
    assert today("builder.registry_client") == "builder.registry.client"
    assert today("builder.plan, builder.planner, builder.plan_charts") == (
        "builder.plan.models, builder.plan.planner, builder.plan.chart_planner"
    )
