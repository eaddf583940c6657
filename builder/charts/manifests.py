"""Reads what Helm renders. Pure."""

from __future__ import annotations

from builder.catalog.yaml_document import objects
from builder.common.errors import ConfigError, StepError


def documents(manifests: str) -> list[dict[str, object]]:
    """Parse the objects in a stream of manifests. Raises StepError where it is not YAML."""
    try:
        return objects(manifests, "manifests")
    except ConfigError as error:
        line = f" at line {error.location.line}" if error.location else ""
        raise StepError(f"{error.message}{line}") from error
