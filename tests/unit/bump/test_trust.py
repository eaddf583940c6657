"""Which observations are believed."""

from __future__ import annotations

from packaging.version import Version

from builder.bump.trust import FIRST_SEEN, sifted, with_first_days
from builder.resolvers.observation import Observation, Question, Seen, observed

TODAY = "2026-12-01"
KNOWN = [Version("3.13")]


def index(*versions: str, day: str = TODAY, published: str = "2026-01-01") -> Observation:
    seen = [Seen(version=version, published=published) for version in versions]
    return observed(Question(axis="lang", provider="uv"), seen, day)


def test_what_is_as_it_was_is_believed() -> None:
    found = sifted(
        index("3.14.1", "3.13.2"), index("3.13.2", "3.13.1", day="2026-11-24"), KNOWN, TODAY
    )
    assert (found.distrust, found.warnings) == ("", ())
    assert found.observation == index("3.14.1", "3.13.2")


def test_an_index_that_lost_most_of_its_versions() -> None:
    last = index("3.13.3", "3.13.2", "3.13.1", "3.13.0", "3.12.1", day="2026-11-24")
    assert sifted(index("3.13.3", "3.13.2"), last, KNOWN, TODAY).distrust == (
        "it has 2 versions, and had 5 on 2026-11-24"
    )


def test_an_index_without_versions_or_without_a_line_that_is_known() -> None:
    assert sifted(index(), None, KNOWN, TODAY).distrust == "it has no version at all"
    assert sifted(index("3.14.1"), None, KNOWN, TODAY).distrust == "it has no version of 3.13"


def test_versions_that_nobody_can_have_published() -> None:
    future = observed(
        Question(axis="lang", provider="uv"),
        [*index("9999.1", "3.13.1").versions, Seen(version="3.14.0", published="2027-01-01")],
        TODAY,
    )
    found = sifted(future, None, KNOWN, TODAY)
    assert [one.version for one in found.observation.versions] == ["3.13.1"]
    assert found.warnings == (
        "9999.1 is left out: the newest that is known is 3.13",
        "3.14.0 is left out: published on 2027-01-01, after today",
    )


def test_a_version_without_a_day_has_that_on_which_it_was_first_seen() -> None:
    last = with_first_days(index("3.13.1", published="", day="2026-11-01"), None)
    now = with_first_days(index("3.13.2", "3.13.1", published=""), last)
    assert [(one.version, one.published) for one in now.versions] == [
        ("3.13.2", TODAY), ("3.13.1", "2026-11-01"),
    ]  # fmt: skip
    assert all(one.marks == (FIRST_SEEN,) for one in now.versions)
    again = with_first_days(index("3.13.2", "3.13.1", published="", day="2026-12-08"), now)
    assert again.versions == now.versions
