"""Release lines that are packages of a Python index, for a Python and a platform.

Its clients ask the index: uv for the newest version of a release line, as it knows wheels, yanked
releases and pre-releases; pip for the list of all versions.
"""

from __future__ import annotations

import re
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name

from builder.catalog.models import PYPI as PYPI_SOURCE
from builder.catalog.models import AxisValue, Network, RemoteFile
from builder.common.errors import StepError, UnreachableError
from builder.common.limits import PROGRAM_MEMORY
from builder.common.process import Command, Runner
from builder.lock.interfaces import ExactVersion, ReleaseLineRequest
from builder.network.build_env import proxies
from builder.network.fetcher import unreachable_error
from builder.network.upstreams import SourceUrl, source_url, upstream
from builder.resolvers.interfaces import (
    ProviderDefinition,
    ResolverTools,
    request_for,
    tell_nobody,
)
from builder.resolvers.python.cooldown import run_dated
from builder.resolvers.python.standalone import uv
from builder.resolvers.versions import arch_of, newest_first, no_line, option

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_GLIBC = {"12": "2_36", "13": "2_40", "14": "2_40"}  # of Debian; uv knows none that is newer
_SAID = {
    "failed to lookup address": "its host name is unknown",
    "Connection refused": "the connection was refused",
    "UnknownIssuer": "its certificate is not trusted (`network.ca` in matrix.yaml, or BUILDER_CA)",
}
_REFUSED = re.compile(
    r"An index URL \((\S+)\) could not be queried.*\((\d{3} [^)]+)\)"
    r"|An index \((\S+)\) returned an? (\d{3} [A-Za-z ]+?) error"
)
_GONE = ("404", "410")
_DATED = 4
"""Of how many of the newest lines of a package it is asked when they were published."""
_FAILED = re.compile(r"Failed to fetch:\s*`?(\S+?)`?$", re.MULTILINE)


def platform_tag(arch: str, debian: str) -> str:
    """Return uv's name for a platform, with the oldest glibc that it must run on."""
    return f"{_MACHINES.get(arch, arch)}-manylinux_{_GLIBC.get(debian, '2_28')}"


def compile_command(*, python: str, platform: str, env: Mapping[str, str]) -> Command:
    """Return `uv pip compile` of standard input, for another Python than the one that runs."""
    argv = (
        uv(), "pip", "compile", "-", "--no-header", "--no-annotate", "--no-config", "--quiet",
        "--no-python-downloads", "--python", sys.executable,
        *(["--python-version", python] if python else []), "--python-platform", platform,
    )  # fmt: skip
    return Command(argv=argv, env=env, timeout=300, program="uv", memory=PROGRAM_MEMORY)


