"""Choose versions as Maven does: of what several need, the one that is nearest to the root."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from builder.common.errors import StepError
from builder.resolvers.maven.poms import Coordinates, Dependency, Project, Projects

_MOST = 5_000
_SCOPES = ("", "compile", "runtime")


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A chosen file: of which project, and with which classifier."""

    coordinates: Coordinates
    classifier: str = ""
    kind: str = "jar"


@dataclass(frozen=True, kw_only=True)
class _Node:
    dependency: Dependency
    exclusions: frozenset[str]


def solve(projects: Projects, root: Project, wanted: Iterable[Dependency]) -> dict[str, Artifact]:
    """Return the artifacts of `wanted` and of all that they need at run time, by their key.

    What `root` manages holds for all of them. Raises StepError.
    """
    chosen: dict[str, Artifact] = {}
    pending = deque(
        _Node(dependency=dependency, exclusions=dependency.exclusions)
        for dependency in map(root.resolved, wanted)
    )
    while pending:
        node = pending.popleft()
        dependency = node.dependency
        if dependency.key in chosen:
            continue
        project = _located(projects, dependency)
        chosen[dependency.key] = Artifact(
            coordinates=project.coordinates,
            classifier=dependency.classifier,
            kind=dependency.kind,
        )
        if len(chosen) > _MOST:
            raise StepError(f"{root.coordinates} needs more than {_MOST} artifacts")
        pending += _children(project, node, root.managed, root)
    return chosen


def _located(projects: Projects, dependency: Dependency) -> Project:
    if not dependency.version:
        raise StepError(f"nobody states a version of {dependency.group}:{dependency.name}")
    at = Coordinates(group=dependency.group, name=dependency.name, version=dependency.version)
    project = projects.project(at)
    for _ in range(5):
        if project.relocation is None:
            return project
        project = projects.project(project.relocation)
    raise StepError(f"{at} was moved again and again")


def _children(
    project: Project, node: _Node, managed: Mapping[str, Dependency], root: Project
) -> Iterable[_Node]:
    for dependency in project.dependencies.values():
        if dependency.is_optional or _is_excluded(dependency, node.exclusions):
            continue
        child = _child(project, dependency, managed.get(dependency.key), root)
        if child is not None:
            yield _Node(dependency=child, exclusions=node.exclusions | child.exclusions)


def _child(
    project: Project, dependency: Dependency, over: Dependency | None, root: Project
) -> Dependency | None:
    """Return a dependency in the version that the root has for it; None if it is not run with."""
    own = project.managed.get(dependency.key)
    scope = dependency.scope or (own.scope if own else "")
    if over is not None and over.scope:
        scope = over.scope
    if scope not in _SCOPES:
        return None
    if over is not None and over.version:
        version = root.filled(over.version)
        dependency = replace(
            dependency, version=version, exclusions=dependency.exclusions | over.exclusions
        )
    return replace(project.resolved(dependency), scope=scope)


def _is_excluded(dependency: Dependency, exclusions: frozenset[str]) -> bool:
    group, name = dependency.group, dependency.name
    return not exclusions.isdisjoint({f"{group}:{name}", f"{group}:*", f"*:{name}", "*:*"})
