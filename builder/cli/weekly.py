"""`builder weekly`: a composition of the other commands."""

from __future__ import annotations

import json
from typing import Any

import click

from builder.cli.lock import relock
from builder.cli.options import Options, disk, running
from builder.cli.running import carry_out, tell_failures
from builder.cli.wiring import Session
from builder.report import summary
from builder.workspace import write

KINDS = ("base", "build", "chart", "release")


@click.command()
@running
@disk
def command(**given: Any) -> int:
    """Lock, plan, build, test, publish, charts, release, report.

    Leaves build/report.json and build/report.md.

    \b
    Example:
      builder weekly --jobs 4 --select 'jupyter-*'
    """
    session = Session(Options(**given))
    if session.options.show_commands:
        with session.registry():
            carry_out(session, session.locked(), KINDS)
        return 0
    with session.registry():
        outcome = carry_out(session, relock(session), KINDS)
    state = session.workspace.state
    measured = state / "bench" / "bake.json"
    data = summary.as_data(
        outcome.plan,
        outcome.results,
        outcome.seconds,
        jobs=outcome.jobs,
        disk=outcome.disk,
        bake=json.loads(measured.read_bytes()) if measured.is_file() else None,
    )
    write(state / "report.json", summary.as_json(data).encode())
    write(state / "report.md", summary.as_markdown(data).encode())
    tell_failures(outcome)
    click.echo(summary.as_markdown(data))
    return outcome.exit_code
