"""`builder`: finds the command, and turns errors into messages and exit codes."""

from __future__ import annotations

import io
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.lazy import LazyGroup
from builder.common.errors import (
    UNREADABLE,
    BuilderError,
    ConfigError,
    StepError,
    refused,
    unreadable,
)
from builder.common.version import VERSION

if TYPE_CHECKING:  # `--help` is to be fast
    from builder.app.adapters import AdapterFactory

# Each is a module of this package with a function `command`; loaded when it is asked for.
COMMANDS = {
    "init": "write a first catalog: an image, its test and its chart",
    "new": "write the first files of a recipe, a chart, a service or a feature",
    "doctor": "show what this machine has and what the builder chose",
    "lock": "resolve base images, versions and packages, and write matrix.lock",
    "outdated": "list the targets that a new lock would change, and why",
    "bump": "say which release lines may come, and which end",
    "plan": "show what would be done, and why",
    "explain": "show the inputs of a fingerprint, and what changed since the release",
    "diff": "compare two releases, locks, tags or digests",
    "why": "show which release and which recipe introduced a package",
    "sbom": "write the list of what is in an image, as CycloneDX or SPDX",
    "vulnerabilities": "show known vulnerabilities by package, and what they hold back",
    "render": "write plain Dockerfiles, charts and a bake file",
    "fork": "keep a catalog of your own that stands on another one",
    "flatten": "write a catalog that stands on others as one that stands alone",
    "upstream": "follow the catalog that this one stands on",
    "schema": "write a schema for editors, with the names of the catalog that one stands on",
    "build": "build, test and push what the registry does not have",
    "test": "run the smoke tests of images again",
    "charts": "check, run and package the charts; check and launch any chart",
    "publish": "make a release of all that passed: record, tags, charts, index",
    "weekly": "do the whole job: lock, plan, build, test, release, report",
    "rollback": "publish the content of an older release again",
    "copy": "copy all that a registry holds to another one",
    "prune": "delete what no kept release needs, in registries and the engine",
    "step": "carry out single steps of the plan, e.g. on another machine",
    "push": "verify and push what steps on another machine handed over",
    "verify": "rebuild images, and compare them with those in the registry",
    "key": "make the keys by which images, charts and releases are signed",
    "sign": "sign what the registry has and nobody signed",
    "workflows": "write the workflow files of GitHub Actions, or check them",
    "registry": "serve the embedded registry until Ctrl-C",
    "clean": "delete what the builder can make again",
}


@click.group(
    cls=LazyGroup,
    summaries=COMMANDS,
    modules="builder.cli.{}",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(VERSION)
def cli() -> None:
    """Build, test and publish a catalog of container images and Helm charts.

    \b
    Example:
      builder weekly                  the whole job
      builder plan                    what it would do, and why
      builder build --select 'jupyter-*,python=3.13'
    """


def main(adapters: AdapterFactory | None = None) -> None:
    """Run a command. Exits with its code; an error is shown as text, never as a traceback.

    `adapters` makes the adapters of its app, where they are not to be the builder's own.
    """
    for stream in (sys.stdout, sys.stderr):  # what a locale has no sign for is shown as `?`
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code = cli.main(standalone_mode=False, obj=adapters)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BuilderError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        click.echo(f"error: {refused(error)}", err=True)
        sys.exit(StepError.exit_code)
    except UNREADABLE as error:
        click.echo(f"error: {unreadable(error)}", err=True)
        sys.exit(ConfigError.exit_code)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except Exception as error:
        click.echo(f"error: {_internal_error(error)}", err=True)
        sys.exit(BuilderError.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _internal_error(error: Exception) -> BuilderError:
    """Return what is said of a fault of the builder itself; its traceback is kept in a file."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    with tempfile.NamedTemporaryFile(
        "w", prefix="builder-fault-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.writelines(traceback.format_exception(error))
    reason = f"{type(error).__name__}: {error}"
    return BuilderError(
        f"the builder itself failed: {reason} ({Path(frame.filename).name}:{frame.lineno})",
        hint=f"report it, with {file.name}",
    )
