"""Reads the components of a document in CycloneDX that anybody may have written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.common.errors import ConfigError
from builder.common.limits import ARTIFACT_FILE, PATH, read_file, read_json
from builder.sbom.model import SCAN, Component, Contained

_MOST = 100_000


def read_components(file: Path) -> tuple[Contained, ...]:
    """Return the components that have a package URL. Raises ConfigError for another document."""
    data = read_json(
        read_file(file, ARTIFACT_FILE, error=ConfigError), ARTIFACT_FILE, str(file),
        error=ConfigError,
    )  # fmt: skip
    if not isinstance(data, dict) or data.get("bomFormat") != "CycloneDX":
        raise ConfigError(
            f"{file} is not a document in CycloneDX", hint="`builder sbom IMAGE` writes one"
        )
    metadata, components = data.get("metadata"), data.get("components")
    subject = metadata.get("component") if isinstance(metadata, Mapping) else None
    name = str(subject.get("name", "")) if isinstance(subject, Mapping) else ""
    return tuple(
        Contained(component=item, brought_by=(), targets=(name or file.name,))
        for item in _components(components if isinstance(components, list) else [])
    )


def _components(items: list[Any]) -> Iterator[Component]:
    for item in items[:_MOST]:
        purl = item.get("purl") if isinstance(item, Mapping) else None
        if isinstance(purl, str) and len(purl) <= PATH:
            yield Component(
                purl=purl,
                name=str(item.get("name", "")),
                version=str(item.get("version", "")),
                evidence=SCAN,
                brought_by="",
                source_purl=_source(item.get("externalReferences")),
            )


def _source(references: object) -> str:
    for item in references if isinstance(references, list) else ():
        if isinstance(item, Mapping) and item.get("type") == "source-distribution":
            url = str(item.get("url", ""))
            if url.startswith("pkg:deb/") and len(url) <= PATH:
                return url
    return ""
