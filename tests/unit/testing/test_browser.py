"""A machine without Chromium. Pages of a real one: tests/integration/images/test_browser.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.common.errors import ToolError
from builder.testing.browser import chromium, open_page


def test_a_machine_without_a_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium() is None
    with pytest.raises(ToolError) as caught, open_page(tmp_path):
        pytest.fail("it was opened")
    assert str(caught.value) == (
        "chromium is not installed\n  hint: apt-get install chromium, or builder doctor --browser"
    )


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_the_names_of_chromium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    program = tmp_path / name
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium() == str(program)
