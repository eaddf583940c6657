"""The same work for many items."""

from __future__ import annotations

import threading

import pytest

from builder.common.parallel import AT_ONCE, by_item, in_parallel


def test_results_are_in_the_order_of_the_items() -> None:
    last = threading.Event()

    def work(number: int) -> int:
        if number == 1:
            assert last.wait(10)
        else:
            last.set()
        return number * 10

    assert in_parallel(work, iter((1, 2))) == [10, 20]
    assert by_item(str, iter((3, 1))) == {3: "3", 1: "1"}
    assert in_parallel(str, ()) == []


def test_as_many_are_at_work_as_is_said() -> None:
    together = threading.Barrier(AT_ONCE)
    assert in_parallel(lambda _: together.wait(10) >= 0, range(AT_ONCE)) == [True] * AT_ONCE
    alone = threading.Lock()

    def work(_: int) -> bool:
        with alone:
            return threading.active_count() <= before + 1

    before = threading.active_count()
    assert all(in_parallel(work, range(20), at_once=1))


def test_the_first_error_is_raised() -> None:
    def work(number: int) -> None:
        if number:
            raise ValueError(number)

    with pytest.raises(ValueError, match=r"^1$"):
        in_parallel(work, (0, 1, 2))
