"""A plan as a table, JSON, Mermaid, or a matrix of GitHub Actions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from builder.plan import FORMAT, Plan, TargetPlan
from builder.text import count


def as_json(plan: Plan) -> str:
    """The public, numbered format of a plan."""
    data = {
        "format": FORMAT,
        "targets": [_target(item) for item in plan.targets.values()],
        "charts": [
            {
                "name": chart.name,
                "version": chart.version,
                "image": chart.images[0],
                "action": chart.action,
                "reason": chart.reason,
            }
            for chart in plan.charts.values()
        ],
        "steps": [asdict(step) for step in plan.steps.values()],
    }
    return json.dumps(data, indent=1, ensure_ascii=False)


def _target(item: TargetPlan) -> dict[str, object]:
    return {
        "id": item.target.id,
        "image": item.target.cell.image,
        "recipe": item.target.recipe,
        "axes": dict(item.target.cell.values),
        "platform": item.target.platform,
        "parent": item.target.parent,
        "fingerprint": item.fingerprint.digest,
        "tags": {"immutable": list(item.immutable), "rolling": list(item.rolling)},
        "action": item.action,
        "reason": item.reason,
    }


def as_table(plan: Plan) -> str:
    """A row for each step, and a line that counts."""
    rows = [("STEP", "ACTION", "TAG", "REASON")]
    for step in plan.steps.values():
        item = plan.targets.get(step.target) if step.kind == "build" else None
        chart = plan.charts.get(step.target) if step.kind == "chart" else None
        tag = item.exact if item else chart.version if chart else ""
        if step.kind == "release":
            tag = plan.release
        rows.append((step.id, step.action, tag, step.reason))
    counts = dict.fromkeys((item.action for item in plan.targets.values()), 0)
    for item in plan.targets.values():
        counts[item.action] += 1
    summary = ", ".join(f"{number} to {action}" for action, number in counts.items())
    packaged = sum(chart.action == "package" for chart in plan.charts.values())
    charts = count(len(plan.charts), "chart")
    footer = f"{count(len(plan.targets), 'target')}: {summary}; {packaged} of {charts} to package"
    return "\n".join([*columns(rows), "", footer])


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text as aligned columns."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def as_mermaid(plan: Plan) -> str:
    """The steps as a Mermaid flowchart."""
    names = {step: f"s{number}" for number, step in enumerate(plan.steps)}
    lines = ["flowchart LR"]
    for step in plan.steps.values():
        lines.append(f'  {names[step.id]}["{step.id}<br/>{step.action}"]:::{step.action}')
        lines += [f"  {names[need]} --> {names[step.id]}" for need in step.needs if need in names]
    lines += [
        "  classDef build fill:#fde68a,stroke:#92400e",
        "  classDef package fill:#fde68a,stroke:#92400e",
        "  classDef fetch fill:#fde68a,stroke:#92400e",
        "  classDef reuse fill:#d1fae5,stroke:#065f46",
        "  classDef keep fill:#d1fae5,stroke:#065f46",
        "  classDef retire fill:#e5e7eb,stroke:#374151",
    ]
    return "\n".join(lines)


def as_github(plan: Plan) -> str:
    """The steps to carry out as job matrices by level: `level-0={"include": […]}` and so on."""
    levels: dict[str, int] = {}
    for step in plan.steps.values():
        levels[step.id] = 1 + max((levels.get(need, -1) for need in step.needs), default=-1)
    depth = max(levels.values(), default=-1)
    lines = []
    for level in range(depth + 1):
        include = [
            {"step": step.id, "name": step.target, "kind": step.kind}
            for step in plan.steps.values()
            if levels[step.id] == level and step.action in {"fetch", "build", "package", "release"}
        ]
        lines.append(f"level-{level}=" + json.dumps({"include": include}, separators=(",", ":")))
    return "\n".join(lines)


FORMATS: dict[str, Callable[[Plan], str]] = {
    "table": as_table,
    "json": as_json,
    "mermaid": as_mermaid,
    "github": as_github,
}