@contextmanager
def taken_as_they_are(command: Command, packages: Iterable[str]) -> Iterator[Command]:
    """Yield a command of uv that takes sources of packages, and runs no code of theirs.

    To learn what a source depends on, uv would build it on this machine. It is told: on nothing.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        told = ", ".join(f'{{name = "{canonicalize_name(name)}"}}' for name in packages)
        file.write(f"dependency-metadata = [{told}]\n")
        file.flush()
        argv = (word for word in command.argv if word != "--no-config")  # this file alone
        yield replace(command, argv=(*argv, "--config-file", file.name))


def locked(
    runner: Runner,
    requirement: str,
    *,
    python: str,
    env: Mapping[str, str],
    platform: str = "linux",
    has_wheel: bool = False,
    not_after: str = "",
    note: Callable[[str], None] = tell_nobody,
) -> tuple[Mapping[str, Any], str]:
    """Return the entry of one package in pylock.toml, or {}, and the output of uv.

    `has_wheel`: versions without a wheel for the platform do not count. `not_after`: nor do those
    that were published later. No code of the package is run.
    """
    command = compile_command(python=python, platform=platform, env=env)
    quiet = "--quiet"  # of what has no date, uv only warns
    argv = (*(word for word in command.argv if word != quiet or not not_after), "--no-deps")
    argv += ("--format", "pylock.toml", *(("--only-binary", ":all:") if has_wheel else ()))
    command = replace(command, argv=argv, stdin=f"{requirement}\n".encode())
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    with taken_as_they_are(command, [name[0]] if name else []) as asked:
        output = run_dated(
            lambda more: runner.run(replace(asked, argv=(*asked.argv, *more)), check=False),
            not_after, (), note,
        )  # fmt: skip
    packages = tomllib.loads(output.stdout).get("packages", []) if output.code == 0 else []
    return (packages[0] if packages else {}), output.log


def index_env(network: Network, index: str = "") -> dict[str, str]:
    """Return the environment of uv and pip for the network; `index` replaces the default one.

    It is not on the command line because of the credentials in it.
    """
    env = {**proxies(network), "UV_HTTP_RETRIES": "2"}
    if network.ca:
        env |= {"SSL_CERT_FILE": network.ca, "PIP_CERT": network.ca}
    if index := index or network.mirrors.get("pip", ""):
        env |= {"UV_DEFAULT_INDEX": index, "PIP_INDEX_URL": index}
    return env


def default_index(network: Network) -> SourceUrl:
    """Return the default index; without URL it is that of the client."""
    mirror = network.mirrors.get("pip", "")
    return SourceUrl(source="pip", url=mirror, is_mirror=bool(mirror))


def unreachable(log: str, index: SourceUrl) -> UnreachableError | None:
    """Return the error, if uv printed that the index cannot be reached."""
    failed = _FAILED.search(log)
    status = re.search(r"HTTP status \w+ error \((\d{3}[^)]*)\)", log)
    if refusal := _REFUSED.search(log):
        url, answer = refusal[1] or refusal[3], refusal[2] or refusal[4]
        return unreachable_error(replace(index, url=url), f"it answered {answer}")
    if not failed or (status and status[1].startswith(_GONE)):
        return None
    causes = re.findall(r"cause: (.*)", log)
    reason = f"it answered {status[1]}" if status else (causes or ["no answer"])[-1]
    for text, explanation in _SAID.items():
        reason = explanation if text in reason else reason
    return unreachable_error(replace(index, url=failed[1]), reason)


def is_unanswered(log: str) -> bool:
    """Whether pip found nothing because the index cannot be reached."""
    return "connection broken by" in log or "HTTP error" in log


class PythonPackages:
    """Release lines of the package in the option `package`, for the target's Python, if any.

    With the option `sdist`, a build gets the source distribution as a file of that name.
    """

    def __init__(
        self,
        *,
        runner: Runner,
        network: Network,
        name: str = "pypi",
        note: Callable[[str], None] = tell_nobody,
    ) -> None:
        self._note = note
        self.name = name
        self._runner = runner
        self._network = network

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the exact versions that there are for the base, newest first. No pre-releases."""
        python = request.axes.get("python", "")
        machine = _MACHINES.get(arch_of(request), arch_of(request))
        return self._listed(
            request,
            f"--platform=manylinux2014_{machine}",
            *(f"--platform=manylinux_2_{minor}_{machine}" for minor in range(5, 37)),
            *([f"--python-version={python}"] if python else []),
        )

    def _listed(self, request: ReleaseLineRequest, *options: str) -> tuple[str, ...]:
        argv = (
            sys.executable, "-m", "pip", "index", "versions", "--disable-pip-version-check",
            "--no-color", "--retries=2", *options, "--", self._package(request),
        )  # fmt: skip
        command = Command(
            argv=argv, env=self._env(request), timeout=120, program="pip", memory=PROGRAM_MEMORY
        )
        output = self._runner.run(command, check=False)
        if match := re.search(r"^Available versions: (.*)$", output.stdout, re.MULTILINE):
            return newest_first(re.sub(r"\+\w+$", "", text) for text in match[1].split(", "))
        if is_unanswered(output.log):
            raise unreachable_error(self.index(request), "no answer")
        return ()

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line. Raises StepError if there is none."""
        package, line = self._package(request), request.line
        platform = platform_tag(arch_of(request), request.base.value)
        python = request.axes.get("python", "")
        requirement = f"{package}=={line}.*" if line.count(".") < 2 else f"{package}=={line}"
        env = self._env(request)
        entry, log = locked(
            self._runner, requirement, python=python, platform=platform, env=env,
            not_after=request.not_after, note=self._note,
        )  # fmt: skip
        if entry:
            return self._line(entry, request)
        raise unreachable(log, self.index(request)) or self._none(request, log)

    def _line(self, entry: Mapping[str, Any], request: ReleaseLineRequest) -> ExactVersion:
        """Return a release line as pylock.toml has it."""
        package, version = entry["name"], entry["version"].partition("+")[0]
        file = request.options.get("sdist", "")
        if not file:
            return ExactVersion(version=version)
        if "sdist" not in entry:
            raise StepError(f"provider {self.name} has no source of {package} {version}")
        sha256 = entry["sdist"].get("hashes", {}).get("sha256")
        if not sha256:
            raise StepError(f"the index states no sha256 of the source of {package} {version}")
        url = f"{PYPI_SOURCE}{package}@{version}"
        return ExactVersion(version=version, files=(RemoteFile(name=file, url=url, sha256=sha256),))

    def _none(self, request: ReleaseLineRequest, log: str) -> StepError:
        """Return the error: no such package, no file that fits, or no such release line."""
        package, line = self._package(request), request.line
        if "was not found" in log:
            return StepError(f"provider {self.name} has no package {package}")
        if "has no wheels with" not in log and "does not satisfy Python" not in log:
            return no_line(line, self._listed(request) or self.lines(request), self.name)
        hints = re.findall(r"hint: (.*)", log)
        python = request.axes.get("python", "")
        on = f"{arch_of(request)} and Python {python}" if python else arch_of(request)
        return StepError(
            f"provider {self.name} has {package} {line}, but not for {on}",
            hint=hints[0] if hints else "ask for another release line, or leave that platform out",
        )

    def dated(self, request: ReleaseLineRequest) -> list[tuple[str, str]]:
        """Return the versions of a package; the newest of each line with its day, if it is known.

        Of old lines no days are asked. Raises StepError, UnreachableError.
        """
        versions = self._listed(request) or self.lines(request)
        newest = dict.fromkeys(".".join(version.split(".")[:2]) for version in versions)
        days = {line: self._day(request, line) for line in list(newest)[:_DATED]}
        return [(version, days.get(".".join(version.split(".")[:2]), "")) for version in versions]

    def _day(self, request: ReleaseLineRequest, line: str) -> str:
        """Return the day on which the newest version of a line was published, "" if unknown."""
        entry, log = locked(
            self._runner, f"{self._package(request)}=={line}.*", python="",
            platform=platform_tag(arch_of(request), request.base.value), env=self._env(request),
        )  # fmt: skip
        if failed := unreachable(log, self.index(request)):
            raise failed
        files = [*entry.get("wheels", ()), entry.get("sdist", {})]
        times = [file["upload-time"] for file in files if "upload-time" in file]
        return str(min(times).date()) if times else ""

    def _package(self, request: ReleaseLineRequest) -> str:
        return option(request, "package", self.name)

    def index(self, request: ReleaseLineRequest) -> SourceUrl:
        """Return the index that has the package."""
        return default_index(self._network)

    def _env(self, request: ReleaseLineRequest) -> dict[str, str]:
        return index_env(self._network, self.index(request).url)


class PytorchPackages(PythonPackages):
    """Release lines of PyTorch's own index; the option `index` is `cpu`, or e.g. `cu130`."""

    def __init__(
        self, *, runner: Runner, network: Network, note: Callable[[str], None] = tell_nobody
    ) -> None:
        super().__init__(runner=runner, network=network, name="pytorch", note=note)

    def _package(self, request: ReleaseLineRequest) -> str:
        return request.options.get("package", "torch")

    def index(self, request: ReleaseLineRequest) -> SourceUrl:
        """Return the index of PyTorch that the option `index` names."""
        return source_url(
            upstream("pytorch", request.options.get("index", "cpu")), self._network.mirrors
        )


