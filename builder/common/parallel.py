"""Does the same work for many items on threads, as most of it waits for a network or a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

AT_ONCE = 8
"""The number of items at a time, and so of requests to one registry or archive."""
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_parallel(
    work: Callable[[_Item], _Result], items: Iterable[_Item], *, at_once: int = AT_ONCE
) -> list[_Result]:
    """Return the results in the order of the items. Raises the first error; nothing more begins."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(work, items))


def by_item(
    work: Callable[[_Item], _Result], items: Iterable[_Item], *, at_once: int = AT_ONCE
) -> dict[_Item, _Result]:
    """Return the result of each item, as `in_parallel` does."""
    listed = list(items)
    return dict(zip(listed, in_parallel(work, listed, at_once=at_once), strict=True))
