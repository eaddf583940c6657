"""`builder key create`."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from builder.cli.key import command
from builder.common.errors import ConfigError
from builder.trust import keys


def test_a_pair_is_made_and_nothing_is_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "keys/2026"
    arguments = ["create", "--out", str(out)]
    done = CliRunner().invoke(command, arguments, env={"CATALOG_SIGN_PASSWORD": "secret"})
    assert done.exit_code == 0
    assert done.output == (
        f"{out}.key: private, keep it secret and out of git\n{out}.pub: public, commit it\n"
    )
    signer = keys.read_private(Path(f"{out}.key"), lambda: "secret")
    assert keys.read_public(Path(f"{out}.pub")) == signer.public
    again = CliRunner().invoke(command, arguments)
    assert isinstance(again.exception, ConfigError)
