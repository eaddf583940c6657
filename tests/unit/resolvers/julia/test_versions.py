"""Ranges of versions, as Julia's registries and people write them."""

from __future__ import annotations

import pytest

from builder.resolvers.julia.versions import (
    is_release,
    newest_first,
    number,
    parse_limit,
    parse_range,
)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1", "1.0.0 1.99.3", "0.9.9 2.0.0"),
        ("0.5-0.7", "0.5.0 0.7.12", "0.4.9 0.8.0"),
        ("1.2.3", "1.2.3 1.2.3+1", "1.2.2 1.2.4"),
        ("1.2.3 - 1", "1.2.3 1.3.0", "1.2.2 2.0.0"),
        ("0.3-*", "0.3.0 77.0.0", "0.2.9"),
        ("*", "0.0.0 3.0.0", ""),
    ],
)
def test_ranges_of_a_registry(text: str, inside: str, outside: str) -> None:
    found = parse_range(text)
    assert [version for version in inside.split() if version not in found] == []
    assert [version for version in outside.split() if version in found] == []


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1.2", "1.2.0 1.9.0", "1.1.9 2.0.0"),
        ("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0"),
        ("0.0.3", "0.0.3", "0.0.2 0.0.4"),
        ("0", "0.0.1 0.9.0", "1.0.0"),
        ("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"),
        ("~1", "1.0.0 1.9.0", "2.0.0"),
        ("=1.2.3", "1.2.3", "1.2.4"),
        (">=1.2", "1.2.0 9.0.0", "1.1.9"),
        ("<1.2", "1.1.9", "1.2.0"),
        ("0.3, 1.2 - 1.4", "0.3.5 1.4.9", "0.4.0 1.5.0"),
    ],
)
def test_limits_of_people(text: str, inside: str, outside: str) -> None:
    found = parse_limit(text)
    assert [it for it in inside.split() if not any(it in one for one in found)] == []
    assert [it for it in outside.split() if any(it in one for one in found)] == []


def test_what_is_none() -> None:
    with pytest.raises(ValueError, match=r"not a limit of versions: 'new'"):
        parse_limit("new")
    with pytest.raises(ValueError, match=r"not a range of versions: '1\.'"):
        parse_range("1.")
    with pytest.raises(ValueError, match=r"not a version: '1'"):
        number("1")


def test_the_order_of_releases() -> None:
    there = ["1.9.0", "1.10.0", "1.10.0+2", "1.10.0+10", "0.99.0"]
    assert newest_first(there) == ["1.10.0+10", "1.10.0+2", "1.10.0", "1.9.0", "0.99.0"]
    assert [it for it in ("1.0.0-rc1", "1.0.0+1", "1.0") if is_release(it)] == ["1.0.0+1"]
