"""Finds values that conditions of recipes name and no axis has."""

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
    for error in unknown_values(condition, location, axes, removals):
        if error.id:
            yield error


def unknown_values(
    condition: str,
    location: Location,
    axes: Mapping[str, Sequence[AxisValue]],
    removals: Removals,
) -> Iterator[BuilderError]:
    """Yield an error for each value that a condition names and its axis lacks.

    An axis that is not there at all is no mistake.
    """
    try:
        terms = parse_condition(condition)
    except ValueError:  # told already
        return
    for term in terms:
        known = [value.name for value in axes.get(term.axis, ())]
        if term.value is None or term.axis not in axes or term.value in known:
            continue
        removed = removals.removed(("axes", term.axis, term.value))
        message = f"axis {term.axis} has no value {term.value!r}"
        if removed is None:
            hint = did_you_mean(term.value, known)
            yield ConfigError(message, hint=hint, location=location)
            continue
        label = removed.file.removesuffix("matrix.yaml").rstrip(":")
        yield ConfigError(
            f"{message}: {f'catalog {label}' if label else 'this catalog'} removed it",
            hint=f"take it out of the condition, or keep the value: {removed}",
            location=location,
            id="E-REMOVED-IN-USE",
        )
