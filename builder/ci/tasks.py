"""The steps that plans of a catalog can have, with their needs, as data. Pure.

A CI system whose files have a job for each step makes them of these; what a plan finds to do is
among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from builder.catalog.expansion import Expansion
from builder.common.hashing import sha256
from builder.plan.step_id import StepId

_OTHER = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, kw_only=True)
class Task:
    """A step that a plan can have. `needs` are the ids of the steps that come first."""

    step: str
    needs: tuple[str, ...]


def tasks(expansion: Expansion) -> tuple[Task, ...]:
    """Return every step but the release, which comes last: bases, targets, charts."""

    def step(name: str) -> str:
        return str(StepId.of("base" if name in expansion.bases else "build", name))

    made = [
        Task(step=step(name), needs=tuple(map(step, needs)))
        for name, needs in expansion.needs.items()
    ]
    return (*made, *_charts(expansion))


def _charts(expansion: Expansion) -> Iterable[Task]:
    names = (*expansion.charts, *expansion.upstream_charts)
    for name in dict.fromkeys(names):
        members = (
            target
            for variant in expansion.charts.get(name, ())
            for target in expansion.members.get(variant.id, {}).values()
        )
        needs = tuple(dict.fromkeys(str(StepId.of("build", target)) for target in members))
        yield Task(step=str(StepId.of("chart", name)), needs=needs)


def name_of(step: str) -> str:
    """Return a name of letters, digits and hyphens that no other step has."""
    return f"{_OTHER.sub('-', step).strip('-')}-{key_of(step)}"


def key_of(step: str) -> str:
    """Return a short name that no other step has."""
    return sha256(step.encode())[:8]
