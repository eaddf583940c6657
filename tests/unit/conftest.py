"""What all unit tests have in common."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a test must outlast a power failure."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
