"""What is said beside a plan."""

from __future__ import annotations

from builder.report.plan import Gone, gone_lines


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
