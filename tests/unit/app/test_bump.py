"""Release lines of a catalog whose indexes answer, or do not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from builder.app.adapters import Adapters
from builder.app.app import App
from builder.app.bump import bump, carry_out
from builder.app.options import Options
from builder.bump.outcome import NotLookedAt, Outcome, proposal_id
from builder.common.errors import ConfigError, Problems, SelectionError, StepError, UnreachableError
from builder.lock.interfaces import ReleaseLineRequest
from builder.report.bump import as_json, as_markdown, as_table
from builder.resolvers.ends_of_life import EndTable
from builder.resolvers.observation import Seen
from builder.resolvers.observers import Observers
from tests.fakes.catalog import Folder

TODAY = "2026-12-01"


class Indexes(Observers):
    """An index of `uv`, and one table; an error in their place is raised."""

    def __init__(
        self,
        versions: Sequence[Seen] | StepError = (),
        ends: dict[str, str] | StepError | None = None,
    ) -> None:
        self._versions, self._ends = versions, ends if ends is not None else {}

    def has_index(self, provider: str) -> bool:
        return provider == "uv"

    def versions(self, provider: str, request: ReleaseLineRequest) -> Sequence[Seen]:
        assert (provider, request.axis) == ("uv", "lang")
        if isinstance(self._versions, StepError):
            raise self._versions
        return self._versions

    def ends(self, source: str, product: str, support: str) -> EndTable:
        if isinstance(self._ends, StepError):
            raise self._ends
        return EndTable(source=f"{source} {product}", ends=self._ends)


@pytest.fixture
def shop(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "shop")
    folder.edit("matrix.yaml", '"1.10": {provider: apt', '"1.10": {provider: uv')
    policy = "{age: 14, enter: last, eol: {from: endoflife, product: lang}}"
    text = (folder.root / "matrix.yaml").read_text()
    folder.write("matrix.yaml", f"{text}bump: {{axes: {{lang: {policy}}}}}\n")
    return folder


def app(shop: Folder, observers: Observers, today: str = TODAY) -> App:
    adapters = partial(Adapters, observers=observers)
    return App(shop.load(), Options(today=today), adapters=adapters)


def table(outcome: Outcome) -> str:
    return as_table(outcome)


HAVE = [
    Seen(version="1.11.2", published="2026-11-30"),
    Seen(version="1.10.4", published="2026-01-01"),
]


def test_what_is_new_and_what_ends(shop: Folder) -> None:
    older = Seen(version="1.11.0", published="2026-10-01")
    outcome = bump(app(shop, Indexes([*HAVE, older], {"1.9": "2027-03-31"})))
    assert (
        as_table(outcome)
        == """\
AXIS  LINE  WHAT   WHY
lang  1.9   eol    2027-03-31, not 2027-01-31 (endoflife lang: 2027-03-31)
lang  1.11  enter  uv has 1.11.2, published on 2026-10-01

2 proposals from 1 observation."""
    )
    data = json.loads(as_json(outcome))
    assert [(one["action"], one["line"]) for one in data["proposals"]] == [
        ("eol", "1.9"), ("enter", "1.11"),
    ]  # fmt: skip
    assert data["proposals"][0]["id"] == proposal_id(outcome.rows[0])
    assert data["observations"][0]["versions"] == 3


def test_the_body_of_a_pull_request(shop: Folder) -> None:
    older = Seen(version="1.11.0", published="2026-10-01")
    down = UnreachableError("endoflife answered <!-- x --> ![x](y) to @somebody")
    outcome = bump(app(shop, Indexes([*HAVE, older, Seen(version="1.12.0a1")], down)))
    (row,) = outcome.proposals
    assert (
        as_markdown(outcome)
        == f"""\
- `lang` 1.11 can enter: uv has 1.11.2, published on 2026-10-01.

## Not now, and why

- `lang` 1.12: uv has a pre-release of it: 1.12.0a1

## Not looked at

- `lang`: endoflife answered &lt;\\!-- x --&gt; \\!\\[x\\](y) to &#64;somebody

<!-- catalog builder: bump {proposal_id(row)} -->"""
    )


def test_a_body_without_proposals_and_one_that_is_too_long() -> None:
    assert as_markdown(Outcome(today=TODAY, rows=())) == "- No release line enters, ends or goes."
    missing = tuple(
        NotLookedAt(axis=f"axis{number}", name="uv", reason="x" * 500) for number in range(200)
    )
    text = as_markdown(Outcome(today=TODAY, rows=(), not_looked_at=missing))
    assert len(text) < 60_000
    assert text.endswith("\n- … and 171 more")


def test_one_that_does_not_answer_spoils_no_other(shop: Folder) -> None:
    down = UnreachableError("endoflife cannot be reached: it answered 503")
    outcome = bump(app(shop, Indexes(HAVE, down)))
    assert (
        as_table(outcome)
        == """\
