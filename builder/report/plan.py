"""Shows a plan as a table, JSON, Mermaid or Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from builder.catalog.ids import TargetId
from builder.charts.next_version import ChartChange
from builder.common.text import count, first_line
from builder.plan.models import FORMAT, Plan, Step, TargetPlan
from builder.report.markdown import table


@dataclass(frozen=True, kw_only=True)
class Gone:
    """The ids, names and tags that another checkout of the catalog has and this one does not."""

    targets: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()


def gone_lines(gone: Gone) -> tuple[str, ...]:
    """Return a line for the targets that are gone, if any, and one for the charts."""
    lines = []
    if gone.targets:
        tags = f", tags {_some(gone.tags)}" if gone.tags else ""
        lines.append(f"gone: {count(len(gone.targets), 'target')} of {_some(gone.images)}{tags}")
    if gone.charts:
        lines.append(f"gone: {count(len(gone.charts), 'chart')}, {_some(gone.charts)}")
    return tuple(lines)


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + rest


def as_json(plan: Plan) -> str:
    """Return a plan in its public, numbered format."""
    data = {
        "format": FORMAT,
        "targets": [_target(target_plan) for target_plan in plan.targets.values()],
        "charts": [
            {
                "name": chart.name,
                "version": chart.version,
                "image": chart.images[0] if chart.images else "",
                "action": chart.action,
                "reason": chart.reason,
            }
            for chart in plan.charts.values()
        ],
        "steps": [asdict(step) for step in plan.steps.values()],
    }
    return json.dumps(data, indent=1, ensure_ascii=False)


def _target(target_plan: TargetPlan) -> dict[str, object]:
    return {
        "id": target_plan.target.id,
        "image": target_plan.target.variant.image,
        "recipe": target_plan.target.recipe,
        "axes": dict(target_plan.target.variant.values),
        "platform": target_plan.target.platform,
        "parent": target_plan.target.parent,
        "fingerprint": target_plan.fingerprint.digest,
        "tags": {"immutable": list(target_plan.immutable), "rolling": list(target_plan.rolling)},
        "action": target_plan.action,
        "reason": target_plan.reason,
        "adopts": asdict(item.adopted) if (item := target_plan.adoptable) else None,
    }


def as_table(plan: Plan) -> str:
    """Return a row for each step and a line of counts."""
    rows = [("STEP", "ACTION", "TAG", "REASON")]
    for step in plan.steps.values():
        target_plan = plan.targets.get(step.target) if step.kind == "build" else None
        chart = plan.charts.get(step.target) if step.kind == "chart" else None
        tag = target_plan.exact if target_plan else chart.version if chart else ""
        if target_plan and TargetId(step.target).is_under:
            tag = ""
        if step.kind == "release":
            tag = plan.release
        rows.append((step.id, step.action, tag, step.reason))
    counts = dict.fromkeys((target_plan.action for target_plan in plan.targets.values()), 0)
    for target_plan in plan.targets.values():
        counts[target_plan.action] += 1
    summary = _counted(counts)
    packaged = sum(chart.action == "package" for chart in plan.charts.values())
    charts = count(len(plan.charts), "chart")
    targets = count(len(plan.targets), "target") + (f": {summary}" if summary else "")
    footer = f"{targets}; {packaged} of {charts} to package"
    return "\n".join([*columns(rows), "", *never_built_lines(plan.never_locked), footer])


def never_built_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Return a line for the release lines that nobody built anything with, if there are any."""
    return (f"never built or tested by anybody, as never locked: {', '.join(lines)}",) * bool(lines)


def _counted(counts: Mapping[str, int]) -> str:
    """Return `8 to build, 82 blocked`."""
    words = {"block": "blocked", "retire": "retired", "skip": "skipped"}
    return ", ".join(
        f"{number} {words.get(action, f'to {action}')}" for action, number in counts.items()
    )


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of text as aligned columns."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        "  ".join(variant.ljust(width) for variant, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def as_mermaid(plan: Plan) -> str:
    """Return the steps as a Mermaid flowchart."""
    names = {step: f"s{number}" for number, step in enumerate(plan.steps)}
    lines = ["flowchart LR"]
    for step in plan.steps.values():
        lines.append(f'  {names[step.id]}["{step.id}<br/>{step.action}"]:::{step.action}')
        lines += [f"  {names[need]} --> {names[step.id]}" for need in step.needs if need in names]
    lines += [
        "  classDef build fill:#fde68a,stroke:#92400e",
        "  classDef package fill:#fde68a,stroke:#92400e",
        "  classDef fetch fill:#fde68a,stroke:#92400e",
        "  classDef adopt fill:#dbeafe,stroke:#1e40af",
        "  classDef reuse fill:#d1fae5,stroke:#065f46",
        "  classDef keep fill:#d1fae5,stroke:#065f46",
        "  classDef retire fill:#e5e7eb,stroke:#374151",
    ]
    return "\n".join(lines)


def as_markdown(plan: Plan) -> str:
    """Return the steps to do and the blocked ones, for a comment or the summary of a job."""
    counts = dict.fromkeys((step.action for step in plan.steps.values()), 0)
    for step in plan.steps.values():
        counts[step.action] += 1
    todo = [step for step in plan.steps.values() if step.action not in _IDLE]
    head: tuple[str, ...] = ("step", "action", "why")
    rows: list[tuple[str, ...]] = [
        (f"`{step.id}`", step.action, first_line(step.reason)) for step in todo[:_MOST_ROWS]
    ]
    more = len(todo) - len(rows)
    if any(step.action == "adopt" for step in todo):
        head = ("step", "action", "adopted from", "why")
        origins = [_adopted_from(plan, step) for step in todo]
        rows = [(*row[:2], origin, row[2]) for row, origin in zip(rows, origins, strict=False)]
    return "\n".join(
        [
            f"## Plan of {plan.release}",
            "",
            f"{_counted(counts)}.",
            *(["", *table(head, rows)] if rows else []),
            *(["", f"And {count(more, 'step')} more."] if more else []),
        ]
    )


def _adopted_from(plan: Plan, step: Step) -> str:
    """Return the catalog and the release whose image a step takes; "" where it takes none."""
    target = plan.targets.get(step.target) if step.kind == "build" else None
    if step.action != "adopt" or target is None or target.adoptable is None:
        return ""
    return str(target.adoptable.adopted)


def charts_as_markdown(charts: Mapping[str, ChartChange]) -> tuple[str, ...]:
    """Return the lines of a table of chart versions; () if no chart gets one."""
    rows = [
        (f"`{name}`", change.version, first_line(change.reason)) for name, change in charts.items()
    ]
    return ("", *table(("chart", "version", "why"), rows)) if rows else ()


_IDLE = frozenset({"reuse", "keep", "skip", "release"})
_MOST_NAMES = 8
_MOST_ROWS = 200  # a comment on a pull request holds 65,536 characters (GitHub)


FORMATS: dict[str, Callable[[Plan], str]] = {
    "table": as_table,
    "json": as_json,
    "mermaid": as_mermaid,
    "markdown": as_markdown,
}
