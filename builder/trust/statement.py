"""Statements about images, charts and release records: in-toto Statement v1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.common.errors import TrustError
from builder.common.hashing import canonical
from builder.common.limits import read_json

TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""The payload type of a statement in a DSSE envelope."""
PROVENANCE = "https://slsa.dev/provenance/v1"
CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
VEX = "https://openvex.dev/ns"
VERIFICATION_SUMMARY = "https://slsa.dev/verification_summary/v1"
PROMOTION = "https://in-toto.io/attestation/promotion-record/v1"
LIMIT = 64 << 20
"""The bytes of a statement: the SBOM of an image with thousands of packages has some 10 MB."""
SUBJECTS = 1_000
_HASH = re.compile(r"[0-9a-f]{32,128}")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a statement is about. `digest` is by algorithm, in hex."""

    name: str
    digest: Mapping[str, str]

    @classmethod
    def of(cls, name: str, digest: str) -> Subject:
        """Return the subject of a name and a digest, `algorithm:hex`."""
        algorithm, _, value = digest.partition(":")
        return cls(name=name, digest={algorithm: value})

    def has(self, digest: str) -> bool:
        """Whether it has this digest, `algorithm:hex`."""
        algorithm, _, value = digest.partition(":")
        return bool(value) and self.digest.get(algorithm) == value


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What is stated, by its predicate type, of subjects."""

    predicate_type: str
    subjects: tuple[Subject, ...]
    predicate: Mapping[str, Any]

    @property
    def content(self) -> bytes:
        """Return it as canonical JSON: the same statement has the same bytes."""
        return canonical(
            {
                "_type": TYPE,
                "subject": [{"name": it.name, "digest": dict(it.digest)} for it in self.subjects],
                "predicateType": self.predicate_type,
                "predicate": dict(self.predicate),
            }
        )

    def is_about(self, digest: str) -> bool:
        """Whether one of its subjects has this digest, `algorithm:hex`."""
        return any(subject.has(digest) for subject in self.subjects)


def parse(content: bytes, what: str) -> Statement:
    """Return the statement in JSON that anybody may have written. Raises TrustError."""
    document = read_json(content, LIMIT, what, error=TrustError)
    if not isinstance(document, dict) or document.get("_type") != TYPE:
        raise TrustError(f"{what} is not a statement of in-toto, version 1")
    kind, predicate = document.get("predicateType"), document.get("predicate")
    subjects = document.get("subject")
    if not isinstance(kind, str) or not kind or not isinstance(predicate, dict):
        raise TrustError(f"{what} has no predicate")
    if not isinstance(subjects, list) or not 0 < len(subjects) <= SUBJECTS:
        raise TrustError(f"{what} has no subject, or more than {SUBJECTS:,}")
    return Statement(
        predicate_type=kind,
        subjects=tuple(_subject(item, what) for item in subjects),
        predicate=predicate,
    )


def _subject(value: object, what: str) -> Subject:
    digest = value.get("digest") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(digest, dict) or not digest:
        raise TrustError(f"{what} has a subject without a digest")
    if not all(isinstance(it, str) and _HASH.fullmatch(it) for it in digest.values()):
        raise TrustError(f"{what} has a subject with an invalid digest")
    name = value.get("name", "")
    if not isinstance(name, str):
        raise TrustError(f"{what} has a subject with an invalid name")
    return Subject(name=name, digest=digest)
