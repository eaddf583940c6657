"""Requests and results of smoke tests of images and charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from builder.catalog.packages import PackageList


@dataclass(frozen=True, kw_only=True)
class TestCounts:
    """The numbers of tests in a JUnit file, by result."""

    __test__ = False  # else pytest takes it for a class of tests

    passed: int = 0
    failed: int = 0
    skipped: int = 0


class SmokeTester(Protocol):
    """Runs the tests of an image against a container of it."""

    def test(self, request: SmokeRequest) -> TestCounts:
        """Run all tests. Raises SmokeError where one fails, or where there is none.

        First writes the installed packages to `request.packages`, as `package_list.dump` does.
        """

    def packages(self, request: SmokeRequest) -> PackageList:
        """Return the installed packages of the image, without testing it."""


@dataclass(frozen=True, kw_only=True)
class SmokeRequest:
    """An image to test.

    `suites` are folders of tests, the most basic first. The tests compare the image with `facts`:
    {"target", "platform", "axes": {axis: value}, "versions": {axis: exact},
    "providers": {axis: name}, "packages": {ecosystem: [name]}, "ports": [int], "command": [str]}.
    `is_restricted` gives its container no more privileges than the pod of a chart has.
    """

    target: str
    image: str
    suites: tuple[Path, ...]
    facts: Mapping[str, object]
    command: tuple[str, ...]
    ports: tuple[int, ...]
    junit: Path
    log: Path
    packages: Path | None = None
    is_restricted: bool = True
    timeout: float = 900.0


@dataclass(frozen=True, kw_only=True)
class ChartRequest:
    """A rendered chart to run. Its service answers on the container port `port`."""

    chart: str
    manifests: str
    password: str  # of the service, in the manifests
    suite: Path
    port: int
    junit: Path
    log: Path
    is_on_host: bool = False  # whether its pod uses the network of this machine
    timeout: float = 600.0


class ChartRunner(Protocol):
    """Runs a chart's pod without a cluster, and its recipe's tests against it."""

    @property
    def waits_for(self) -> str:
        """Return the software to install before the first chart runs, "" for none."""

    def prepare(self, log: Path) -> None:
        """Install what charts run with. Raises StepError, ToolError, TransientError."""

    def run(self, request: ChartRequest) -> TestCounts:
        """Run a chart, test it, and remove it. Raises SmokeError, StepError, ToolError."""
