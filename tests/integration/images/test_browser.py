"""The browser of smoke tests, where this machine has one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from builder.common.errors import StepError
from builder.common.process import Runner
from builder.testing.browser import HINT, MISSING, browser, chromium

PAGE = """data:text/html,<title>a page</title><input autofocus onkeydown="
if (event.key === 'Enter') document.title = this.value">
<script>setTimeout(() => { window.late = 42 }, 300); console.error('said', 1)</script>"""

pytestmark = pytest.mark.skipif(chromium() is None, reason=f"{MISSING}: {HINT}")


def test_a_page_is_used_as_a_user_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where its sockets could have no name: a path of one has 107 bytes.
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with browser(Runner(), folder / "chromium") as page:
        page.open(PAGE)
        page.wait("window.late", seconds=20)
        assert page.evaluate("window.late") == 42
        page.fill("input[onkeydown]", "é 'quoted'")
        page.press("Enter", code=13)
        page.wait("document.title !== 'a page'", seconds=20)
        assert page.evaluate("document.title") == "é 'quoted'"
        assert page.log == ["said 1"]
        page.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_of_it_is_left(tmp_path: Path) -> None:
    with browser(Runner(), tmp_path / "chromium"):
        assert running(tmp_path)
    end = time.monotonic() + 10
    while running(tmp_path) and time.monotonic() < end:
        time.sleep(0.1)  # what watches for crashes ends by itself
    assert not running(tmp_path)


def test_an_address_that_nobody_serves(tmp_path: Path) -> None:
    with (
        browser(Runner(), tmp_path / "chromium") as page,
        pytest.raises(StepError, match=r"ERR_UNSAFE_PORT|ERR_CONNECTION_REFUSED"),
    ):
        page.open("http://127.0.0.1:1/")


def running(folder: Path) -> list[str]:
    """The processes that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found
