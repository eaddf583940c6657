"""What could not be locked, and what a command says of it. Pure."""

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

    `keeps`: what the lock had of it stays, so that it can still be built.
    """

    subject: str
    error: BuilderError
    keeps: bool

    @property
    def is_unreachable(self) -> bool:
        """Whether it could not be asked for; otherwise what was answered does not do."""
        return isinstance(self.error, UnreachableError)

    @property
    def reason(self) -> str:
        """Why, in one line."""
        return self.error.message.partition("\n")[0]


def same_reason(problems: Sequence[Problem]) -> list[list[Problem]]:
    """Return problems in groups: those of targets that have a reason in common, and of one kind."""
    groups: list[list[Problem]] = []
    for one in problems:
        for group in groups:
            first = group[0]
            # What targets have in common is told in the same words, but for their ids.
            words = first.reason.replace(first.subject, one.subject)
            if words == one.reason and first.keeps is one.keeps:
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def named(group: Sequence[Problem]) -> str:
    """Return who has a reason in common, in short."""
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    return f"{group[0].subject}{more}"


def failures(problems: Sequence[Problem], *, reachable: bool) -> list[BuilderError]:
    """Return an error for each reason that counts as failed, mistakes of the catalog first.

    `reachable`: what could not be asked for does not count.
    """
    counted = [one for one in problems if not (reachable and one.is_unreachable)]
    errors = [_failure(group) for group in same_reason(counted)]
    return sorted(errors, key=lambda error: not isinstance(error, ConfigError))


def _failure(group: Sequence[Problem]) -> BuilderError:
    first = group[0]
    error, who = first.error, named(group)
    if isinstance(error, ConfigError) and not first.keeps:
        return error
    what = f"{who}: what is locked stays" if first.keeps else f"{who}: not locked"
    return StepError(f"{what}: {error.message}", hint=_hint(first), location=error.location)


def _hint(problem: Problem) -> str:
    hint = problem.error.hint
    if isinstance(problem.error, NoPackageError):  # and kept, or it were told as it is
        return "it is built from the files that are kept; name what is there before those are lost"
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
        NotLocked(id=one.subject, keeps=one.keeps, reason=one.error.message) for one in problems
    )
