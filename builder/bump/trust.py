"""Which observations of an index are not believed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from packaging.version import Version

from builder.resolvers.observation import Observation, Seen

FIRST_SEEN = "first-seen"
"""The mark of a version whose day is that on which we first saw it."""
_PLAUSIBLE_STEPS = 1
"""How many majors the newest version may be above the newest that is known."""


@dataclass(frozen=True, kw_only=True)
class Sifted:
    """What is left of an observation, and what people should know of the rest.

    `distrust` says why nothing is proposed from it; "" where it is believed.
    """

    observation: Observation
    distrust: str = ""
    warnings: tuple[str, ...] = ()


def sifted(
    observation: Observation, last: Observation | None, known: Sequence[Version], today: str
) -> Sifted:
    """Return what is believed of an observation. `last` is the one before it, `known` our lines.

    An index that lost half of its versions, or all of a line that is known, is not believed. Of
    others, versions from the future are left out, and majors that nobody can have reached.
    """
    if not observation.versions:
        return Sifted(observation=observation, distrust="it has no version at all")
    before, now = len(last.versions) if last else 0, len(observation.versions)
    if 2 * now < before:
        why = f"it has {now} versions, and had {before} on {last.day if last else ''}"
        return Sifted(observation=observation, distrust=why)
    if gone := [
        line for line in known if not any(_is_of(one, line) for one in _numbers(observation))
    ]:
        return Sifted(observation=observation, distrust=f"it has no version of {gone[0]}")
    highest = max(known).major + _PLAUSIBLE_STEPS if known else None
    kept, warnings = [], []
    for one in observation.versions:
        number = one.number
        if one.published > today:
            warnings.append(f"{one.version} is left out: published on {one.published}, after today")
        elif number and highest is not None and number.major > highest:
            warnings.append(f"{one.version} is left out: the newest that is known is {max(known)}")
        else:
            kept.append(one)
    return Sifted(observation=replace(observation, versions=tuple(kept)), warnings=tuple(warnings))


def with_first_days(observation: Observation, last: Observation | None) -> Observation:
    """Return an observation whose versions all have a day: upstream's, or our first of them."""
    first = {one.version: one.published for one in last.versions} if last else {}
    return replace(
        observation,
        versions=tuple(
            one if one.published else _first_seen(one, first.get(one.version, ""), observation.day)
            for one in observation.versions
        ),
    )


def _first_seen(one: Seen, first: str, day: str) -> Seen:
    marks = one.marks if FIRST_SEEN in one.marks else (*one.marks, FIRST_SEEN)
    return replace(one, published=first or day, marks=marks)


def _numbers(observation: Observation) -> list[Version]:
    return [number for one in observation.versions if (number := one.number)]


def _is_of(version: Version, line: Version) -> bool:
    return version.release[: len(line.release)] == line.release
