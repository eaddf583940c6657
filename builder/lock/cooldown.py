"""The cooldown of `lock` in matrix.yaml: what was published in the last days is not taken yet.

A release that somebody hijacked lives for hours, rarely for days. What the lock has stays.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

from builder.common.errors import StepError, UnreachableError
from builder.lock.interfaces import ExactVersion, Provider, ReleaseLineRequest
from builder.lock.lockfile import VersionLock


def not_after(today: str, days: int) -> str:
    """Return the last moment, in UTC, at which a version may have been published; "": any."""
    day = date.fromisoformat(today) - timedelta(days=days)
    return f"{day.isoformat()}T00:00:00Z" if days else ""


def resolve(
    provider: Provider, request: ReleaseLineRequest, previous: VersionLock | None
) -> ExactVersion:
    """Return the newest version that the cooldown allows; the locked one, if that is newer.

    Raises StepError if every version is too young, and as the provider does.
    """
    try:
        exact = provider.resolve(request)
    except UnreachableError:
        raise
    except StepError:
        if not request.not_after:
            raise
        return _too_young(provider, request, previous)
    if previous is None or not request.not_after or not is_older(exact.version, previous.version):
        return exact
    newest = provider.resolve(replace(request, not_after=""))
    if is_older(newest.version, previous.version):
        return exact  # upstream took the locked one back
    return _stays(provider, request, previous)


def _too_young(
    provider: Provider, request: ReleaseLineRequest, previous: VersionLock | None
) -> ExactVersion:
    newest = provider.resolve(replace(request, not_after=""))
    if previous is not None and not is_older(newest.version, previous.version):
        return _stays(provider, request, previous)
    raise StepError(
        f"{newest.version} was published after {request.not_after}, and there is none older",
        hint="wait, or shorten `lock: {cooldown: …}` in matrix.yaml; `0d` takes it now",
    )


def _stays(provider: Provider, request: ReleaseLineRequest, previous: VersionLock) -> ExactVersion:
    """Return the locked version; a base for which it has no files is asked for."""
    files = previous.files.get(request.base.id)
    if files or not previous.files:
        return ExactVersion(version=previous.version, files=files or ())
    return provider.resolve(replace(request, line=previous.version, not_after=""))


def is_older(version: str, other: str) -> bool:
    """Whether a release is older than another of its line, by the numbers in them."""
    return _numbers(version) < _numbers(other)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))
