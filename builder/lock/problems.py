"""What could not be locked, and the errors that commands print of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from builder.common.errors import (
    BuilderError,
    ConfigError,
    NoPackageError,
    StepError,
    UnreachableError,
)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What could not be locked: `subject` is the id of a base, a release line or a target.

    `keeps`: its previous entry stays in the lock, so that it can still be built. Without `counts`
    it is reported, and is no failure.
    """

    subject: str
    error: BuilderError
    keeps: bool
    counts: bool = True

    @property
    def is_unreachable(self) -> bool:
        """Whether nobody answered; otherwise the answer does not help."""
        return isinstance(self.error, UnreachableError)

    @property
    def reason(self) -> str:
        """Why, in one line."""
        return self.error.message.partition("\n")[0]


def same_reason(problems: Sequence[Problem]) -> list[list[Problem]]:
    """Return problems in groups that have the same reason and the same `keeps`."""
    groups: list[list[Problem]] = []
    for problem in problems:
        for group in groups:
            first = group[0]
            # The reasons of several targets are the same but for their ids.
            words = first.reason.replace(first.subject, problem.subject)
            if words == problem.reason and first.keeps is problem.keeps:
                group.append(problem)
                break
        else:
            groups.append([problem])
    return groups


def named(group: Sequence[Problem]) -> str:
    """Return the subjects of a group, in short."""
    others = f" and {len(group) - 1} more" if len(group) > 1 else ""
    return f"{group[0].subject}{others}"


def failures(problems: Sequence[Problem], *, reachable: bool) -> list[BuilderError]:
    """Return an error for each reason that counts as failed, mistakes of the catalog first.

    `reachable`: what could not be reached does not count.
    """
    counted = [
        problem
        for problem in problems
        if problem.counts and not (reachable and problem.is_unreachable)
    ]
    errors = [_failure(group) for group in same_reason(counted)]
    return sorted(errors, key=lambda error: not isinstance(error, ConfigError))


def _failure(group: Sequence[Problem]) -> BuilderError:
    first = group[0]
    error, subject = first.error, named(group)
    if isinstance(error, ConfigError) and not first.keeps:
        return error
    outcome = f"{subject}: stays as locked" if first.keeps else f"{subject}: not locked"
    return StepError(f"{outcome}: {error.message}", hint=_hint(first), location=error.location)


def _hint(problem: Problem) -> str:
    hint = problem.error.hint
    if isinstance(problem.error, NoPackageError):  # its entry stays: else the error is as it is
        return "it is still built from files kept here; change the recipe before those are lost"
    if not problem.is_unreachable:
        return hint
    return "; ".join(part for part in (hint, "with --reachable it does not count") if part)


@dataclass(frozen=True, kw_only=True)
class NotLocked:
    """What could not be locked, as report.json has it: `keeps` says whether the old lock stays."""

    id: str
    keeps: bool
    reason: str


def not_locked(problems: Sequence[Problem]) -> tuple[NotLocked, ...]:
    """Return problems for report.json."""
    return tuple(
        NotLocked(id=problem.subject, keeps=problem.keeps, reason=problem.error.message)
        for problem in problems
    )
