"""The browser of smoke tests: Playwright with this machine's own Chromium."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Error, expect

from builder.testing.browser import open_page

PAGE = """data:text/html,<title>a page</title><input autofocus onkeydown="
if (event.key === 'Enter') document.title = this.value">
<script>setTimeout(() => { window.late = 42 }, 300); console.error('said', 1); nothing()</script>"""


def test_a_page_is_used_as_a_user_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Where its sockets could have no name: the path of one has at most 107 bytes.
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with open_page(folder / "chromium") as page:
        page.goto(PAGE)
        page.wait_for_function("window.late === 42")
        page.fill("input[onkeydown]", "é 'quoted'")
        page.press("input", "Enter")
        expect(page).to_have_title("é 'quoted'")
        page.screenshot(path=tmp_path / "made" / "page.png")
    assert (tmp_path / "made" / "page.png").read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.splitlines() == [
        "the page's console: said 1",
        "the page raised: nothing is not defined",
    ]


def test_nothing_of_it_is_left(tmp_path: Path) -> None:
    with open_page(tmp_path / "chromium"):
        assert running(tmp_path)
    assert_ended(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_of_it_is_left_where_its_test_is_killed(
    tmp_path: Path, number: signal.Signals
) -> None:
    code = f"""
        import time
        from pathlib import Path
        from builder.testing.browser import open_page
        with open_page(Path({str(tmp_path)!r}) / "chromium"):
            print("open", flush=True)
            time.sleep(600)
    """
    argv = (sys.executable, "-c", textwrap.dedent(code))
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        assert running(tmp_path)
        os.killpg(process.pid, number)
    assert_ended(tmp_path)


def test_an_address_that_nobody_serves(tmp_path: Path) -> None:
    with (
        open_page(tmp_path / "chromium") as page,
        pytest.raises(Error, match=r"ERR_UNSAFE_PORT|ERR_CONNECTION_REFUSED"),
    ):
        page.goto("http://127.0.0.1:1/")


def test_nothing_but_this_machine_is_reached(tmp_path: Path) -> None:
    with serving() as port, open_page(tmp_path / "chromium") as page:
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.locator("body")).to_have_text("here")
        # 127.0.0.2 is this machine's too: only the rule keeps Chromium from it.
        for host in ("example.com", "127.0.0.2"):
            with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
                page.goto(f"http://{host}:{port}/")


@contextlib.contextmanager
def serving() -> Iterator[int]:
    """Serve a page on every address of this machine; the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<body>here</body>")

    with ThreadingHTTPServer(("0.0.0.0", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def assert_ended(folder: Path) -> None:
    """Fail where a process that names a folder goes on for ten seconds."""
    end = time.monotonic() + 10
    while running(folder) and time.monotonic() < end:
        time.sleep(0.1)
    assert not running(folder)


def running(folder: Path) -> list[str]:
    """Return the processes that have a folder in their command line or environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
            if str(folder).encode() in words and path.name != str(os.getpid()):
                found.append(words.decode(errors="replace"))
    return found
