"""Locks the images that the jobs of a CI system run in: their tags move, their digests do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from builder.common.errors import BuilderError
from builder.lock.package_locker import Note, Upgrade
from builder.lock.problems import Problem

ReadDigest = Callable[[str], str]
"""Returns the digest that a registry has of an image, `name:tag`. Raises BuilderError."""


def lock_containers(
    names: Iterable[str],
    *,
    previous: Mapping[str, str],
    upgrade: Upgrade,
    read_digest: ReadDigest,
    note: Note,
) -> tuple[Mapping[str, str], tuple[Problem, ...]]:
    """Return the digests by `name:tag`, and why one could not be read: no failure, as jobs can run.

    A digest that is locked stays, unless `upgrade` is of all. None is made up: without an answer of
    the registry the image has the digest that it had, or none.
    """
    digests: dict[str, str] = {}
    problems: list[Problem] = []
    for name in names:
        if name in previous:
            digests[name] = previous[name]
        if name in previous and not upgrade.is_all:
            continue
        try:
            digests[name] = read_digest(name)
            note(f"container {name}: {digests[name]}")
        except BuilderError as error:
            keeps = name in previous
            subject = f"container {name}"
            problem = Problem(subject=subject, error=error, keeps=keeps, counts=False)
            problems.append(problem)
            outcome = "keeps its digest" if keeps else "has no digest, and jobs use its tag"
            note(f"{subject} {outcome}: {problem.reason}")
    return digests, tuple(problems)
