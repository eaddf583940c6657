"""Checks pins: each ecosystem says how packages of it are pinned."""

from __future__ import annotations

from collections.abc import Mapping

from builder.catalog.ecosystem import EcosystemRules
from builder.catalog.models import Path
from builder.catalog.yaml_document import Document
from builder.common.errors import BuilderError, ConfigError


def check_pins(
    rules: EcosystemRules, limits: Mapping[str, str], document: Document, path: Path
) -> list[BuilderError]:
    """Return what is wrong with the limits of packages of one ecosystem, which are at `path`."""
    if rules.pins is None:
        message = f"packages of {rules.name} cannot be pinned"
        return [ConfigError(message, location=document.at_key(path))]
    errors: list[BuilderError] = []
    hint = f"write it as in {rules.name}: {{{rules.pins.example}}}"
    for name, limit in limits.items():
        if not rules.pins.name.fullmatch(name):
            message, location = (
                f"{name!r} is not a package name of {rules.name}",
                document.at_key((*path, name)),
            )
            errors.append(ConfigError(message, hint=hint, location=location))
        if not rules.pins.limit.fullmatch(limit):
            message = f"{limit!r} is not a version limit of {rules.name}"
            location = document.at((*path, name))
            errors.append(ConfigError(message, hint=hint, location=location))
    return errors
