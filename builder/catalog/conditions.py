"""Finds values that conditions of recipes name, and that are not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from builder.catalog.fields import Path
from builder.catalog.recipe import parse_condition
from builder.catalog.release_line import AxisValue
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.text import did_you_mean


class Removals(Protocol):
    """What tells where a catalog removed something of the matrix."""

    def removed(self, path: Path) -> Location | None:
        """Return where a catalog removed what a catalog below has at `path`, if one did."""


def removed_values(
    condition: str,
    location: Location,
    axes: Mapping[str, Sequence[AxisValue]],
    removals: Removals,
) -> Iterator[BuilderError]:
    """Yield an error for each value that a condition names and a catalog removed.

    A value that is not there, and that nobody removed, is no mistake: a recipe may know more than
    its catalog offers.
    """
    for axis, value in _lacking(condition, axes):
        if removed := removals.removed(("axes", axis, value)):
            yield _removed(axis, value, location, removed)


def unknown_values(
    condition: str,
    location: Location,
    axes: Mapping[str, Sequence[AxisValue]],
    removals: Removals,
) -> Iterator[BuilderError]:
    """Yield an error for each value that a condition names and its axis lacks."""
    for axis, value in _lacking(condition, axes):
        if removed := removals.removed(("axes", axis, value)):
            yield _removed(axis, value, location, removed)
        else:
            hint = did_you_mean(value, [known.name for known in axes[axis]])
            yield ConfigError(_message(axis, value), hint=hint, location=location)


def _lacking(condition: str, axes: Mapping[str, Sequence[AxisValue]]) -> Iterator[tuple[str, str]]:
    """Yield each axis that is there with a value that a condition names and it lacks."""
    try:
        terms = parse_condition(condition)
    except ValueError:  # told already
        return
    for term in terms:
        known = [value.name for value in axes.get(term.axis, ())]
        if term.value is not None and term.axis in axes and term.value not in known:
            yield term.axis, term.value


def _removed(axis: str, value: str, location: Location, removed: Location) -> ConfigError:
    label = removed.file.removesuffix("matrix.yaml").rstrip(":")
    who = f"catalog {label}" if label else "this catalog"
    return ConfigError(
        f"{_message(axis, value)}: {who} removed it",
        hint=f"take it out of the condition, or keep the value: {removed}",
        location=location,
        id="E-REMOVED-IN-USE",
    )


def _message(axis: str, value: str) -> str:
    return f"axis {axis} has no value {value!r}"
