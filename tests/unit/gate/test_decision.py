"""What findings hold back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builder.catalog.security import Accepted, Blocking, Security
from builder.common.errors import BuilderError, ConfigError
from builder.gate.database import Index
from builder.gate.decision import ACCEPTED, BLOCKED, KNOWN, REPORTED, WAITING, decide
from builder.gate.matching import Finding, Query
from builder.gate.survey import Found, Survey
from builder.report import vulnerabilities as report

TODAY = "2026-12-01"
DESK, TOOL = "desk/os=2", "tool/os=2"
FINDING = Finding(
    id="CVE-2026-1", ids=("CVE-2026-1", "GHSA-aa"), severity="high", day="2026-11-01",
    fixed="1.1", summary="", query=Query(ecosystem="Debian:13", name="oak", version="1.0"),
)  # fmt: skip
FOUND = Found(
    finding=FINDING, package="deb/oak", brought_by=("base/os=2",), targets=(DESK, TOOL),
    upgrade=("liboak1",),
)  # fmt: skip
STRICT = Security(mode="strict")
EXCEPTION = Accepted(id="GHSA-aa", reason="nothing reads it", by="oak@example.org", until=TODAY)


def _states(
    security: Security, found: Found = FOUND, released: object = None
) -> dict[str, tuple[str, ...]]:
    decision = decide([found], security, TODAY, released or {})  # type: ignore[arg-type]
    return dict(decision.judged[0].targets)


def _of(**changes: object) -> Found:
    return replace(FOUND, finding=replace(FINDING, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "state"), [("report", REPORTED), ("regress", BLOCKED), ("strict", BLOCKED)]
)
def test_modes(mode: str, state: str) -> None:
    assert _states(Security(mode=mode)) == {state: (DESK, TOOL)}  # type: ignore[arg-type]


def test_what_the_release_has_already_holds_nothing_back() -> None:
    released = {DESK: {("GHSA-aa", "deb/oak")}, TOOL: {("GHSA-aa", "deb/other")}}
    assert _states(Security(mode="regress"), released=released) == {
        KNOWN: (DESK,),
        BLOCKED: (TOOL,),
    }
    assert _states(STRICT, released=released) == {BLOCKED: (DESK, TOOL)}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"fixed": ""}, REPORTED),
        ({"severity": "malicious", "fixed": ""}, BLOCKED),
        ({"severity": "medium"}, REPORTED),
        ({"severity": "unknown", "day": "2026-11-20"}, BLOCKED),
        ({"severity": "unknown", "day": "2026-11-01"}, REPORTED),
        ({"severity": "unknown", "day": ""}, BLOCKED),
    ],
)
def test_what_blocks_depends_on_severity_and_fix(changes: dict[str, str], state: str) -> None:
    assert list(_states(STRICT, _of(**changes))) == [state]


def test_policy() -> None:
    block = Blocking(high="always", medium="always", malicious="never")
    security = Security(mode="strict", block=block)
    assert list(_states(security, _of(fixed=""))) == [BLOCKED]
    assert list(_states(security, _of(severity="medium", fixed=""))) == [BLOCKED]
    assert list(_states(security, _of(severity="malicious"))) == [REPORTED]


def test_grace() -> None:
    security = Security(mode="strict", grace={"high": 31})
    assert list(_states(security)) == [WAITING]
    assert list(_states(security, _of(day="2026-10-31"))) == [BLOCKED]


@pytest.mark.parametrize(
    ("changes", "states"),
    [
        ({}, {ACCEPTED: (DESK, TOOL)}),
        ({"until": "2026-11-30"}, {BLOCKED: (DESK, TOOL)}),
        ({"images": ("desk",)}, {ACCEPTED: (DESK,), BLOCKED: (TOOL,)}),
        ({"images": ("tool/*",)}, {BLOCKED: (DESK,), ACCEPTED: (TOOL,)}),
        ({"packages": ("deb/oak",)}, {ACCEPTED: (DESK, TOOL)}),
        ({"packages": ("deb/oak@1.*",)}, {ACCEPTED: (DESK, TOOL)}),
        ({"packages": ("deb/oak@2",)}, {BLOCKED: (DESK, TOOL)}),
        ({"packages": ("pypi/*",)}, {BLOCKED: (DESK, TOOL)}),
        ({"id": "CVE-2026-2"}, {BLOCKED: (DESK, TOOL)}),
    ],
)
def test_exceptions(changes: dict[str, object], states: dict[str, tuple[str, ...]]) -> None:
    exception = replace(EXCEPTION, **changes)  # type: ignore[arg-type]
    assert _states(replace(STRICT, exceptions=(exception,))) == states


def test_exceptions_that_ended_or_match_nothing_are_named() -> None:
    ended = replace(EXCEPTION, until="2026-11-30")
    unused = replace(EXCEPTION, id="CVE-2026-2")
    decision = decide([FOUND], replace(STRICT, exceptions=(ended, unused)), TODAY, {})
    assert (decision.ended, decision.unused) == ((ended,), (unused,))
    assert decision.blocked == (DESK, TOOL)


def test_an_exception_that_holds_for_too_long() -> None:
    last = replace(EXCEPTION, until="2027-05-30")
    assert _states(replace(STRICT, exceptions=(last,))) == {ACCEPTED: (DESK, TOOL)}
    with pytest.raises(ConfigError) as caught:
        _states(replace(STRICT, exceptions=(replace(EXCEPTION, until="2027-05-31"),)))
    assert str(caught.value) == (
        "matrix.yaml: security.exceptions: GHSA-aa holds until 2027-05-31,"
        " more than 180 days ahead\n"
        "  hint: until: 2027-05-30, and look again then"
    )


def test_not_affected_needs_a_justification() -> None:
    with pytest.raises(BuilderError, match="GHSA-aa is not_affected without a justification"):
        _states(replace(STRICT, exceptions=(replace(EXCEPTION, status="not_affected"),)))


INDEX = Index(
    format=1, file="", sha256="", made=TODAY, newest="2026-11-30", source="osv", count=1200
)


def test_the_report_is_by_package() -> None:
    decision = decide([FOUND], STRICT, TODAY, {})
    survey = Survey(found=(FOUND,), asked=2, skipped=1)
    assert report.as_text(survey, decision, INDEX) == (
        "severity  package      finding     fixed in  since       images  what becomes of it\n"
        "high      deb/oak@1.0  CVE-2026-1  1.1       2026-11-01  2       blocked\n"
        "deb/oak@1.0: `builder lock --upgrade liboak1` rebuilds 2 images\n"
        "1 finding in 2 packages (1 without advisories), by 1200 records until 2026-11-30;"
        " 2 images held back\n"
    )
    text = report.as_markdown(survey, decision, INDEX)
    assert "| high | deb/oak@1.0 | CVE-2026-1 | 1.1 | 2026-11-01 | 2 | blocked |\n" in text
    assert '"mend": "`builder lock --upgrade liboak1` rebuilds 2 images"' in report.as_json(
        survey, decision, INDEX
    )


def test_a_stranger_s_text_stays_in_its_cell() -> None:
    hostile = replace(FOUND, package="deb/<b>|x")
    decision = decide([hostile], STRICT, TODAY, {})
    text = report.as_markdown(Survey(found=(), asked=0, skipped=0), decision, INDEX)
    assert "| deb/&lt;b>\\|x@1.0 |" in text
