"""Opens a page in this machine's Chromium, so that a smoke test sees what a user would see.

Playwright drives it, and brings no browser of its own: Debian's is used.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from builder.common.errors import ToolError
from builder.common.process import Command, environment, which

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
"""The names that Chromium has on various machines; Debian's package is `chromium`."""
MISSING = "chromium is not installed"
HINT = "apt-get install chromium, or builder doctor --browser"
TIMEOUT = 60_000
"""Milliseconds that Playwright waits for anything, where a test names no other time."""

# The service under test is on loopback. No other host can be reached, by name or by address.
_ARGUMENTS = (
    "--disable-breakpad", "--disable-crash-reporter", "--disable-gpu", "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip


def chromium() -> str | None:
    """Return the path of this machine's Chromium, or None where it has none."""
    return next(filter(None, map(which, PROGRAMS)), None)


@contextlib.contextmanager
def open_page(home: Path) -> Iterator[Page]:
    """Open an empty page in a new Chromium, which ends with the block. Raises ToolError.

    Chromium keeps its files in `home`. Errors of the page are printed, so that pytest shows them
    with a test that fails.
    """
    program = chromium()
    if program is None:
        raise ToolError(MISSING, hint=HINT)
    from playwright.sync_api import sync_playwright

    home.mkdir(parents=True, exist_ok=True)
    # The path of a socket has at most 107 bytes, and that of a test's folder may have more.
    with (
        tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as sockets,
        sync_playwright() as playwright,
    ):
        own = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "TMPDIR": sockets}
        launched = playwright.chromium.launch(
            executable_path=program,
            args=_ARGUMENTS,
            env={**environment(Command(argv=(program,), env=own))},
        )
        page = launched.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: print(f"the page raised: {error}"))
        page.on("console", lambda message: _print_error(message.type, message.text))
        yield page
        launched.close()


def _print_error(kind: str, text: str) -> None:
    if kind == "error":
        print(f"the page's console: {text}")
