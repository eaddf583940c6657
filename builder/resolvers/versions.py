"""Exact versions and the lines that they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from builder.common.errors import ConfigError, StepError
from builder.lock.interfaces import ReleaseLineRequest

_RELEASE = re.compile(r"(?:(?P<epoch>\d+):|v)?(?P<main>\d+(?:\.\d+)*)(?:[+-](?P<build>\d+))?")
_PREFIX = re.compile(r"\d+:|v(?=\d)")
_NAMED = 6  # how many lines an error names


def is_release(version: str) -> bool:
    """Whether a version is numbers alone: no pre-release, no build of somebody's own.

    A `v` before it, an epoch (`1:`) and the number of a build (`+526`, `-1`) may be there.
    """
    return _RELEASE.fullmatch(version) is not None


def newest_first(versions: Iterable[str]) -> tuple[str, ...]:
    """Return the releases among `versions`, each once, newest first."""
    return tuple(sorted(set(filter(is_release, versions)), key=_key, reverse=True))


def is_of_line(version: str, line: str) -> bool:
    """Whether a version belongs to a line: 3.13.5 to 3.13, and to 3.13.5, not to 3.1."""
    bare, of = (_PREFIX.sub("", text, count=1) for text in (version, line))
    return bare == of or re.match(re.escape(of) + r"[.+-]", bare) is not None


def newest_of(line: str, versions: Sequence[str], provider: str) -> str:
    """Return the newest version of a release line, out of those that are newest first."""
    for version in versions:
        if is_of_line(version, line):
            return version
    raise no_line(line, versions, provider)


def no_line(line: str, versions: Sequence[str], provider: str) -> StepError:
    """Return the error of a provider without this release line; it names those it has."""
    heads: dict[str, str] = {}
    for version in versions:
        heads.setdefault(".".join(version.split(".")[:2]), version)
    named = list(heads.values())
    more = ", …" if len(named) > _NAMED else ""
    has = f"it has {', '.join(named[:_NAMED])}{more}" if named else "it has none at all"
    return StepError(f"provider {provider} has no {line} ({has})")


def no_architecture(version: str, arch: str, there: Iterable[str], provider: str) -> StepError:
    """Return the error of a version that exists, but not for this architecture."""
    names = ", ".join(sorted(there)) or "none"
    return StepError(
        f"provider {provider} has {version} for {names}, and not for {arch}",
        hint="leave that platform out for this line: `platforms` in matrix.yaml",
    )


def arch_of(request: ReleaseLineRequest) -> str:
    """Return the architecture as Debian and Docker call it: amd64, arm64."""
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
    """Return what releases are sorted by: the epoch, the version, the number of its build."""
    match = _RELEASE.fullmatch(version)
    assert match is not None
    parts = (match["epoch"] or "0", match["main"], match["build"] or "0")
    return tuple(tuple(map(int, part.split("."))) for part in parts)
