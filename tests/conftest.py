"""Fixtures that many tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.common.process import Runner
from tests.fakes.answers import Registry, serving
from tests.fakes.catalog import Folder, Week
from tests.skips import (  # noqa: F401 - pytest finds hooks here
    pytest_addoption,
    pytest_make_collect_report,
    pytest_runtest_makereport,
)

collect_ignore = ["catalogs"]  # the tests of their recipes are for their images
TESTS = Path(__file__).parent
# Their tests share what takes seconds to begin, or a port.
_TOGETHER = {"cli", "integration/engine", "integration/faults", "integration/session"}


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests one process of several runs: those of a file, or of a folder."""
    for item in items:
        path = item.path.relative_to(TESTS)
        if path.parts[0] != "unit":
            folder = path.parent.as_posix()
            group = folder if folder in _TOGETHER else path.as_posix()
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture
def folder() -> Iterator[Folder]:
    """A small catalog on disk, or in memory where the machine can."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as path:
        yield Folder(Path(path) / "catalog")


@pytest.fixture
def week(folder: Folder) -> Week:
    """That catalog, with fakes around it."""
    return Week(folder=folder)


@pytest.fixture
def runner() -> Iterator[Runner]:
    """A runner whose processes end with the test."""
    runner = Runner()
    yield runner
    runner.stop()


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry that says what it is told to."""
    with serving() as server:
        yield server
