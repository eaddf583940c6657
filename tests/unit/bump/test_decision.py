"""Which release lines are said to come, to end and to go."""

from __future__ import annotations

import pytest

from builder.bump.decision import AxisFacts, Row, decide
from builder.catalog.matrix import Matrix
from builder.resolvers.ends_of_life import UNKNOWN_DAY, EndTable
from builder.resolvers.observation import Observation, Question, Seen, observed
from tests.fakes import matrices

TODAY = "2026-12-01"
AXES = """\
axes:
  os:
    "2": {sources: [{bootstrap: two}], eol: 2030-01-01}
    "1": {sources: [{bootstrap: one}], eol: 2028-06-30}
  lang:
    "3.13": {provider: apt, requires: {os: "2"}, eol: 2029-10-31}
    "3.11": {provider: apt, requires: {os: "1"}, eol: 2027-10-31}
    "3.15": {provider: uv}
  jar:
    none: {}
    "4.3": {provider: pypi}
    "4.1": {provider: pypi}
    "3.5": {provider: pypi, requires: {os: "1"}}
images: {base: {from: os, axes: [os]}}
charts: {}
"""


def matrix(bump: str = "bump: {defaults: {enter: last}}") -> Matrix:
    return matrices.matrix(f"{AXES}{bump}\n")


def index(axis: str, provider: str, versions: dict[str, str]) -> Observation:
    seen = [Seen(version=version, published=day) for version, day in versions.items()]
    return observed(Question(axis=axis, provider=provider), seen, TODAY)


def rows(matrix: Matrix, *observations: Observation, **ends: dict[str, str]) -> list[str]:
    facts: dict[str, AxisFacts] = {}
    for axis in matrix.axes:
        mine = tuple(one for one in observations if one.axis == axis)
        table = EndTable(source="table", ends=ends[axis]) if axis in ends else None
        facts[axis] = AxisFacts(observations=mine, ends=table)
    return [shown(row) for row in decide(matrix, facts, TODAY)]


def shown(row: Row) -> str:
    return f"{row.axis} {row.line} {row.what}: {row.why}"


UV = {
    "3.16.0a2": "2026-11-10",
    "3.15.2": "2026-11-01",
    "3.14.1": "2026-01-01",
    "3.9.1": "2021-01-01",
}


def test_what_is_newer_than_all_lines_enters() -> None:
    newer = {**UV, "3.16.0": "2026-10-20", "3.16.1": "2026-11-28"}
    assert rows(matrix(), index("lang", "uv", newer)) == [
        "lang 3.16 enter: uv has 3.16.1, published on 2026-10-20"
    ]


def test_a_line_that_another_provider_serves_is_known() -> None:
    assert rows(matrix(), index("lang", "uv", {"3.15.1": "2026-01-01", "3.13.9": ""})) == []


@pytest.mark.parametrize(
    ("bump", "versions", "why"),
    [
        ("{defaults: {enter: last}}", UV, "uv has a pre-release of it: 3.16.0a2"),
        ("{defaults: {enter: last}}", {"3.16.0": "2026-11-20"},
         "3.16.0 is 11 days old, and must be 14"),
        ("{defaults: {enter: last, age: 12}}", {"3.16.0": "2026-11-30"},
         "3.16.0 is 1 day old, and must be 12"),
        ("{axes: {lang: {enter: never}}}", {"3.16.0": ""}, "uv has 3.16.0; a person enters it"),
        ("{}", {"3.16.0": "2026-01-01"}, "uv has 3.16.0; no policy lets it enter"),
        ("{defaults: {enter: last, skip: [{line: '>= 3.16', reason: wheels, until: 2027-02-28}]}}",
         {"3.16.0": "2026-01-01"}, "skipped until 2027-02-28: wheels"),
        ("{defaults: {enter: last, skip: [{line: '3.16', reason: no wheels, until: 2026-11-30}]}}",
         {"3.16.0": "2026-01-01"},
         "skipped until 2026-11-30: no wheels; that day is past: look again"),
    ],
)  # fmt: skip
def test_what_keeps_a_line_back(bump: str, versions: dict[str, str], why: str) -> None:
    assert rows(matrix(f"bump: {bump}"), index("lang", "uv", versions)) == [
        f"lang 3.16 wait: {why}"
    ]


def test_a_prerelease_enters_where_the_policy_says_so() -> None:
    policy = matrix("bump: {defaults: {enter: last, prereleases: true}}")
    assert rows(policy, index("lang", "uv", {"3.16.0a2": "2026-01-01"})) == [
        "lang 3.16 enter: uv has 3.16.0a2, published on 2026-01-01"
    ]


def test_an_older_line_enters_among_the_newest_that_are_kept() -> None:
    jars = {
        "4.3.0": "2026-05-01",
        "4.2.1": "2026-02-01",
        "4.0.2": "2025-06-01",
        "3.5.1": "2024-01-01",
    }
    kept = matrix("bump: {defaults: {enter: last}, axes: {jar: {keep: 2}}}")
    assert rows(kept, index("jar", "pypi", jars)) == [
        "jar 4.2 enter: pypi has 4.2.1, published on 2026-02-01",
        "jar 3.5 drop: keep is 2: 4.3, 4.1",
    ]
    assert rows(matrix(), index("jar", "pypi", jars)) == []


def test_too_many_lines() -> None:
    kept = matrix("bump: {axes: {jar: {keep: 1}}}")
    assert rows(kept) == ["jar 4.1 drop: keep is 1: 4.3", "jar 3.5 drop: keep is 1: 4.3"]


def test_what_alone_is_on_a_base_and_what_is_first_are_not_dropped() -> None:
    assert rows(matrix("bump: {axes: {lang: {keep: 1}}}")) == []


def test_an_end_that_a_table_says_otherwise() -> None:
    assert rows(
        matrix(), lang={"3.13": "2029-10-31", "3.11": "2027-12-31", "3.15": "2031-10-31"}
    ) == [
        "lang 3.11 eol: 2027-12-31, not 2027-10-31 (table: 2027-12-31)",
        "lang 3.15 eol: 2031-10-31, matrix.yaml has none (table: 2031-10-31)",
    ]


def test_what_comes_with_a_base_ends_with_it() -> None:
    assert rows(matrix(), lang={"3.11": "2029-01-31"}) == [
        "lang 3.11 eol: 2028-06-30, not 2027-10-31 (os=1 ends then; table: 2029-01-31)"
    ]


def test_a_table_without_a_line_changes_nothing() -> None:
    assert rows(matrix(), lang={}, os={"2": "2030-01-01"}) == []
    assert rows(matrix(), lang={"3.15": UNKNOWN_DAY}) == [
        "lang 3.15 wait: table says that it ended, and not when"
    ]


@pytest.mark.parametrize(
    ("grace", "row"),
    [
        (40, "os 1 ending: its end of life was 2026-11-30; it is built until 2027-01-09"),
        (0, "os 1 retire: it ended on 2026-11-30, and is built no more"),
    ],
)
def test_a_line_whose_end_is_past(grace: int, row: str) -> None:
    ended = AXES.replace("2028-06-30", "2026-11-30") + f"bump: {{defaults: {{grace: {grace}}}}}\n"
    assert rows(matrices.matrix(ended))[:1] == [row]
