"""Patterns of a schema of anybody: what they match, and that they end."""

from __future__ import annotations

import time

import pytest

from builder.common.errors import ConfigError
from builder.common.patterns import Pattern, matches, with_patterns


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("^[a-z]+$", "abc", True),
        ("^[a-z]+$", "ab1", False),
        ("b", "abc", True),
        ("^(?!.*foo)[a-z]+$", "bar", True),
        ("^(?!.*foo)[a-z]+$", "a-foo", False),
        (r"^(?<first>[a-z])\k<first>$", "aa", True),
        (r"^(?<first>[a-z])\k<first>$", "ab", False),
        (r"^\p{Lu}", "Ä", True),
        (r"^(\{|[a{3]){2}\p{Lu}{2}$", "{{ÄÄ", True),
        ("^a{e<=9}$", "a{e<=9}", True),
        ("^a{e<=9}$", "bbb", False),
        ("(", "no pattern", True),
        ("(?R)", "no pattern of JavaScript", True),
        ("(" * 499 + ")" * 499, "", True),
        ("^(([a-z0-9-]{0,61}[a-z0-9])\\.){1,100}$", "a.b.c.", True),
    ],
)
def test_a_pattern_is_read_as_javascript_writes_it(
    pattern: str, text: str, *, expected: bool
) -> None:
    assert matches(pattern, text) is expected


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^(a|a)*$", "a" * 40 + "!"),
        ("[a-z]+$", "a" * 200_000),
        ("((a{1000}){1000}){1000}", "a" * 1000),
        ("(a{9}){999999999}", "a"),
    ],
)
def test_a_pattern_that_would_never_end(pattern: str, text: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        matches(Pattern(pattern, 0.1), text)
    assert str(caught.value) == (
        f"the pattern {pattern} takes too long on a text of {len(text):,} characters\n"
        "  hint: write it without a repetition inside of a repetition"
    )
    assert time.monotonic() - begun < 2


def test_a_long_pattern() -> None:
    with pytest.raises(ConfigError) as caught:
        matches("a" * 1001, "a")
    assert str(caught.value) == "a pattern has more than 1,000 characters"
    with pytest.raises(ConfigError, match="a pattern has more than 1,000 characters"):
        with_patterns({"properties": {"a": {"items": [{"pattern": "a" * 1001}]}}})


def test_patterns_share_their_time() -> None:
    def first(number: int) -> Pattern:
        schema = with_patterns({"allOf": [{"pattern": "a"} for _ in range(number)]})
        pattern = schema["allOf"][0]["pattern"]
        assert isinstance(pattern, Pattern)
        return pattern

    assert (first(1), first(1).seconds, first(600).seconds) == ("a", 2.0, 0.1)
