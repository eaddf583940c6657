"""Observations as files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from builder.common.errors import ConfigError
from builder.resolvers.observation import Question, Seen, as_file, observed, read

DATA: dict[str, Any] = {
    "format": 1, "axis": "lang", "provider": "uv", "day": "2026-12-01",
    "versions": [{"version": "3.13.1", "published": "2026-01-01"}, {"version": "3.9"}],
}  # fmt: skip
HINT = "\n  hint: remove the file; `builder bump --record DIR` writes it anew"


def test_it_is_read_as_it_was_as_file() -> None:
    seen = [
        Seen(version="3.9.1"),
        Seen(version="nightly"),
        Seen(version="3.10.1+5", published="2026-01-01"),
    ]
    observation = observed(Question(axis="lang", provider="uv"), seen, "2026-12-01")
    assert [one.version for one in observation.versions] == ["3.10.1+5", "3.9.1"]
    assert read(as_file(observation).encode(), "f.json") == observation


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "$.format: 2 is no format that this builder reads"),
        ({"axis": ""}, "$.axis: not a text of 1 to 200 characters"),
        ({"day": "soon"}, "$.day: 'soon' is no day: YYYY-MM-DD"),
        ({"versions": {}}, "$.versions: not a list of at most 20,000 versions"),
        ({"versions": ["3"]}, "$.versions[0]: not an object"),
        ({"versions": [{"version": "../x"}]}, "$.versions[0].version: '../x' is no version"),
        ({"versions": [{"version": "9" * 300}]},
         "$.versions[0].version: not a text of 1 to 200 characters"),
        ({"versions": [{"version": "1", "published": 5}]},
         "$.versions[0].published: not a text of 1 to 200 characters"),
        ({"versions": [{"version": "1", "marks": "lts"}]},
         "$.versions[0].marks: not a list of texts"),
    ],
)  # fmt: skip
def test_a_damaged_file(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(json.dumps({**DATA, **change}).encode(), "f.json")
    assert str(caught.value) == f"f.json: {message}{HINT}"


def test_a_file_that_is_no_document() -> None:
    with pytest.raises(ConfigError) as caught:
        read(b"[]", "f.json")
    assert str(caught.value) == f"f.json: $: not an object{HINT}"
    with pytest.raises(ConfigError, match=r"^f\.json: it is not valid JSON"):
        read(b"{", "f.json")
