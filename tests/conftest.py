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
from tests.units import (  # noqa: F401
    pytest_collection_modifyitems,
    pytest_xdist_make_scheduler,
)

collect_ignore = ["catalogs"]  # the tests of their recipes are for their images


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
