"""What findings hold back, by the policy of a catalog. Pure.

A target is held back by a finding that the policy blocks and no exception covers; in the mode
`regress` only by one that its released image does not have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase

from builder.catalog.ids import TargetId
from builder.catalog.security import UNKNOWN, Accepted, Security
from builder.common.errors import ConfigError, Location, raise_all
from builder.gate.matching import RANKS, Finding
from builder.gate.survey import Found

LONGEST = 180
"""The days for which an exception may hold."""
_YOUNG = 14
BLOCKED, WAITING, KNOWN, REPORTED, ACCEPTED = STATES = (
    "blocked", "waiting", "known", "reported", "accepted",
)  # fmt: skip
"""What becomes of a finding for a target: it holds it back; its grace is not over; the released
image has it too; it is only reported; or an exception covers it."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A finding in a package, with its targets by what becomes of it; `reason` is of exceptions."""

    found: Found
    targets: Mapping[str, tuple[str, ...]]
    reason: str = ""

    @property
    def state(self) -> str:
        """What becomes of it where it is worst."""
        return next(state for state in STATES if state in self.targets)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What all findings hold back. `ended` and `unused` are exceptions, by their ids."""

    judged: tuple[Judged, ...]
    ended: tuple[Accepted, ...]
    unused: tuple[Accepted, ...]

    @property
    def blocked(self) -> tuple[str, ...]:
        """The targets that are held back."""
        return tuple(sorted({key for item in self.judged for key in item.targets.get(BLOCKED, ())}))


def decide(
    found: Iterable[Found],
    security: Security,
    today: str,
    released: Mapping[str, Collection[tuple[str, str]]],
) -> Decision:
    """Return what findings hold back on a day, YYYY-MM-DD.

    `released` are the findings that released images have, by target: id and package without its
    version. Raises ConfigError for an exception that holds for too long.
    """
    check_exceptions(security, today)
    in_force = [item for item in security.exceptions if item.until >= today]
    used: set[int] = set()
    judged = [_judge(item, security, today, released, in_force, used) for item in found]
    return Decision(
        judged=tuple(sorted(judged, key=_rank)),
        ended=tuple(item for item in security.exceptions if item.until < today),
        unused=tuple(item for item in in_force if id(item) not in used),
    )


def check_exceptions(security: Security, today: str) -> None:
    """Raise ConfigError for exceptions that hold for too long, or lack their justification."""
    last = (date.fromisoformat(today) + timedelta(days=LONGEST)).isoformat()
    errors = [
        ConfigError(
            f"security.exceptions: {item.id} holds until {item.until},"
            f" more than {LONGEST} days ahead",
            hint=f"until: {last}, and look again then",
            location=Location(file="matrix.yaml"),
        )
        for item in security.exceptions
        if item.until > last
    ]
    errors += [
        ConfigError(
            f"security.exceptions: {item.id} is not_affected without a justification",
            hint="justification: vulnerable_code_not_in_execute_path",
            location=Location(file="matrix.yaml"),
        )
        for item in security.exceptions
        if item.status == "not_affected" and not item.justification
    ]
    raise_all(errors)


def severity_for_gate(finding: Finding, today: str) -> str:
    """Return the severity that counts: an unknown one is high for two weeks."""
    if finding.severity != UNKNOWN:
        return finding.severity
    return "high" if not finding.day or _days(finding.day, today) < _YOUNG else UNKNOWN


def _judge(
    item: Found,
    security: Security,
    today: str,
    released: Mapping[str, Collection[tuple[str, str]]],
    in_force: Sequence[Accepted],
    used: set[int],
) -> Judged:
    states: dict[str, list[str]] = {}
    reasons: dict[str, None] = {}
    verdict = _verdict(item.finding, security, today)
    for target in item.targets:
        state = verdict
        exception = next((one for one in in_force if _covers(one, item, target)), None)
        if exception is not None:
            used.add(id(exception))
            state = ACCEPTED
            reasons[f"{exception.reason} ({exception.by}, until {exception.until})"] = None
        elif state == BLOCKED and security.mode == "regress":
            before = released.get(target, ())
            if any((name, item.package) in before for name in item.finding.ids):
                state = KNOWN
        states.setdefault(state, []).append(target)
    return Judged(
        found=item,
        targets={state: tuple(targets) for state, targets in states.items()},
        reason="; ".join(reasons),
    )


def _verdict(finding: Finding, security: Security, today: str) -> str:
    """Return what becomes of a finding, before exceptions and releases."""
    severity = severity_for_gate(finding, today)
    when = getattr(security.block, severity)
    if security.mode == "report" or when == "never" or (when == "fixed" and not finding.fixed):
        return REPORTED
    grace = {str(key): days for key, days in security.grace.items()}.get(severity, 0)
    is_waiting = finding.fixed and finding.day and _days(finding.day, today) < grace
    return WAITING if is_waiting else BLOCKED


def _covers(exception: Accepted, item: Found, target: str) -> bool:
    if exception.id not in item.finding.ids:
        return False
    names = (item.name, item.package)
    images = (target, TargetId(target).image)
    return (
        not exception.packages
        or any(fnmatchcase(name, glob) for glob in exception.packages for name in names)
    ) and (
        not exception.images
        or any(fnmatchcase(name, glob) for glob in exception.images for name in images)
    )


def _rank(item: Judged) -> tuple[int, str, str]:
    finding = item.found.finding
    return (RANKS[finding.severity], item.found.name, finding.id)


def _days(day: str, today: str) -> int:
    try:
        return (date.fromisoformat(today) - date.fromisoformat(day)).days
    except ValueError:
        return 0
