"""What tests of providers share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.answers import Registry
from tests.fakes.lines import Upstream


@pytest.fixture
def there(registry: Registry, tmp_path: Path) -> Upstream:
    """Every source of the network, on loopback."""
    return Upstream(registry, tmp_path / "files")
