"""`builder registry`."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from builder.cli.open import open_app
from builder.cli.options import root as root_option


@click.command()
@root_option
def command(root: Path) -> int:
    """Serve the embedded registry until Ctrl-C, to look at what was published.

    \b
    Example:
      builder registry &
      podman pull --tls-verify=false 127.0.0.1:5005/onyxia-base:latest
    """
    app = open_app(root)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with app.registry():
        click.echo(f"serving {app.catalog.matrix.embedded}; Ctrl-C ends it", err=True)
        ended.wait()
    return 0
