"""What is kept of releases, and of the lines that ended. Pure: the day is an argument."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import semver

from builder.catalog.ids import TargetId, ValueId
from builder.catalog.models import Matrix, Retention
from builder.registry import release_record
from builder.registry.release_record import Record

FINGERPRINT, EVIDENCE, SIGNATURE, RELEASE, PEOPLE = (
    "fingerprint", "evidence", "signature", "release", "people",
)  # fmt: skip
_RELEASE = re.compile(r".+-(\d{4}\.\d{2}\.\d{2}(\.[1-9]\d*)?)")
_SIGNATURE = re.compile(r"sha256-([0-9a-f]{64})(\..+)?")


def kept(names: Sequence[str], current: str, policy: Retention) -> dict[str, str]:
    """The releases that stay, each with why, newest first; `names` are all, the oldest first.

    Every release of the last weeks that have one, the newest of each of the last months that have
    one, and the current one.
    """
    newest = tuple(reversed(names))
    reasons = {current: "current"}
    weeks = list(dict.fromkeys(map(_week, newest)))[: policy.weeks]
    months = list(dict.fromkeys(map(_month, newest)))[: policy.months]
    for name in newest:
        if _week(name) in weeks:
            reasons.setdefault(name, "of the last weeks")
        if _month(name) in months:
            reasons.setdefault(name, "the last of its month")
            months.remove(_month(name))
    return {name: reasons[name] for name in newest if name in reasons}


def _week(name: str) -> tuple[int, int]:
    year, week, _ = date.fromisoformat(release_record.day(name)).isocalendar()
    return year, week


def _month(name: str) -> str:
    return release_record.day(name)[:7]


def retiring(current: Record, others: Iterable[Record]) -> dict[str, tuple[str, ...]]:
    """The versions of charts that leave the index: those that no kept release offers."""
    found: dict[str, tuple[str, ...]] = {}
    records = (current, *others)
    for name, chart in current.charts.items():
        offered = {one.charts[name].version for one in records if name in one.charts}
        if gone := tuple(version for version in chart.listed if version not in offered):
            found[name] = gone
    return found


def kind(tag: str, *, chart: bool) -> str:
    """What a tag of the repository of an image, a base or a chart is for.

    One of kind RELEASE is written by a release alone and never moves; one of kind PEOPLE is what
    people pull, or nothing of the builder's.
    """
    if _SIGNATURE.fullmatch(tag):
        return SIGNATURE
    if tag.startswith("fp-"):
        return EVIDENCE if tag.endswith(".evidence") else FINGERPRINT
    released = semver.Version.is_valid(tag) if chart else _RELEASE.fullmatch(tag)
    return RELEASE if released else PEOPLE


def subject(tag: str) -> str:
    """The digest of what a tag of kind SIGNATURE is about."""
    match = _SIGNATURE.fullmatch(tag)
    assert match is not None
    return f"sha256:{match[1]}"


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Which lines have ended, and for long. `offered` maps what `parts` gives to the last day.

    `forgotten` says that one has ended of which neither the matrix nor a release says anything.
    """

    matrix: Matrix
    days: int
    today: str
    offered: Mapping[str, str] = field(default_factory=dict)
    forgotten: bool = False

    def has_ended(self, target: str) -> bool:
        """Whether a line of a target ended more than `days` ago. "" has not: it is not known."""
        return any(self._is_past(part) for part in parts(target))

    def _is_past(self, part: str) -> bool:
        line = ValueId(part)
        here = [it for it in self.matrix.axes.get(line.axis, ()) if it.id == line]
        if here or (not line.value and part in self.matrix.images):
            last = here[0].eol if here else None
            return last is not None and self._is_long_ago(last)
        last = self.offered.get(part)
        return self.forgotten if last is None else self._is_long_ago(last)

    def _is_long_ago(self, day: str) -> bool:
        return date.fromisoformat(day) + timedelta(days=self.days) < date.fromisoformat(self.today)


def parts(target: str) -> Iterator[str]:
    """The image and each `axis=value` of the id of a target."""
    variant = TargetId(target).variant
    yield from filter(None, (variant.image, *variant.values))


def last_offered(records: Iterable[Record]) -> dict[str, str]:
    """The last day on which each image and each `axis=value` was offered."""
    found: dict[str, str] = {}
    for record in sorted(records, key=lambda one: release_record.order(one.release)):
        for target in record.targets:
            found |= dict.fromkeys(parts(target), record.day)
    return found
