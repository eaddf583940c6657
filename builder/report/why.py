"""Shows why images have a package, grouped by reason."""

from __future__ import annotations

from collections.abc import Sequence

from builder.common.text import count
from builder.diff.why import Answer, Reason

_NAMES = 6


def as_text(answer: Answer) -> str:
    """Return a paragraph for each reason."""
    groups: dict[tuple[str, ...], list[Reason]] = {}
    for reason in answer.reasons:
        lines = (
            f"{reason.ecosystem} {reason.package} {reason.version}",
            f"  {_since(reason)}",
            f"  {_brought(reason)}",
            *([f"  adopted from {reason.adopted}"] if reason.adopted else []),
        )
        groups.setdefault(lines, []).append(reason)
    blocks = ["\n".join([*lines, f"  {_where(reasons)}"]) for lines, reasons in groups.items()]
    if answer.unknown:
        targets = f"{count(len(answer.unknown), 'target')}, {answer.unknown[0]} among them"
        blocks.append(f"The packages of {targets}, are not known.")
    return "\n\n".join(blocks)


def _since(reason: Reason) -> str:
    since = reason.since
    if since.is_first:
        return f"since {since.release}, the first release"
    if since.before is None:
        return f"since {since.release}, or before: what came before it is not known"
    return f"since {since.release}; {since.before or 'it was not there'} before"


def _brought(reason: Reason) -> str:
    named = [recipe for recipe in reason.named if recipe != reason.recipe]
    also = f"; named by recipe {' and '.join(named)} too" if named else ""
    also += f"; {reason.changed} changed its version" if reason.changed else ""
    if reason.recipe in reason.named:
        return f"brought by {reason.introduced_by}: recipe {reason.recipe} names it{also}"
    through = f"a dependency of what recipe {reason.recipe} installs"
    if reason.base:
        return f"brought by {reason.introduced_by}: part of {reason.base}, or {through}{also}"
    return f"brought by {reason.introduced_by}: {through}{also}"


def _where(reasons: Sequence[Reason]) -> str:
    images = list(dict.fromkeys(reason.image for reason in reasons))
    rest = f" and {len(images) - _NAMES} more" if len(images) > _NAMES else ""
    number = f"{count(len(reasons), 'target')} of {count(len(images), 'image')}"
    return f"in {number}: {', '.join(images[:_NAMES])}{rest}"
