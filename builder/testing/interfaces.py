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


CHART_TESTS = "BUILDER_CHART_TESTS"
"""The variable with the name of what charts are run with, in the place of the catalog's word."""
RESTRICTED, BASELINE = "restricted", "baseline"
"""The levels of Pod Security that a chart may need."""


@dataclass(frozen=True, kw_only=True)
class ChartInstall:
    """What a cluster installs: the folder of a chart, and the values that are not its defaults.

    `released` is the folder of the version that was released last, None for a new chart. `level` is
    the strictest Pod Security level that takes its pods.
    """

    folder: Path
    values: Mapping[str, object]
    released: Path | None = None
    level: str = RESTRICTED


@dataclass(frozen=True, kw_only=True)
class ChartRequest:
    """A rendered chart to run. Its service answers on the container port `port`.

    `install` is for a cluster, which renders the chart itself.
    """

    chart: str
    manifests: str
    password: str  # of the service, in the manifests
    suite: Path
    port: int
    junit: Path
    log: Path
    is_on_host: bool = False  # whether its pod uses the network of this machine
    timeout: float = 600.0
    install: ChartInstall | None = None


class ChartRunner(Protocol):
    """Runs a chart, and its recipe's tests against it."""

    @property
    def waits_for(self) -> str:
        """Return the software to install before the first chart runs, "" for none."""

    def prepare(self, log: Path) -> None:
        """Install what charts run with. Raises StepError, ToolError, TransientError."""

    def run(self, request: ChartRequest) -> TestCounts:
        """Run a chart, test it, and remove it. Raises SmokeError, StepError, ToolError."""
