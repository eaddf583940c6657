"""The rule of `make test`: a test is skipped only for what this machine cannot be given.

`pytest --no-skips` lets a test fail that is skipped for any other reason.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

NO_FUSE = "this machine has no /dev/fuse"
NO_GIT = "this is no checkout of git"
NO_CT = "the proxy of Go's modules does not have chart-testing"
CANNOT_BE_HAD = (NO_FUSE, NO_GIT, NO_CT)
"""The reasons that hold: each begins with one of these."""
HINT = "make test installs what its tests need: see the Makefile, and tests/skips.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    text = "Let a test fail that is skipped for what this machine can be given."
    parser.addoption("--no-skips", action="store_true", help=text)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge the skip of a test."""
    report = yield
    return _judged(item.config, report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Judge the skip of a whole file."""
    report = yield
    return _judged(collector.config, report)


def _judged(config: pytest.Config, report: Any) -> Any:
    if not config.getoption("--no-skips") or not report.skipped or hasattr(report, "wasxfail"):
        return report
    reason = str(report.longrepr[2]).removeprefix("Skipped: ")
    if not reason.startswith(CANNOT_BE_HAD):
        report.outcome = "failed"
        report.longrepr = f"skipped, and may not be: {reason}\n{HINT}"
    return report
