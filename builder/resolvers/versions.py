"""Exact versions, and the release lines that they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from builder.common.errors import ConfigError, StepError
from builder.lock.interfaces import ReleaseLineRequest

_RELEASE = re.compile(r"(?:(?P<epoch>\d+):|v)?(?P<main>\d+(?:\.\d+)*)(?:[+-](?P<build>\d+))?")
_PREFIX = re.compile(r"\d+:|v(?=\d)")
_NAMED = 6  # how many versions an error names


def is_release(version: str) -> bool:
    """Whether a version has numbers only: it is no pre-release and no custom build.

    It may have a `v` or an epoch (`1:`) before it, and a build number (`+526`, `-1`) after it.
    """
    return _RELEASE.fullmatch(version) is not None


def newest_first(versions: Iterable[str]) -> tuple[str, ...]:
    """Return the releases among `versions`, each once, newest first."""
    return tuple(sorted(set(filter(is_release, versions)), key=_key, reverse=True))


def is_of_line(version: str, line: str) -> bool:
    """Whether a version belongs to a release line: 3.13.5 to 3.13 and 3.13.5, not to 3.1."""
    plain, plain_line = (_PREFIX.sub("", text, count=1) for text in (version, line))
    return plain == plain_line or re.match(re.escape(plain_line) + r"[.+-]", plain) is not None


def newest_of(line: str, versions: Sequence[str], provider: str) -> str:
    """Return the newest version of a release line; `versions` are newest first."""
    for version in versions:
        if is_of_line(version, line):
            return version
    raise no_line(line, versions, provider)


def is_published(time: str, not_after: str) -> bool:
    """Whether a time, in ISO 8601, is not after another; what is no time is none, and passes."""
    try:
        published = datetime.fromisoformat(time)
    except ValueError:
        return True
    if published.tzinfo is None:
        published = published.replace(tzinfo=UTC)
    return published <= datetime.fromisoformat(not_after)


def day_of(time: object) -> str:
    """Return the day of a time, in ISO 8601, as YYYY-MM-DD; "" for what is no time."""
    try:
        return datetime.fromisoformat(time).date().isoformat() if isinstance(time, str) else ""
    except ValueError:
        return ""


def no_line(line: str, versions: Sequence[str], provider: str) -> StepError:
    """Return the error of a provider without this release line; it names the others."""
    newest_by_minor: dict[str, str] = {}
    for version in versions:
        newest_by_minor.setdefault(".".join(version.split(".")[:2]), version)
    newest = list(newest_by_minor.values())
    others = ", …" if len(newest) > _NAMED else ""
    offer = f"it has {', '.join(newest[:_NAMED])}{others}" if newest else "it has none at all"
    return StepError(f"provider {provider} has no {line} ({offer})")


def no_architecture(version: str, arch: str, available: Iterable[str], provider: str) -> StepError:
    """Return the error of a version that exists, but not for this architecture."""
    names = ", ".join(sorted(available)) or "none"
    return StepError(
        f"provider {provider} has {version} for {names}, but not for {arch}",
        hint="leave that platform out for this release line: `platforms` in matrix.yaml",
    )


def arch_of(request: ReleaseLineRequest) -> str:
    """Return the architecture by its name in Debian and Docker: amd64, arm64."""
    return request.base.platform.split("/")[1]


def option(request: ReleaseLineRequest, name: str, provider: str) -> str:
    """Return an option that a recipe must give. Raises ConfigError."""
    if name not in request.options:
        raise ConfigError(
            f"provider {provider} needs the option {name}",
            hint=f"recipe.yaml: `provides: {{AXIS: {{{provider}: {{{name}: …}}}}}}`",
        )
    return request.options[name]


def _key(version: str) -> tuple[tuple[int, ...], ...]:
    """Return the sort key of a release: epoch, version and build number."""
    match = _RELEASE.fullmatch(version)
    assert match is not None
    parts = (match["epoch"] or "0", match["main"], match["build"] or "0")
    return tuple(tuple(map(int, part.split("."))) for part in parts)
