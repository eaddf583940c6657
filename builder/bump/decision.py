"""Decides which release lines enter, end and go. Pure: the same input gives the same rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from packaging.version import Version

from builder.bump.trust import FIRST_SEEN
from builder.catalog.constraints import COMPARISONS
from builder.catalog.matrix import Matrix
from builder.catalog.policies import BumpPolicy, SkippedLine
from builder.catalog.release_line import AxisValue
from builder.common.text import count
from builder.resolvers.ends_of_life import UNKNOWN_DAY, EndTable
from builder.resolvers.observation import Observation, Seen, version_of

What = Literal["enter", "drop", "eol", "ending", "retire", "wait"]
PROPOSALS: tuple[What, ...] = ("enter", "drop", "eol", "ending", "retire")
"""What somebody may do now; all else is for information."""
_DEFAULT_AGE = 14
_LIMIT = re.compile(r"(>=|<=|>|<)?\s*(\S+)")


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is said of a release line.

    `line` is the name of a value of the axis, or what a new line is called by the index of
    `provider`. `day` is the end of life that it should have.
    """

    axis: str
    line: str
    what: What
    why: str
    provider: str = ""
    day: str = ""


@dataclass(frozen=True, kw_only=True)
class AxisFacts:
    """What is known of an axis: what its indexes have, by provider, and its ends of life."""

    observations: tuple[Observation, ...] = ()
    ends: EndTable | None = None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A line that an index has and the matrix has not, with its newest version."""

    line: Version
    newest: Seen
    first: Seen  # the version of it that was published first, as far as that is known
    provider: str


def decide(matrix: Matrix, facts: Mapping[str, AxisFacts], today: str) -> tuple[Row, ...]:
    """Return what is said of the axes of `facts`, in the order of the matrix."""
    return tuple(
        row
        for axis, values in matrix.axes.items()
        if axis in facts
        for row in _rows(matrix, axis, values, facts[axis], today)
    )


def _rows(
    matrix: Matrix, axis: str, values: Sequence[AxisValue], facts: AxisFacts, today: str
) -> Iterator[Row]:
    policy = matrix.bump.policy(axis)
    for value in values:
        yield from _end(matrix, value, facts.ends, today)
    for observation in facts.observations:
        for candidate in candidates(values, observation, policy):
            yield _entry(axis, candidate, policy, today)
    yield from _dropped(axis, values, policy)


# Ends of life.


def _end(matrix: Matrix, value: AxisValue, table: EndTable | None, today: str) -> Iterator[Row]:
    row = _change_of_end(matrix, value, table)
    if row is not None:
        yield row
    last_day = matrix.last_day(value)
    if value.eol is None or last_day is None or value.eol >= today:
        return
    if last_day >= today:
        why = f"its end of life was {value.eol}; it is built until {last_day}"
        yield Row(axis=value.axis, line=value.name, what="ending", why=why)
    else:
        why = f"it ended on {last_day}, and is built no more"
        yield Row(axis=value.axis, line=value.name, what="retire", why=why)


def _change_of_end(matrix: Matrix, value: AxisValue, table: EndTable | None) -> Row | None:
    """Return what the table says otherwise of a value; nothing removes an end."""
    end = table.ends.get(value.upstream) if table else None
    if table is None or end is None:
        return None
    if end == UNKNOWN_DAY:
        why = f"{table.source} says that it ended, and not when"
        return Row(axis=value.axis, line=value.name, what="wait", why=why)
    base, base_end = _first_base_end(matrix, value)
    why = f"{table.source}: {end}"
    if base_end and base_end < end:
        end, why = base_end, f"{base} ends then; {why}"
    if end == value.eol:
        return None
    before = f"not {value.eol}" if value.eol else "matrix.yaml has none"
    said = f"{end}, {before} ({why})"
    return Row(axis=value.axis, line=value.name, what="eol", why=said, day=end)


def _first_base_end(matrix: Matrix, value: AxisValue) -> tuple[str, str]:
    """Return the base that ends first of those that each provider requires, and its end."""
    ends = []
    for one in value.alternatives:
        required = {axis: names for axis, names in one.requires.items() if axis in matrix.axes}
        bases = [
            base
            for axis, names in required.items()
            for base in matrix.axes[axis]
            if base.name in names and base.eol
        ]
        if not bases:
            return "", ""  # one provider serves it on a base that does not end
        ends.append(max((base.eol or "", base.id) for base in bases))
    last, name = max(ends)
    return name, last


# Lines that come.


def candidates(
    values: Sequence[AxisValue], observation: Observation, policy: BumpPolicy
) -> tuple[Candidate, ...]:
    """Return the lines of an index that may come, the newest first.

    These are newer than all that the axis has, or among the newest that are kept.
    """
    known = lines_of(values)
    served = lines_of([one for one in values if observation.provider in one.provider_names])
    if not served:
        return ()
    parts = max(len(line.release) for line in served)
    groups: dict[Version, list[Seen]] = {}
    for seen in observation.versions:
        if number := seen.number:
            line = Version(".".join(map(str, _padded(number.release, parts))))
            groups.setdefault(line, []).append(seen)
    lowest = _lowest(sorted({*known, *groups}, reverse=True), max(known), policy)
    return tuple(
        _candidate(line, seen, observation.provider, policy)
        for line, seen in groups.items()
        if line not in known and line > lowest
    )


def _candidate(
    line: Version, versions: Sequence[Seen], provider: str, policy: BumpPolicy
) -> Candidate:
    """Return the candidate of a line; releases count more than pre-releases, if there are any."""
    released = [one for one in versions if not _is_prerelease(one)]
    counted = versions if policy.prereleases or not released else released
    first = min(counted, key=lambda one: one.published or "9999")
    return Candidate(line=line, newest=counted[0], first=first, provider=provider)


def _is_prerelease(seen: Seen) -> bool:
    number = seen.number
    return number is not None and number.is_prerelease


def lines_of(values: Sequence[AxisValue]) -> list[Version]:
    """Return the release lines of values that can be compared: not `none`."""
    return [number for value in values if (number := version_of(value.upstream))]


def _lowest(lines: Sequence[Version], newest: Version, policy: BumpPolicy) -> Version:
    """Return the line above which lines are candidates."""
    if policy.keep is None or len(lines) <= policy.keep:
        return newest
    return min(newest, lines[policy.keep])


def _padded(release: tuple[int, ...], parts: int) -> tuple[int, ...]:
    return (*release, *([0] * parts))[:parts]


def _entry(axis: str, candidate: Candidate, policy: BumpPolicy, today: str) -> Row:
    line = str(candidate.line)
    reason = _kept_back(candidate, policy, today)
    if reason:
        return Row(axis=axis, line=line, what="wait", why=reason)
    why = f"{candidate.provider} has {candidate.newest.version}{_since(candidate.first)}"
    return Row(axis=axis, line=line, what="enter", why=why, provider=candidate.provider)


def _kept_back(candidate: Candidate, policy: BumpPolicy, today: str) -> str:
    """Return why a line does not enter today, "" if it does."""
    if _is_prerelease(candidate.newest) and not policy.prereleases:
        return f"{candidate.provider} has a pre-release of it: {candidate.newest.version}"
    if policy.enter == "never":
        return f"{candidate.provider} has {candidate.newest.version}; a person enters it"
    if policy.enter is None:
        return f"{candidate.provider} has {candidate.newest.version}; no policy lets it enter"
    for skip in policy.skip:
        if _is_meant(skip, candidate.line):
            overdue = "; that day is past: look again" if skip.until < today else ""
            return f"skipped until {skip.until}: {skip.reason}{overdue}"
    age = _DEFAULT_AGE if policy.age is None else policy.age
    published = candidate.first.published
    days = (date.fromisoformat(today) - date.fromisoformat(published)).days if published else 0
    if days < age:
        return f"{candidate.newest.version} is {count(days, 'day')} old, and must be {age}"
    return ""


def _since(first: Seen) -> str:
    if not first.published:
        return ""
    return f", {'seen here' if FIRST_SEEN in first.marks else 'published'} on {first.published}"


def _is_meant(skip: SkippedLine, line: Version) -> bool:
    match = _LIMIT.fullmatch(skip.line)
    limit = version_of(match[2]) if match else None
    if match is None or limit is None:
        return False
    return COMPARISONS[match[1]](line, limit) if match[1] else line == limit


# Lines that go.


def _dropped(axis: str, values: Sequence[AxisValue], policy: BumpPolicy) -> Iterator[Row]:
    """Yield the lines of a provider that are too many; never the first, nor a base's last one."""
    for value in values[1:] if policy.keep else ():
        names = set(value.provider_names)
        beside = [one for one in values if names & set(one.provider_names)]
        newest = sorted(set(lines_of(beside)), reverse=True)[: policy.keep]
        kept = [one for one in beside if version_of(one.upstream) in newest]
        number = version_of(value.upstream)
        if number and number not in newest and any(_serves_its_bases(one, value) for one in kept):
            why = f"keep is {policy.keep}: {', '.join(map(str, newest))}"
            yield Row(axis=axis, line=value.name, what="drop", why=why)


def _serves_its_bases(one: AxisValue, other: AxisValue) -> bool:
    """Whether a value is there on each base that another one is bound to."""
    bound = [alternative.requires or alternative.only for alternative in other.alternatives]
    return all(
        any(
            _overlap(need, alternative.requires or alternative.only)
            for alternative in one.alternatives
        )
        for need in bound
    )


def _overlap(need: Mapping[str, tuple[str, ...]], offered: Mapping[str, tuple[str, ...]]) -> bool:
    return all(set(names) <= set(offered.get(axis, names)) for axis, names in need.items())
