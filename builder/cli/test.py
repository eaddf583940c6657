"""`builder test`."""

from __future__ import annotations

from typing import Any

import click

from builder.app import recheck
from builder.cli.open import open_app
from builder.cli.options import running
from builder.cli.run import tell_failures


@click.command()
@running
def command(show_commands: bool, **options: Any) -> int:
    """Run the smoke tests of images in the registry again.

    \b
    Example:
      builder test --select 'python=3.13'
    """
    run = recheck.test(open_app(**options))
    tell_failures(run)
    return run.exit_code
