"""Testers that find what they are told to find."""

from __future__ import annotations

from pathlib import Path

from builder.catalog.packages import Package, PackageList
from builder.common.errors import SmokeError
from builder.testing.interfaces import ChartRequest, SmokeRequest, TestCounts
from builder.testing.package_list import dump
from tests.fakes.calls import Calls

JUNIT = "<testsuites><testsuite tests='2'/></testsuites>"


class FakeSmoke(Calls):
    """Passes, but for the targets in `rejects`."""

    def __init__(self) -> None:
        super().__init__()
        self.rejects: set[str] = set()
        self.requests: list[SmokeRequest] = []
        self.installed: PackageList = {"apt": {"tar": Package(version="1.35", size=3_000_000)}}

    def test(self, request: SmokeRequest) -> TestCounts:
        """Leave a JUnit file, and pass or reject."""
        self._call("test", request.target)
        self.requests.append(request)
        request.junit.parent.mkdir(parents=True, exist_ok=True)
        request.junit.write_text(JUNIT)
        if request.packages is not None:
            request.packages.parent.mkdir(parents=True, exist_ok=True)
            request.packages.write_bytes(dump(self.installed_in(request.target)))
        if request.target in self.rejects:
            raise SmokeError(f"{request.target}: 1 of 2 tests failed")
        return TestCounts(passed=2)

    def packages(self, request: SmokeRequest) -> PackageList:
        """What `installed` says, of every image."""
        self._call("packages", request.target)
        return self.installed_in(request.target)

    def installed_in(self, target: str) -> PackageList:
        """Return what is installed in the image of a target."""
        return self.installed


class FakeChartRunner(Calls):
    """Runs nothing; rejects the charts in `rejects`."""

    def __init__(self) -> None:
        super().__init__()
        self.rejects: set[str] = set()
        self.requests: list[ChartRequest] = []
        self.waits_for = ""

    def prepare(self, log: Path) -> None:
        """Have it."""
        self._call("prepare", log.name)
        self.waits_for = ""

    def run(self, request: ChartRequest) -> TestCounts:
        """Pass or reject."""
        self._call("run", request.chart)
        self.requests.append(request)
        if request.chart in self.rejects:
            raise SmokeError(f"{request.chart}: 1 of 2 tests failed")
        return TestCounts(passed=2)
