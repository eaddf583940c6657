"""Functions on directed graphs, given as `{node: the nodes it needs}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def find_cycle(needs: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return a cycle as a path that ends where it began, or ()."""
    done: set[str] = set()
    for start in needs:
        trail: dict[str, None] = {}  # a set in order
        stack = [(start, iter(needs.get(start, ())))]
        while stack:
            node, rest = stack[-1]
            if node not in trail:
                trail[node] = None
            following = next((neighbour for neighbour in rest if neighbour not in done), None)
            if following is None:
                done.add(node)
                trail.popitem()
                stack.pop()
            elif following in trail:
                path = list(trail)
                return (*path[path.index(following) :], following)
            else:
                stack.append((following, iter(needs.get(following, ()))))
    return ()


def order(needs: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Sort nodes after those that they need, else in the given order. There must be no cycle."""
    placed: dict[str, None] = {}
    for start in needs:
        stack = [start]
        while stack:
            node = stack[-1]
            missing = [
                needed for needed in needs.get(node, ()) if needed in needs and needed not in placed
            ]
            if missing:
                stack.extend(reversed(missing))
            else:
                placed[stack.pop()] = None
    return tuple(placed)


def reach(start: Iterable[str], needs: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the nodes of `start` and all that they need, directly or not."""
    reached: set[str] = set()
    stack = list(start)
    while stack:
        node = stack.pop()
        if node not in reached:
            reached.add(node)
            stack.extend(needs.get(node, ()))
    return reached


def reverse(needs: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the reversed graph, `{node: the nodes that need it}`."""
    dependents: dict[str, list[str]] = {node: [] for node in needs}
    for node, needed in needs.items():
        for other in needed:
            dependents.setdefault(other, []).append(node)
    return dependents
