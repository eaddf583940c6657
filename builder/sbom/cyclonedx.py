"""Writes a document as CycloneDX 1.6 JSON: the same image gives the same bytes. Pure."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from builder.common.version import VERSION
from builder.sbom.model import Component, Sbom

PREDICATE = "https://cyclonedx.org/bom"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, PREDICATE)
_ALGORITHMS = {"sha256": "SHA-256", "sha512": "SHA-512"}
_LENGTHS = {"sha256": 64, "sha512": 128}
_TOOL = "catalog-builder"


def document(sbom: Sbom) -> dict[str, Any]:
    """Return the document as data."""
    known = {sbom.subject.purl, *(item.purl for item in sbom.components)}
    incomplete = [
        {"name": f"catalog:unknown:{key}", "value": why}
        for key, why in sorted(sbom.unknown.items())
    ]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial(sbom)}",
        "version": 1,
        "metadata": {
            "timestamp": timestamp(sbom.epoch),
            "tools": {"components": [{"type": "application", "name": _TOOL, "version": VERSION}]},
            "component": _component(sbom.subject),
            **({"properties": incomplete} if incomplete else {}),
        },
        "components": [_component(item) for item in sbom.components],
        "dependencies": [
            {"ref": ref, "dependsOn": [purl for purl in needs if purl in known]}
            for ref, needs in sbom.edges.items()
            if ref in known
        ],
    }


def dump(sbom: Sbom) -> bytes:
    """Return the document as bytes."""
    text = json.dumps(document(sbom), indent=1, ensure_ascii=False)
    return f"{text}\n".encode()


def serial(sbom: Sbom) -> uuid.UUID:
    """Return the id of a document: it depends on what the document is of, and on nothing else."""
    return uuid.uuid5(_NAMESPACE, f"{sbom.subject.name} {sbom.identity}")


def timestamp(epoch: int) -> str:
    """Return a time in seconds as documents have it, in UTC."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _component(item: Component) -> dict[str, Any]:
    references = [
        *([("source-distribution", item.source_purl)] if item.source_purl else []),
        *([("distribution", item.location)] if item.location else []),
    ]
    hashes = [
        {"alg": _ALGORITHMS[algorithm], "content": hex_digits}
        for algorithm, _, hex_digits in (text.partition(":") for text in item.hashes)
        if len(hex_digits) == _LENGTHS.get(algorithm)
    ]
    properties = {
        "catalog:brought-by": item.brought_by,
        "catalog:evidence": item.evidence,
        "catalog:hash": " ".join(text for text in item.hashes if not text.startswith("sha")),
        "catalog:size": str(item.size or ""),
    }
    data: dict[str, Any] = {
        "type": item.kind,
        "bom-ref": item.purl,
        "name": item.name,
        "version": item.version,
        "supplier": {"name": item.supplier} if item.supplier else None,
        "hashes": hashes,
        "licenses": [{"expression": item.licence}] if item.licence else [],
        "purl": item.purl,
        "externalReferences": [{"type": kind, "url": url} for kind, url in references],
        "properties": [
            {"name": name, "value": value} for name, value in properties.items() if value
        ],
    }
    return {key: value for key, value in data.items() if value}
