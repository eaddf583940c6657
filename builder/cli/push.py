"""`builder push`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.build.handed_over import check_folder
from builder.cli.open import open_app
from builder.cli.options import ci, planning, run_name
from builder.cli.run import tell_failures


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("steps", metavar="ID...", nargs=-1, required=True)
@planning
@ci
@run_name
def command(folder: Path, steps: tuple[str, ...], **options: Any) -> int:
    """Verify what steps on another machine handed over, and push it.

    DIR is what `builder step ID --export DIR` wrote there. Builds, tests and runs nothing, and
    needs no engine. Fingerprints are computed from this checkout and its lock, every blob is
    hashed, and each image must stand on its parent in the registry. What is not as this run would
    have made it is refused, and none of it is pushed.

    \b
    Example:
      builder push build/handover 'build:base/debian=13'
    """
    app = open_app(handed_over_in=folder.resolve(), **options)
    check_folder(folder, steps)
    lock = app.fitting_lock()
    with app.working(beside=True):
        run = app.run(app.plan(lock=lock, to_run=False), (), only=steps)
    tell_failures(run, retry="")
    return run.exit_code