AXIS  LINE  WHAT           WHY
lang  1.11  wait           1.11.2 is 1 day old, and must be 14
lang        not looked at  endoflife cannot be reached: it answered 503

0 proposals from 1 observation, 1 not looked at."""
    )


def test_an_index_that_is_not_believed_is_not_kept(shop: Folder) -> None:
    many = [*HAVE, *(Seen(version=f"1.{minor}.0", published="2026-01-01") for minor in range(9))]
    bump(app(shop, Indexes(many)))
    kept = shop.root / "build/observations/uv-lang.json"
    before = kept.read_bytes()
    outcome = bump(app(shop, Indexes(HAVE), today="2026-12-08"))
    assert [one.reason for one in outcome.not_looked_at] == [
        "not believed: it has 2 versions, and had 11 on 2026-12-01"
    ]
    assert outcome.proposals == ()
    assert kept.read_bytes() == before


def test_what_was_recorded_gives_the_same_without_asking(shop: Folder, tmp_path: Path) -> None:
    recorded = tmp_path / "indexes"
    ends = {"1.10": "2031-01-01"}
    asked = bump(app(shop, Indexes(HAVE, ends)), record=recorded)
    assert sorted(path.name for path in recorded.iterdir()) == [
        "ends-endoflife-lang.json", "uv-lang.json",
    ]  # fmt: skip
    silent = Indexes(StepError("asked"), StepError("asked"))
    assert bump(app(shop, silent), indexes=recorded) == asked


def test_a_damaged_file_and_one_that_is_missing(shop: Folder, tmp_path: Path) -> None:
    recorded = tmp_path / "indexes"
    recorded.mkdir()
    outcome = bump(app(shop, Indexes()), indexes=recorded)
    assert [one.reason for one in outcome.not_looked_at] == [
        f"{recorded}/ends-endoflife-lang.json is not there",
        f"{recorded}/uv-lang.json is not there",
    ]
    (recorded / "uv-lang.json").write_text("{}")
    with pytest.raises(ConfigError) as caught:
        bump(app(shop, Indexes()), indexes=recorded)
    assert str(caught.value) == (
        f"{recorded}/uv-lang.json: $.format: None is no format that this builder reads\n"
        "  hint: remove the file; `builder bump --record DIR` writes it anew"
    )


def test_proposals_are_written_into_the_matrix(shop: Folder) -> None:
    older = Seen(version="1.11.0", published="2026-10-01")
    here = app(shop, Indexes([*HAVE, older], {"1.9": "2027-03-31"}))
    before = (shop.root / "matrix.yaml").read_bytes().splitlines()
    assert carry_out(here, bump(here)) == (
        "lang=1.9 ends on 2027-03-31",
        "lang=1.11 enters, like the newest of uv",
        "now: builder lock -s lang=1.11",
    )
    after = (shop.root / "matrix.yaml").read_bytes().splitlines()
    assert [line.decode().strip() for line in after if line not in before] == [
        '"1.9": {provider: apt, requires: {os: "1"}, tag: "lang{version}", eol: 2027-03-31}',
        '"1.11": {provider: uv, requires: {os: "2"}, tag: "lang{version}"}',
    ]


def test_a_matrix_that_would_not_load_stays_as_it_was(shop: Folder) -> None:
    shop.edit("matrix.yaml", 'requires: {os: "2"}, tag: "lang{version}"', 'tag: "lang"')
    here = app(shop, Indexes([*HAVE, Seen(version="1.11.0", published="2026-10-01")]))
    outcome = bump(here)
    before = (shop.root / "matrix.yaml").read_bytes()
    with pytest.raises(Problems):
        carry_out(here, outcome)
    assert (shop.root / "matrix.yaml").read_bytes() == before


def test_an_axis_that_is_not_there(shop: Folder) -> None:
    with pytest.raises(SelectionError) as caught:
        bump(app(shop, Indexes()), ["lnag"])
    assert str(caught.value) == "there is no axis 'lnag'\n  hint: did you mean lang?"
    assert bump(app(shop, Indexes()), ["os"]).observations == ()
