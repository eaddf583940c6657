"""Selects targets of a catalog: `--select` and its expressions.

An expression is a glob over ids or image names (`jupyter-*`), or `axis=value`; within one,
commas mean "and". Several expressions mean "or". `+x` adds what x is built from, `x+` what is
built from it. What is under top recipes is picked by its id alone, and by `+x`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from builder.catalog.expansion import Expansion
from builder.catalog.ids import TargetId, ValueId
from builder.catalog.models import Target
from builder.common import graph
from builder.common.errors import SelectionError
from builder.common.text import did_you_mean


def select(expansion: Expansion, expressions: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the targets that the expressions pick; all without an expression."""
    if not expressions:
        return tuple(expansion.targets)
    needs = expansion.needs
    selected: set[str] = set()
    for expression in expressions:
        pattern = expression.removeprefix("+").removesuffix("+")
        targets = {target.id for target in expansion.targets.values() if _picks(pattern, target)}
        if not targets and not select_charts(expansion, [expression]):
            raise SelectionError(
                f"no target matches {expression!r}", hint=_nearest(pattern, expansion)
            )
        selected |= targets
        if expression.startswith("+"):
            selected |= graph.reach(targets, needs)
        if expression.endswith("+"):
            built_on = {key for key in needs if TargetId(key).offered in targets}
            selected |= graph.reach(targets | built_on, graph.reverse(needs))
    return tuple(item for item in expansion.targets if item in selected)


def select_charts(expansion: Expansion, expressions: Sequence[str]) -> tuple[str, ...]:
    """Return the charts of an upstream that the expressions pick; all without an expression."""
    patterns = [item.removeprefix("+").removesuffix("+") for item in expressions]
    return tuple(
        name
        for name in expansion.upstream_charts
        if not expressions or any(fnmatchcase(name, pattern) for pattern in patterns)
    )


def find(expansion: Expansion, text: str) -> Target:
    """Return the one target that `text` names: by id, glob, or image for its default variant."""
    targets = select(expansion, [text])
    if len(targets) > 1 and text in expansion.variants:
        return expansion.targets[targets[0]]
    if len(targets) > 1:
        raise SelectionError(f"{text!r} names {len(targets)} targets", hint=", ".join(targets[:6]))
    return expansion.targets[targets[0]]


def _picks(expression: str, target: Target) -> bool:
    if "/" in expression:
        return fnmatchcase(target.id, expression)
    if TargetId(target.id).is_under:
        return False
    return all(_term(part, target) for part in expression.split(","))


def _term(term: str, target: Target) -> bool:
    axis, equals, value = term.partition("=")
    if equals:
        return target.variant.values.get(axis) == value
    return fnmatchcase(target.variant.image, term) or fnmatchcase(target.id, term)


def _nearest(expression: str, expansion: Expansion) -> str:
    values: Mapping[str, None] = dict.fromkeys(
        ValueId.of(axis, name)
        for target in expansion.targets.values()
        for axis, name in target.variant.values.items()
    )
    ids = list(expansion.targets) if "/" in expression else []
    return did_you_mean(
        expression, [*ids, *expansion.variants, *expansion.upstream_charts, *values]
    )
