"""What all unit tests have in common."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.answers import Registry
from tests.fakes.lines import Upstream


def pytest_collection_finish() -> None:
    """Have garbage not be looked for among thousands of tests again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _no_waiting_for_disks() -> Iterator[None]:
    """Nothing of a test must outlast a power failure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _handle: None)
        yield


@pytest.fixture
def there(registry: Registry, tmp_path: Path) -> Upstream:
    """Every source of the network, on loopback."""
    return Upstream(registry, tmp_path / "files")
