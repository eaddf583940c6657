"""Which releases stay, what a tag is for, and which lines have ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builder.catalog.models import Retention
from builder.catalog.policies import Bump, BumpPolicy
from builder.release.prune import retention
from builder.release.prune.retention import ReleaseLines
from tests.fakes.matrices import matrix

NAMES = (
    "2026.08.31", "2026.09.28", "2026.10.05", "2026.10.26", "2026.11.16", "2026.11.23",
    "2026.11.23.1", "2026.11.23.10", "2026.11.24",
)  # fmt: skip
MATRIX = matrix(
    "axes:\n"
    "  os:\n"
    "    '2': {sources: [{bootstrap: two}]}\n"
    "    '1': {sources: [{bootstrap: one}], eol: 2026-06-30}\n"
    "images:\n  base: {from: os, axes: [os]}\n"
)


@pytest.mark.parametrize(
    ("weeks", "months", "names"),
    [
        (1, 0, NAMES[5:]),
        (2, 0, NAMES[4:]),
        (1, 1, NAMES[5:]),
        (1, 2, ("2026.10.26", *NAMES[5:])),
        (1, 3, ("2026.09.28", "2026.10.26", *NAMES[5:])),
        (3, 4, ("2026.08.31", "2026.09.28", *NAMES[3:])),
        (99, 0, NAMES),
    ],
)
def test_weeks_and_months_that_have_a_release_count(
    weeks: int, months: int, names: tuple[str, ...]
) -> None:
    found = retention.kept(NAMES, NAMES[-1], Retention(weeks=weeks, months=months))
    assert tuple(found) == tuple(reversed(names))


def test_each_says_why_it_stays() -> None:
    assert retention.kept(NAMES, "2026.10.05", Retention(weeks=1, months=2)) == {
        "2026.11.24": "of the last weeks",
        "2026.11.23.10": "of the last weeks",
        "2026.11.23.1": "of the last weeks",
        "2026.11.23": "of the last weeks",
        "2026.10.26": "the last of its month",
        "2026.10.05": "current",
    }


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("fp-0123", "fingerprint"),
        ("fp-0123.evidence", "metadata"),
        (f"sha256-{'0' * 64}", "signature"),
        (f"sha256-{'0' * 64}.sig", "signature"),
        ("py3.13.5-2026.11.23", "release"),
        ("latest-2026.11.23.10", "release"),
        ("py3.13.5", "people"),
        ("latest", "people"),
        ("2026.11.23", "people"),
    ],
)
def test_what_a_tag_of_an_image_is_for(tag: str, kind: str) -> None:
    assert retention.kind(tag, chart=False) == kind


@pytest.mark.parametrize(
    ("tag", "kind"),
    [("1.0.0", "release"), ("fp-0123-1.0.0", "fingerprint"), ("stable", "people")],
)
def test_what_a_tag_of_a_chart_is_for(tag: str, kind: str) -> None:
    assert retention.kind(tag, chart=True) == kind


@pytest.mark.parametrize(
    ("target", "today", "ended"),
    [
        ("base/os=2", "2099-01-01", False),
        ("base/os=1", "2026-07-30", False),
        ("base/os=1@linux/arm64", "2026-07-31", True),
        ("base/os=0", "2026-06-14", False),
        ("base/os=0", "2026-06-15", True),
        ("gone/os=2", "2026-06-15", True),
        ("never/os=2", "2099-01-01", False),
        ("", "2099-01-01", False),
    ],
)
def test_when_a_line_has_ended_for_long(target: str, today: str, *, ended: bool) -> None:
    last_released = {"os=0": "2026-05-15", "gone": "2026-05-15", "base": "2026-05-15"}
    lines = ReleaseLines(matrix=MATRIX, days=30, today=today, last_released=last_released)
    assert lines.has_ended(target) is ended


def test_a_line_stays_for_its_days_of_grace_and_of_retention() -> None:
    graceful = replace(MATRIX, bump=Bump(defaults=BumpPolicy(grace=10)))
    for today, ended in (("2026-08-09", False), ("2026-08-10", True)):
        assert ReleaseLines(matrix=graceful, days=30, today=today).has_ended("base/os=1") is ended
    forever = ReleaseLines(matrix=MATRIX, days=10**9, today="2099-01-01")
    assert not forever.has_ended("base/os=1")


def test_what_is_forgotten_has_ended_where_that_is_said() -> None:
    lines = ReleaseLines(matrix=MATRIX, days=30, today="2026-01-01", forgotten=True)
    assert lines.has_ended("never/os=2")
    assert not lines.has_ended("base/os=2")
    assert not lines.has_ended("")