def _packages(tools: ResolverTools, name: str = "pypi") -> PythonPackages:
    return PythonPackages(runner=tools.runner, network=tools.network, name=name, note=tools.note)


def _ask_index(tools: ResolverTools) -> None:
    _packages(tools).lines(request_for("pip"))


def _source_of(_value: AxisValue, options: Mapping[str, str], version: str) -> tuple[str, ...]:
    """Return the address of a source distribution in the lock."""
    package = options.get("package", "torch")
    return (f"{PYPI_SOURCE}{canonicalize_name(package)}@{version}",) if "sdist" in options else ()


PYPI = ProviderDefinition(
    name="pypi",
    summary="a package of PyPI, such as Spark, TensorFlow and MLflow",
    provider=_packages,
    ask=_ask_index,
    urls_of=_source_of,
    has_cooldown=True,
    dated=lambda tools, request: _packages(tools).dated(request),
)
PYPI_CPU = ProviderDefinition(
    name="pypi-cpu",
    summary="a package of PyPI that is built without CUDA",
    provider=lambda tools: _packages(tools, "pypi-cpu"),
    ask=_ask_index,
    urls_of=_source_of,
    has_cooldown=True,
    dated=lambda tools, request: _packages(tools, "pypi-cpu").dated(request),
)
PYTORCH = ProviderDefinition(
    name="pytorch",
    summary="a package of PyTorch's own index, without CUDA or with it",
    provider=lambda tools: PytorchPackages(
        runner=tools.runner, network=tools.network, note=tools.note
    ),
    sources=("pytorch",),
    urls_of=_source_of,
    has_cooldown=True,
)
