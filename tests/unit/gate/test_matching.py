"""Which advisories hold for a package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from builder.common.errors import StepError
from builder.gate.advisories import Advisory, parse
from builder.gate.matching import Query, affected, findings_of, query_of
from tests.unit.gate.osv import record


class Known:
    """Advisories in memory."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self._all = [one for item in records for one in parse(json.dumps(item).encode(), "it")]

    def of(self, ecosystem: str, name: str) -> Sequence[Advisory]:
        """Return those of a package."""
        return [one for one in self._all if (one.ecosystem, one.name) == (ecosystem, name)]


def _fixed(version: str, *events: dict[str, str], ecosystem: str = "Debian:13", **more: Any) -> Any:
    item = record("CVE-2026-1", ecosystem, "oak", *events, **more)
    (advisory,) = parse(json.dumps(item).encode(), "it")
    return affected(Query(ecosystem=ecosystem, name="oak", version=version), advisory)


ZERO = {"introduced": "0"}
TWICE = [{"introduced": "1.0"}, {"fixed": "2.0"}, {"introduced": "3"}, {"fixed": "4"}]
SCORE_3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
SCORE_4 = "CVSS:4.0/AV:L/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"


@pytest.mark.parametrize(
    ("version", "events", "fixed"),
    [
        ("1.2-3+deb13u1", [ZERO, {"fixed": "1.2-3+deb13u2"}], "1.2-3+deb13u2"),
        ("1.2-3+deb13u2", [ZERO, {"fixed": "1.2-3+deb13u2"}], None),
        ("1.2-3+deb13u2+b1", [ZERO, {"fixed": "1.2-3+deb13u2"}], None),
        ("1.2~rc1-1", [ZERO, {"fixed": "1.2-1"}], "1.2-1"),
        ("1:0.1-1", [ZERO, {"fixed": "9.0-1"}], None),
        ("0.1-1", [{"introduced": "1.0"}, {"fixed": "2.0"}], None),
        ("1.5", TWICE, "2.0"),
        ("2.5", TWICE, None),
        ("3.5", TWICE[::-1], "4"),
        ("2.0", [ZERO, {"fixed": "2.0"}, {"introduced": "2.0"}, {"fixed": "4"}], "4"),
        ("2.0", [ZERO, {"last_affected": "2.0"}], ""),
        ("2.1", [ZERO, {"last_affected": "2.0"}], None),
        ("2.0", [ZERO], ""),
        ("2.0", [ZERO, {"limit": "2.0"}], None),
        ("1.9", [ZERO, {"limit": "2.0"}], ""),
        ("2.0", [ZERO, {"limit": "*"}], ""),
        ("2.0", [], None),
    ],
)  # fmt: skip
def test_events(version: str, events: list[dict[str, str]], fixed: str | None) -> None:
    assert _fixed(version, *events) == fixed


def test_listed_versions() -> None:
    assert _fixed("1.0", versions=["1.0", "1.1"]) == ""
    assert _fixed("1.2", versions=["1.0", "1.1"]) is None
    assert _fixed("1.0", {"introduced": "2"}, {"fixed": "3"}, versions=["1.0"]) == "3"


def test_a_range_of_git_says_nothing() -> None:
    assert _fixed("1.0", ZERO, kind="GIT") is None


def test_a_range_that_cannot_be_read_holds() -> None:
    assert _fixed("1.0", ZERO, {"fixed": "no version"}) == ""
    assert _fixed("1.0", ZERO, {"fixed": "no version"}, versions=["0.9"]) is None


def test_a_range_of_semantic_versions_is_read_as_such() -> None:
    events = ({"introduced": "0"}, {"fixed": "1.0.0-rc.2"})
    assert _fixed("1.0.0-rc.1", *events, kind="SEMVER", ecosystem="npm") == "1.0.0-rc.2"
    assert _fixed("1.0.0", *events, kind="SEMVER", ecosystem="npm") is None


@pytest.mark.parametrize(
    ("purl", "source", "query"),
    [
        ("pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=trixie",
         "pkg:deb/debian/glibc@2.41-12?arch=source", ("Debian:13", "glibc", "2.41-12")),
        ("pkg:deb/debian/libc6@2.36?distro=debian-12&upstream=glibc%401.9", "",
         ("Debian:12", "glibc", "1.9")),
        ("pkg:deb/debian/tar@1.35", "", ("Debian", "tar", "1.35")),
        ("pkg:pypi/Ruamel.YAML@0.18.6", "", ("PyPI", "ruamel-yaml", "0.18.6")),
        ("pkg:npm/%40coder/logger@3.0.1", "", ("npm", "@coder/logger", "3.0.1")),
        ("pkg:maven/org.oak/oak@1.0", "", ("Maven", "org.oak:oak", "1.0")),
        ("pkg:cran/dplyr@1.1.4", "", ("CRAN", "dplyr", "1.1.4")),
        ("pkg:golang/k8s.io/kubernetes@v1.30.1", "", ("Go", "k8s.io/kubernetes", "v1.30.1")),
        ("pkg:julia/CSV@0.10.15?uuid=1", "", ("Julia", "CSV", "0.10.15")),
        ("pkg:generic/lang@1.0", "", None),
        ("pkg:deb/ubuntu/tar@1.35", "", None),
        ("pkg:pypi/oak", "", None),
    ],
)  # fmt: skip
def test_how_advisories_name_a_package(
    purl: str, source: str, query: tuple[str, str, str] | None
) -> None:
    found = query_of(purl, source)
    assert (found and (found.ecosystem, found.name, found.version)) == query


