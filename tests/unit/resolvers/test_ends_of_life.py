"""Tables of ends of life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from builder.common.errors import ConfigError, StepError
from builder.resolvers.ends_of_life import (
    UNKNOWN_DAY,
    EndTable,
    debian,
    endoflife,
    file_name,
    parse_table,
    postgresql,
    python,
    read_table,
)
from tests.fakes.lines import Upstream

DEBIAN = """\
version,codename,series,created,release,eol,eol-lts,eol-elts
12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-07-11,2028-06-30,2033-06-30
14,Forky,forky,2025-08-09
,Sid,sid,1993-08-16
"""


def test_debian_has_several_ends() -> None:
    assert debian(DEBIAN, "security") == {"12": "2026-07-11"}
    assert debian(DEBIAN, "lts") == {"12": "2028-06-30"}
    assert debian(DEBIAN, "elts") == {"12": "2033-06-30"}


def test_the_end_of_a_cycle_is_a_day_or_a_word() -> None:
    cycles = [
        {"cycle": "1.11", "eol": False}, {"cycle": "1.10", "eol": "2027-04-01", "lts": True},
        {"cycle": "1.9", "eol": True}, {"cycle": 8, "eol": None},
    ]  # fmt: skip
    assert endoflife(cycles) == {"1.10": "2027-04-01", "1.9": UNKNOWN_DAY}


def test_majors_and_months() -> None:
    assert postgresql([{"major": "18", "eolDate": "2030-11-14"}]) == {"18": "2030-11-14"}
    assert python({"3.13": {"end_of_life": "2029-10"}, "3.8": {"end_of_life": "2024-10-07"}}) == {
        "3.13": "2029-10-31", "3.8": "2024-10-07",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("parse", "data", "message"),
    [
        (endoflife, {}, "endoflife: $: not a list of releases"),
        (endoflife, [], "endoflife: $: not a list of releases"),
        (endoflife, ["x"], "endoflife: $[0]: not an object"),
        (endoflife, [{"eol": True}], "endoflife: $[0].cycle: not a text"),
        (endoflife, [{"cycle": "1", "eol": "soon"}], "endoflife: $[0].eol: 'soon' is no day"),
        (postgresql, [{"major": "18"}], "postgresql: $[0].eolDate: None is no day"),
        (python, [], "python: $: not an object"),
        (python, {"3.13": {}}, "python: $.3.13.end_of_life: None is no day"),
        (python, {"3.13": {"end_of_life": "2029-13"}},
         "python: $.3.13.end_of_life: '2029-13' is no day"),
    ],
)  # fmt: skip
def test_what_is_no_table(parse: Callable[[Any], object], data: Any, message: str) -> None:
    with pytest.raises(StepError) as caught:
        parse(data)
    assert str(caught.value) == message


def test_a_table_is_fetched_from_a_mirror(there: Upstream) -> None:
    there.serve("endoflife/julia.json", '[{"cycle": "1.10", "eol": "2027-04-01"}]')
    table = read_table(there.fetcher(), "endoflife", "julia")
    assert table == EndTable(source="endoflife julia", ends={"1.10": "2027-04-01"})
    there.serve("endoflife/julia.json", "<html>log in</html>", "text/html")
    with pytest.raises(StepError, match="a web page, not JSON"):
        read_table(there.fetcher(), "endoflife", "julia")


def test_a_product_is_no_path(there: Upstream) -> None:
    with pytest.raises(StepError) as caught:
        read_table(there.fetcher(), "endoflife", "../julia")
    assert str(caught.value) == "endoflife: '../julia' is no name of a product"


def test_a_file_of_a_table() -> None:
    table = EndTable(source="endoflife julia", ends={"1.10": "2027-04-01", "1.9": UNKNOWN_DAY})
    assert parse_table(table.text.encode(), "f.json") == table
    assert file_name("endoflife", "julia", "security") == "ends-endoflife-julia.json"
    assert file_name("distro-info", "", "lts") == "ends-distro-info-lts.json"
    damaged = table.text.replace("2027-04-01", "soon").encode()
    with pytest.raises(ConfigError) as caught:
        parse_table(damaged, "f.json")
    assert str(caught.value) == (
        "f.json: $.ends.1.10: 'soon' is no day\n"
        "  hint: remove the file; `builder bump --record DIR` writes it anew"
    )
