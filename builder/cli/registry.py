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

    Everybody on this machine can read it. What you push goes to another address, which it prints,
    with the login of a file that only you can read.

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
        address = app.catalog.matrix.embedded
        click.echo(f"serving {address}; Ctrl-C ends it", err=True)
        if access := app.adapters.embedded.write_access(address):
            login = access.credentials.source
            click.echo(f"writing: {access.address}, with the login of {login}", err=True)
        ended.wait()
    return 0