QUERY = Query(ecosystem="Debian:13", name="oak", version="1.0")


def test_aliases_are_one_finding_and_what_is_upstream_is_named() -> None:
    known = Known(
        record("DSA-1-1", "Debian:13", "oak", ZERO, {"fixed": "1.1"}, upstream=["CVE-2026-5"]),
        record("GHSA-aa", "Debian", "oak", ZERO, word="HIGH", aliases=["CVE-2026-1", "OSV-1"]),
        record("PYSEC-2", "Debian:13", "oak", ZERO, {"fixed": "1.2"}, aliases=["OSV-1"]),
        record("CVE-2026-9", "Debian:12", "oak", ZERO),
    )
    first, second = findings_of(QUERY, known)
    assert (first.id, first.severity, first.fixed) == ("CVE-2026-1", "high", "1.2")
    assert first.ids == ("CVE-2026-1", "GHSA-aa", "OSV-1", "PYSEC-2")
    assert (second.id, second.fixed) == ("CVE-2026-5", "1.1")


def test_a_malicious_package_is_worst() -> None:
    known = Known(record("MAL-2026-1", "Debian:13", "oak", versions=["1.0"], word="LOW"))
    (found,) = findings_of(QUERY, known)
    assert (found.id, found.severity) == ("MAL-2026-1", "malicious")


def test_what_was_withdrawn_or_is_of_a_newer_schema_is_left_out() -> None:
    withdrawn = record("CVE-2026-1", "Debian:13", "oak", ZERO, withdrawn="2026-02-01T00:00:00Z")
    newer = {**record("CVE-2026-2", "Debian:13", "oak", ZERO), "schema_version": "2.0.0"}
    unknown = {**record("CVE-2026-3", "Debian:13", "oak", ZERO), "new_field": {"a": [1]}}
    assert [item.id for item in findings_of(QUERY, Known(withdrawn, newer, unknown))] == [
        "CVE-2026-3"
    ]


@pytest.mark.parametrize(
    ("severity", "found"),
    [
        ({"severity": [{"type": "CVSS_V3", "score": SCORE_3}]}, "critical"),
        ({"severity": [{"type": "CVSS_V2", "score": "AV:N/AC:M/Au:N/C:P/I:P/A:P"}]}, "medium"),
        ({"severity": [{"type": "CVSS_V4", "score": SCORE_4}]}, "low"),
        ({"severity": [{"type": "CVSS_V3", "score": "nonsense"}, {"type": 1}, None]}, "unknown"),
        ({"severity": "high"}, "unknown"),
        ({"database_specific": {"severity": "MODERATE"}}, "medium"),
        ({}, "unknown"),
    ],
)  # fmt: skip
def test_severity(severity: dict[str, Any], found: str) -> None:
    item = record("CVE-2026-1", "Debian:13", "oak", ZERO, **severity)
    assert parse(json.dumps(item).encode(), "it")[0].severity == found


@pytest.mark.parametrize(
    "data", [b"[]", b"{}", b'{"id": 1}', b'{"id": "../../x"}', b"", b"[" * 200]
)
def test_what_is_no_record(data: bytes) -> None:
    with pytest.raises(StepError):
        parse(data, "it")


@pytest.mark.parametrize(
    "affected_by",
    [None, 1, [None], [{}], [{"package": 1}], [{"package": {"ecosystem": "Other", "name": "a"}}],
     [{"package": {"ecosystem": "npm", "name": ""}}],
     [{"package": {"ecosystem": "npm", "name": "a" * 300}}]],
)  # fmt: skip
def test_what_no_package_is_named_in(affected_by: object) -> None:
    data = json.dumps({"id": "CVE-2026-1", "affected": affected_by}).encode()
    assert parse(data, "it") == ()


def test_texts_of_strangers_are_one_line() -> None:
    item = record("CVE-2026-1", "npm", "oak", ZERO, summary="a\x1b[31m\n| b\u202e" + "c" * 900)
    (advisory,) = parse(json.dumps(item).encode(), "it")
    assert advisory.summary.isprintable()
    assert len(advisory.summary) <= 200
