"""Writes a document as SPDX 2.3 JSON: the same image gives the same bytes. Pure."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

from builder.common.version import VERSION
from builder.sbom.cyclonedx import serial, timestamp
from builder.sbom.model import Component, Sbom

PREDICATE = "https://spdx.dev/Document"
_ALGORITHMS = {"sha256": "SHA256", "sha512": "SHA512"}
_URL = re.compile(r"(https?|git\+https)://\S+")
_NOTHING = "NOASSERTION"
_PURPOSES = {"container": "CONTAINER", "application": "APPLICATION", "file": "FILE"}


def document(sbom: Sbom) -> dict[str, Any]:
    """Return the document as data."""
    components = (sbom.subject, *sbom.components)
    ids = {item.purl: _id(item) for item in components}
    unknown = [f"nothing is known of {key}: {why}" for key, why in sorted(sbom.unknown.items())]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": sbom.subject.name,
        "documentNamespace": f"https://spdx.org/spdxdocs/{serial(sbom)}",
        "creationInfo": {
            "created": timestamp(sbom.epoch),
            "creators": [f"Tool: catalog-builder-{VERSION}"],
            **({"comment": "\n".join(unknown)} if unknown else {}),
        },
        "packages": [_package(item, ids[item.purl]) for item in components],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": ids[sbom.subject.purl],
            },
            *(
                {
                    "spdxElementId": ids[ref],
                    "relationshipType": "CONTAINS" if ref.startswith("pkg:oci/") else "DEPENDS_ON",
                    "relatedSpdxElement": ids[purl],
                }
                for ref, needs in sbom.edges.items()
                if ref in ids
                for purl in needs
                if purl in ids
            ),
        ],
    }


def dump(sbom: Sbom) -> bytes:
    """Return the document as bytes."""
    text = json.dumps(document(sbom), indent=1, ensure_ascii=False)
    return f"{text}\n".encode()


def _id(item: Component) -> str:
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", item.name).strip("-")
    return f"SPDXRef-{name}-{sha256(item.purl.encode()).hexdigest()[:16]}"


def _package(item: Component, identity: str) -> dict[str, Any]:
    checksums = [
        {"algorithm": _ALGORITHMS[algorithm], "checksumValue": value}
        for algorithm, _, value in (text.partition(":") for text in item.hashes)
        if algorithm in _ALGORITHMS
    ]
    comment = f"brought by {item.brought_by}; known from the {item.evidence}"
    data: dict[str, Any] = {
        "SPDXID": identity,
        "name": item.name,
        "versionInfo": item.version,
        "supplier": _supplier(item.supplier),
        "downloadLocation": item.location if _URL.fullmatch(item.location) else _NOTHING,
        "filesAnalyzed": False,
        "checksums": checksums,
        "sourceInfo": f"built from {item.source_purl}" if item.source_purl else "",
        "licenseConcluded": _NOTHING,
        "licenseDeclared": item.licence or _NOTHING,
        "copyrightText": _NOTHING,
        "comment": comment,
        "primaryPackagePurpose": _PURPOSES.get(item.kind, "LIBRARY"),
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": item.purl,
            }
        ],
    }
    return {key: value for key, value in data.items() if value or value is False}


def _supplier(text: str) -> str:
    """Return a maintainer, `Name <address>`, as SPDX writes it."""
    name, _, address = text.partition("<")
    mail = f" ({address.rstrip('>')})" if address else ""
    return f"Organization: {name.strip()}{mail}" if text else _NOTHING
