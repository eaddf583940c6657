"""The schemas of Kubernetes' objects. To import them takes long: import this where one is used."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import kubernetes_validate
from kubernetes_validate import SchemaNotFoundError, ValidationError
from kubernetes_validate import utils as schemas

__all__ = ["SchemaNotFoundError", "ValidationError", "minors", "validate"]

# Without a cache, it reads a megabyte of JSON for every object that it validates.
schemas.schema_contents = cache(schemas.schema_contents)


def minors() -> tuple[str, ...]:
    """List the minor versions that schemas exist for, oldest first."""
    pairs = {tuple(int(part) for part in text.split(".")[:2]) for text in schemas.all_versions()}
    return tuple(f"{major}.{minor}" for major, minor in sorted(pairs))


def validate(manifest: Mapping[str, object], minor: str) -> None:
    """Check an object strictly. Raises ValidationError, or SchemaNotFoundError for its kind."""
    kubernetes_validate.validate(manifest, minor, strict=True)
