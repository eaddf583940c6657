"""`report.json` and `report.md`: what a run did, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from builder.build.events import Result
from builder.common.text import count, first_line
from builder.plan.models import Plan, Step
from builder.plan.step_id import StepId
from builder.report import diff, run_stats, sizes
from builder.report.markdown import table
from builder.report.release import commands, headline


def as_data(
    plan: Plan,
    results: Mapping[str, Result],
    seconds: float,
    *,
    jobs: int,
    disk: Mapping[str, Any],
    bake: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    stopped: str = "",
    problems: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The report as plain data.

    `seconds` is the wall time of the run, `jobs` steps at once; `disk` is that of `run_stats`,
    `bake` what was measured against docker buildx bake, if it was; `changes` are those since
    the release before, as `report.diff` has them, if there was one. `stopped` is the
    signal that ended the run before its time, if one did; `problems` are what could not be locked,
    as `problems` has them.
    """
    return {
        "format": 1,
        "seconds": round(seconds, 1),
        "stopped": stopped,
        "pace": run_stats.pace(plan.steps, results, seconds, jobs),
        "disk": dict(disk),
        "bake": dict(bake or {}),
        **_steps(plan, results),
        "changes": dict(changes or {}),
        "not_locked": list(problems),
    }


def _steps(plan: Plan, results: Mapping[str, Result]) -> dict[str, Any]:
    """Return what was planned, and what came of it: targets, bases, charts and the release."""

    def row(key: str, step: str) -> dict[str, Any]:
        return {"id": key, **entry(plan.steps[step], results.get(step))}

    targets = [row(item, StepId.of("build", item)) for item in plan.targets]
    return {
        "targets": targets,
        "sizes": {"targets": sizes.by_target(targets), "recipes": sizes.by_recipe(targets)},
        "bases": [row(base, StepId.of("base", base)) for base in plan.bases],
        "charts": [
            row(name, StepId.of("chart", name))
            | {"version": chart.version, "image": chart.images[0] if chart.images else ""}
            for name, chart in plan.charts.items()
        ],
        "release": row(plan.release, "release"),
    }


def entry(planned: Step, result: Result | None) -> dict[str, Any]:
    """Return what was planned of a step, and what came of it."""
    known: dict[str, Any] = {"action": planned.action, "reason": planned.reason}
    if result is None:
        return {**known, "status": "not run"}
    known |= {"status": result.status, "seconds": round(result.seconds, 1), **result.detail}
    return {**known, "reason": result.reason or planned.reason}


def as_json(data: Mapping[str, Any]) -> str:
    """The text of report.json."""
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def as_markdown(data: Mapping[str, Any]) -> str:
    """The text of report.md."""
    targets, charts, release = data["targets"], data["charts"], data["release"]
    failed = [item for item in [*targets, *charts, release] if item["status"] in _BAD]
    built = sum(item["status"] == "done" for item in targets)
    reused = sum(item["status"] == "reused" for item in targets)
    head = [
        f"# Catalog {release.get('release', release['id'])}",
        "",
        f"{count(len(targets), 'target')}: {built} built, {reused} unchanged,"
        f" {sum(item['status'] in _BAD for item in targets)} failed or blocked;"
        f" {count(len(charts), 'chart')}; {data['seconds']:.0f} s.",
        headline(release),
        "",
        *(
            [f"Stopped by {data['stopped']}; the next run goes on from here.", ""]
            if data["stopped"]
            else []
        ),
        *(["```", *get, "```", ""] if (get := commands(release)) else []),
    ]
    lines = [
        *head,
        *run_stats.pace_lines(data["pace"]),
        *run_stats.disk_lines(data["disk"]),
        *run_stats.bake_lines(data["bake"]),
        *_not_locked(data["not_locked"]),
        *diff.section(data["changes"]),
        *_images(targets),
        *_charts(charts),
    ]
    lines += ["", *sizes.lines(data["sizes"]["targets"], data["sizes"]["recipes"])]
    if failed:
        lines += ["", "## What did not pass", ""]
        for item in failed:
            lines += [f"### {item['id']}: {item['status']}", "", "```", item["reason"], "```", ""]
    if waiting := release.get("waiting"):
        lines += ["", "## What waits for a platform", ""]
        lines += [f"- `{variant}`: {reason}" for variant, reason in waiting.items()]
    return "\n".join(lines).rstrip("\n") + "\n"


def _not_locked(problems: Sequence[Mapping[str, Any]]) -> list[str]:
    if not problems:
        return []
    return [
        "## What could not be locked",
        "",
        *(
            f"- `{item['id']}` {'keeps what was locked' if item['keeps'] else 'is not locked'}:"
            f" {first_line(item['reason'])}"
            for item in problems
        ),
        "",
    ]


def _images(targets: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (*_step(item), _megabytes(item), _tests(item), _short(item), first_line(item["reason"]))
        for item in targets
    ]
    head = ("target", "status", "seconds", "MB", "tests", "digest", "why")
    return ["## Images", "", *table(head, rows), ""]


def _charts(charts: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for item in charts:
        name, *ending = _step(item)
        image, reason = f"`{item['image']}`", first_line(item["reason"])
        rows.append((name, item["version"], *ending, image, reason))
    head = ("chart", "version", "status", "seconds", "image", "why")
    return ["## Charts", "", *table(head, rows)]


def _step(item: Mapping[str, Any]) -> tuple[str, str, object]:
    return f"`{item['id']}`", item["status"], item.get("seconds", "")


_BAD = frozenset({"failed", "blocked", "skipped", "stopped"})


def _megabytes(item: Mapping[str, Any]) -> str:
    return f"{item['size'] / 1e6:.0f}" if item.get("size") else ""


def _tests(item: Mapping[str, Any]) -> str:
    tests = item.get("tests")
    return f"{tests['passed']} passed" if tests else ""


def _short(item: Mapping[str, Any]) -> str:
    return f"`{item['digest'][7:19]}`" if item.get("digest") else ""
