"""How bad an advisory is: the worst of what it says of itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

from builder.catalog.security import CRITICAL, HIGH, LOW, MEDIUM, SEVERITIES, UNKNOWN

_WORDS = {
    "critical": CRITICAL, "high": HIGH, "important": HIGH, "moderate": MEDIUM, "medium": MEDIUM,
    "low": LOW, "negligible": LOW, "unimportant": LOW,
}  # fmt: skip
_STEPS = ((9.0, CRITICAL), (7.0, HIGH), (4.0, MEDIUM), (0.0, LOW))
_LONGEST = 512
_MOST = 20


def severity_of(record: Mapping[str, Any], affected: Mapping[str, Any]) -> str:
    """Return the worst severity that a record states of a package, or unknown."""
    stated = {*_scores(affected.get("severity")), *_scores(record.get("severity"))}
    for owner in (record, affected):
        for key, name in (("database_specific", "severity"), ("ecosystem_specific", "urgency")):
            details = owner.get(key)
            word = details.get(name) if isinstance(details, Mapping) else None
            if isinstance(word, str) and word.lower() in _WORDS:
                stated.add(_WORDS[word.lower()])
    return next((level for level in SEVERITIES if level in stated), UNKNOWN)


def _scores(values: object) -> Iterator[str]:
    for item in values[:_MOST] if isinstance(values, list) else ():
        if not isinstance(item, Mapping):
            continue
        score, kind = item.get("score"), str(item.get("type", ""))
        if isinstance(score, str) and len(score) <= _LONGEST:
            number = _score(kind, score)
            yield from [level for least, level in _STEPS if number >= least][:1]


def _score(kind: str, vector: str) -> float:
    """Return the base score of a vector, or -1 for what is none."""
    try:
        if kind == "CVSS_V4":
            return float(CVSS4(vector).base_score)
        if kind == "CVSS_V3":
            return float(CVSS3(vector).scores()[0])
        if kind == "CVSS_V2":
            return float(CVSS2(vector).scores()[0])
    except (CVSSError, ValueError, KeyError, ArithmeticError):
        pass
    return -1.0
