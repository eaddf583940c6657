"""Writes `report.json` and `report.md` of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from builder.build.disk import DiskUse
from builder.build.events import (
    BaseResult,
    ChartResult,
    ImageResult,
    ReleaseResult,
    Result,
    detail_of,
)
from builder.common.text import count, first_line
from builder.diff.compare import Difference
from builder.engines.interfaces import CHROOT, POD
from builder.lock.problems import NotLocked
from builder.plan.models import Plan
from builder.plan.step_id import StepId
from builder.report import diff, run_stats, sizes
from builder.report.document import (
    NOT_RUN,
    Bake,
    BaseRow,
    ChartRow,
    ReleaseRow,
    Report,
    StepRow,
    TargetRow,
)
from builder.report.markdown import table
from builder.report.plan import never_built_lines
from builder.report.release import commands, headline

_BAD = frozenset({"failed", "blocked", "skipped", "stopped"})


def report_of(
    plan: Plan,
    results: Mapping[str, Result],
    seconds: float,
    *,
    jobs: int,
    disk: DiskUse | None = None,
    bake: Bake | None = None,
    changes: Difference | None = None,
    stopped: str = "",
    not_locked: Sequence[NotLocked] = (),
    old_upstreams: Sequence[str] = (),
) -> Report:
    """Return the report of a run.

    `seconds` is its wall time, `jobs` the number of steps at once.
    """
    targets = tuple(_targets(plan, results))
    chains = {row.id: row.image.chain for row in targets if row.image}
    return Report(
        seconds=round(seconds, 1),
        stopped=stopped,
        pace=run_stats.pace(plan.steps, results, seconds, jobs),
        disk=disk,
        bake=bake,
        targets=targets,
        sizes=sizes.sizes_of(chains),
        bases=tuple(_bases(plan, results)),
        charts=tuple(_charts_of(plan, results)),
        release=release_row(plan, results),
        changes=changes,
        not_locked=tuple(not_locked),
        never_locked=plan.never_locked,
        old_upstreams=tuple(old_upstreams),
    )


def _targets(plan: Plan, results: Mapping[str, Result]) -> Iterator[TargetRow]:
    for key in plan.targets:
        row, result = _row(key, StepId.of("build", key), plan, results)
        yield TargetRow(**vars(row), image=detail_of(result, ImageResult))


def _bases(plan: Plan, results: Mapping[str, Result]) -> Iterator[BaseRow]:
    for key in plan.bases:
        row, result = _row(key, StepId.of("base", key), plan, results)
        yield BaseRow(**vars(row), base=detail_of(result, BaseResult))


def _charts_of(plan: Plan, results: Mapping[str, Result]) -> Iterator[ChartRow]:
    for name, chart in plan.charts.items():
        row, result = _row(name, StepId.of("chart", name), plan, results)
        yield ChartRow(
            **vars(row),
            version=chart.version,
            image=chart.images[0] if chart.images else "",
            package=detail_of(result, ChartResult),
        )


def release_row(plan: Plan, results: Mapping[str, Result]) -> ReleaseRow:
    """Return the plan of the release and its result."""
    row, result = _row(plan.release, StepId.of("release"), plan, results)
    return ReleaseRow(**vars(row), release=detail_of(result, ReleaseResult))


def _row(
    key: str, step: str, plan: Plan, results: Mapping[str, Result]
) -> tuple[StepRow, Result | None]:
    planned, result = plan.steps[step], results.get(step)
    return (
        StepRow(
            id=key,
            action=planned.action,
            reason=(result.reason if result else "") or planned.reason,
            status=result.status if result else NOT_RUN,
            seconds=round(result.seconds, 1) if result else None,
            memory=result.memory if result else None,
            disk=result.disk if result else None,
        ),
        result,
    )


def as_json(report: Report) -> str:
    """Return the text of report.json."""
    return json.dumps(asdict(report), indent=1, ensure_ascii=False) + "\n"


def as_markdown(report: Report) -> str:
    """Return the text of report.md."""
    failed = [
        row for row in (*report.targets, *report.charts, report.release) if row.status in _BAD
    ]
    release = report.release.release
    lines = [
        *_head(report),
        *run_stats.pace_lines(report.pace),
        *run_stats.disk_lines(report.disk),
        *run_stats.bake_lines(report.bake),
        *_not_locked(report.not_locked),
        *(line for text in never_built_lines(report.never_locked) for line in (text, "")),
        *(line for text in report.old_upstreams for line in (text, "")),
        *diff.section(report.changes),
        *_images(report.targets),
        *_charts(report.charts),
        "",
        *sizes.lines(report.sizes),
    ]
    if failed:
        lines += ["", "## What did not pass", ""]
        for row in failed:
            lines += [f"### {row.id}: {row.status}", "", "```", row.reason, "```", ""]
    if release and release.waiting:
        lines += ["", "## What waits for a platform", ""]
        lines += [f"- `{variant}`: {reason}" for variant, reason in release.waiting.items()]
    return "\n".join(lines).rstrip("\n") + "\n"


def _head(report: Report) -> list[str]:
    statuses = [row.status for row in report.targets]
    adopted = sum(row.action == "adopt" and row.status == "done" for row in report.targets)
    release, get = report.release, commands(report.release)
    stopped = f"Stopped by {report.stopped}; the next run goes on from here."
    return [
        f"# Catalog {release.release.release if release.release else release.id}",
        "",
        f"{count(len(statuses), 'target')}: {statuses.count('done') - adopted} built,"
        f"{f' {adopted} adopted,' if adopted else ''}"
        f" {statuses.count('reused')} unchanged,"
        f" {sum(status in _BAD for status in statuses)} failed or blocked;"
        f" {count(len(report.charts), 'chart')}; {report.seconds:.0f} s.",
        headline(release),
        "",
        *([stopped, ""] if report.stopped else []),
        *(["```", *get, "```", ""] if get else []),
    ]


def _not_locked(problems: Sequence[NotLocked]) -> list[str]:
    if not problems:
        return []
    return [
        "## What could not be locked",
        "",
        *(
            f"- `{problem.id}` {'keeps what was locked' if problem.keeps else 'is not locked'}:"
            f" {first_line(problem.reason)}"
            for problem in problems
        ),
        "",
    ]


def _images(targets: Sequence[TargetRow]) -> list[str]:
    rows = []
    for row in targets:
        image = row.image or ImageResult()
        rows.append(
            (
                *_step(row),
                f"{image.size / 1e6:.0f}" if image.size else "",
                f"{image.tests.passed} passed" if image.tests else "",
                f"`{image.digest[7:19]}`" if image.digest else "",
                first_line(row.reason),
            )
        )
    head = ("target", "status", "seconds", "MB", "tests", "digest", "why")
    return ["## Images", "", *table(head, rows), "", *_weaker(targets)]


def _weaker(targets: Sequence[TargetRow]) -> list[str]:
    """Return lines on the images of this run that the kernel did not isolate."""
    means = {
        CHROOT: "Built in a chroot, beside all that this machine does, so no release takes them",
        POD: "Built in a chroot of a pod that does nothing else and cannot write",
    }
    lines = []
    for isolation, text in means.items():
        ids = [f"`{row.id}`" for row in targets if row.image and row.image.isolation == isolation]
        lines += [f"{text}: {', '.join(ids)}.", ""] if ids else []
    return lines


def _charts(charts: Sequence[ChartRow]) -> list[str]:
    rows = []
    for row in charts:
        name, *ending = _step(row)
        rows.append((name, row.version, *ending, f"`{row.image}`", first_line(row.reason)))
    head = ("chart", "version", "status", "seconds", "image", "why")
    return ["## Charts", "", *table(head, rows)]


def _step(row: StepRow) -> tuple[str, str, object]:
    return f"`{row.id}`", row.status, "" if row.seconds is None else row.seconds
