"""What all unit tests have in common."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.answers import Registry
from tests.fakes.lines import Upstream


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a test must outlast a power failure."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


@pytest.fixture
def there(registry: Registry, tmp_path: Path) -> Upstream:
    """Every source of the network, on loopback."""
    return Upstream(registry, tmp_path / "files")
