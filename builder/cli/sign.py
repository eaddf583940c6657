"""`builder sign`."""

from __future__ import annotations

from typing import Any

import click

from builder.app import signing
from builder.cli.open import open_app
from builder.cli.options import planning
from builder.common.text import count


@click.command()
@planning
@click.option("--reason", required=True, help="Why it is signed unseen; it is signed, too.")
@click.option("--only-release", is_flag=True, help="Sign the release record, and no image.")
@click.option("--as-is", is_flag=True, required=True, help="Say that nothing is built to compare.")
def command(*, reason: str, only_release: bool, as_is: bool, **options: Any) -> int:
    """Sign what the registry has, and nobody signed: for a registry that was filled before.

    It is signed as it is. Its metadata must fit it; nothing else is looked at, and the reason is
    signed with it. To have all images built again instead, sign the release alone: `builder build`
    then builds what is not signed, and signs what comes out the same.

    \b
    Example:
      builder sign --as-is --reason 'filled by us before 2026-12'
      builder sign --as-is --only-release --reason 'the last one without a signature'
    """
    assert as_is
    signed = signing.sign_as_is(open_app(**options), reason, only_release=only_release)
    for key in signed:
        click.echo(key)
    click.echo(f"signed {count(len(signed), 'digest')}", err=True)
    return 0
