"""What is said beside a plan."""

from __future__ import annotations

from dataclasses import replace

from builder.oci.reference import Reference
from builder.plan.models import Adoptable
from builder.report.plan import Gone, as_markdown, gone_lines
from tests.fakes.catalog import Folder, plan_of


def test_nothing_is_said_where_nothing_is_gone() -> None:
    assert gone_lines(Gone()) == ()


def test_what_is_gone_is_counted_and_the_first_of_it_named() -> None:
    names = tuple(f"n{number}" for number in range(10))
    gone = Gone(targets=("a/r=4.2",), images=("a",), tags=names, charts=names[:9])
    eight = "n0, n1, n2, n3, n4, n5, n6, n7"
    assert gone_lines(gone) == (
        f"gone: 1 target of a, tags {eight} and 2 more",
        f"gone: 9 charts, {eight} and 1 more",
    )


def test_what_was_not_offered_has_no_tags() -> None:
    assert gone_lines(Gone(targets=("a", "b"), images=("a",))) == ("gone: 2 targets of a",)


def test_what_is_adopted_has_a_column_of_its_own(folder: Folder) -> None:
    plan = plan_of(folder.load(), pick=["base"])
    key = "base/os=2"
    image = Reference(registry="a.example", repository="base", digest=f"sha256:{'1' * 64}")
    taken = Adoptable(catalog="upstream", release="2026.11.23", image=image)
    plan = replace(
        plan,
        targets={**plan.targets, key: replace(plan.targets[key], adoptable=taken)},
        steps={
            name: replace(step, action="adopt") if name == f"build:{key}" else step
            for name, step in plan.steps.items()
        },
    )
    lines = as_markdown(plan).splitlines()
    assert "| step | action | adopted from | why |" in lines
    (row,) = (line for line in lines if "| adopt |" in line)
    assert row.startswith(f"| `build:{key}` | adopt | upstream 2026.11.23 | ")
    assert "adopted from" not in as_markdown(plan_of(folder.load()))
