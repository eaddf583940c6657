"""Refuses public formats that a newer builder wrote: docs/formats.md describes them. Pure."""

from __future__ import annotations

from builder.common.errors import ConfigError, Location
from builder.common.version import VERSION


def check_format(number: int, newest: int, place: Location) -> None:
    """Raise ConfigError where a format is newer than the newest that this builder reads."""
    if number > newest:
        raise ConfigError(
            f"format {number} is newer than this builder's {newest}",
            hint=f"this is builder {VERSION}: pip install --upgrade catalog-builder",
            location=place,
        )
