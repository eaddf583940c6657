"""Which releases are kept, what a tag is for, and which release lines have ended.

Pure: the day is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import semver

from builder.catalog.fields import days_after
from builder.catalog.ids import TargetId, ValueId
from builder.catalog.models import Matrix, Retention
from builder.registry import release_record
from builder.registry.release_record import Record

FINGERPRINT, METADATA, SIGNATURE, RELEASE, PEOPLE = (
    "fingerprint", "metadata", "signature", "release", "people",
)  # fmt: skip
_METADATA = ".evidence"
_RELEASE = re.compile(r".+-(\d{4}\.\d{2}\.\d{2}(\.[1-9]\d*)?)")
_SIGNATURE = re.compile(r"sha256-([0-9a-f]{64})(\..+)?")


def kept(names: Sequence[str], current: str, policy: Retention) -> dict[str, str]:
    """Return why each release is kept that is, newest first; `names` are all, the oldest first.

    These are kept: every release of the last weeks that have one, the newest of each of the last
    months that have one, and the current one.
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
    """Return the listed versions of each chart that no kept release publishes."""
    retired: dict[str, tuple[str, ...]] = {}
    records = (current, *others)
    for name, chart in current.charts.items():
        published = {record.charts[name].version for record in records if name in record.charts}
        if versions := tuple(version for version in chart.listed if version not in published):
            retired[name] = versions
    return retired


def kind(tag: str, *, chart: bool) -> str:
    """Return what a tag of the repository of an image, a base image or a chart is for.

    Only a release writes a tag of kind RELEASE, and it never moves. A tag of kind PEOPLE is for
    people to pull, or is not the builder's.
    """
    if _SIGNATURE.fullmatch(tag):
        return SIGNATURE
    if tag.startswith("fp-"):
        return METADATA if tag.endswith(_METADATA) else FINGERPRINT
    released = semver.Version.is_valid(tag) if chart else _RELEASE.fullmatch(tag)
    return RELEASE if released else PEOPLE


def image_of(tag: str) -> str:
    """Return the tag of the image that a tag of kind METADATA is about."""
    return tag.removesuffix(_METADATA)


def subject(tag: str) -> str:
    """Return the digest that a tag of kind SIGNATURE signs."""
    match = _SIGNATURE.fullmatch(tag)
    assert match is not None
    return f"sha256:{match[1]}"


@dataclass(frozen=True, kw_only=True)
class ReleaseLines:
    """Which images and release lines ended more than `days` before `today`.

    `last_released` maps each image and each `axis=value` to the last day that it was in a release.
    With `forgotten`, one that neither the matrix nor a release has counts as ended.
    """

    matrix: Matrix
    days: int
    today: str
    last_released: Mapping[str, str] = field(default_factory=dict)
    forgotten: bool = False

    def has_ended(self, target: str) -> bool:
        """Whether a release line of a target ended long ago; not that of "", which is unknown."""
        return any(self._is_past(part) for part in parts(target))

    def _is_past(self, part: str) -> bool:
        line = ValueId(part)
        values = [value for value in self.matrix.axes.get(line.axis, ()) if value.id == line]
        if values or (not line.value and part in self.matrix.images):
            end = self.matrix.last_day(values[0]) if values else None
            return end is not None and self._is_long_ago(end)
        last = self.last_released.get(part)
        return self.forgotten if last is None else self._is_long_ago(last)

    def _is_long_ago(self, day: str) -> bool:
        return days_after(day, self.days) < self.today


def parts(target: str) -> Iterator[str]:
    """Yield the image and each `axis=value` in the id of a target."""
    variant = TargetId(target).variant
    yield from filter(None, (variant.image, *variant.values))


def last_released(records: Iterable[Record]) -> dict[str, str]:
    """Return the last day on which each image and each `axis=value` was in a release."""
    days: dict[str, str] = {}
    for record in sorted(records, key=lambda record: release_record.order(record.release)):
        for target in record.targets:
            days |= dict.fromkeys(parts(target), record.day)
    return days
