"""A browser without a window, so that a test sees what a user would see.

Chromium, driven over its DevTools protocol: a WebSocket on loopback that it opens itself.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import requests
import websocket

from builder.common.errors import StepError, ToolError
from builder.common.process import Command, Runner, which

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
"""What a machine may call it; Debian's package is `chromium`."""
MISSING = "chromium is not installed"
HINT = "apt-get install chromium, or builder doctor --browser"


class Channel(Protocol):
    """What a page needs of a WebSocket."""

    def send(self, payload: str) -> object:
        """Send one message."""

    def recv(self) -> str | bytes:
        """The next message; raises WebSocketTimeoutException."""


class Page:
    """One page. `log` is what it wrote to its console, and the exceptions that nothing caught."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._numbers = itertools.count(1)
        self.log: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol. Raises StepError where it fails."""
        number = next(self._numbers)
        self._channel.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message: dict[str, Any] = json.loads(self._channel.recv())
            if message.get("id") != number:
                self._note(message)
            elif "error" in message:
                raise StepError(f"{method}: {message['error'].get('message')}")
            else:
                result: dict[str, Any] = message["result"]
                return result

    def open(self, url: str) -> None:
        """Go to an address. Raises StepError where it cannot be had."""
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        failed = self.call("Page.navigate", url=url).get("errorText")
        if failed:
            raise StepError(f"{url}: {failed}")

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression, as JSON. Raises StepError where it throws."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise StepError(f"{script}: {_exception(found['exceptionDetails'])}")
        return found["result"].get("value")

    def wait(self, script: str, *, seconds: float) -> None:
        """Wait until an expression is true, or finds an element. StepError after `seconds`."""
        end = time.monotonic() + seconds
        while True:
            # Between two pages there is nothing to ask.
            with contextlib.suppress(StepError):
                if self.evaluate(f"Boolean({script})"):
                    return
            if time.monotonic() > end:
                last = "; ".join(self.log[-3:]) or "nothing"
                raise StepError(
                    f"after {seconds:g} s still not: {script}", hint=f"the page's log: {last}"
                )
            time.sleep(0.2)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def fill(self, selector: str, text: str) -> None:
        """Type into the field that a CSS selector finds, once it is there. Raises StepError."""
        field = f"document.querySelector({json.dumps(selector)})"
        self.wait(field, seconds=60)
        self.evaluate(f"{field}.focus()")
        self.type(text)

    def press(self, key: str, *, code: int, shift: bool = False) -> None:
        """Press a key, e.g. Enter, whose number is 13."""
        text: dict[str, Any] = {"text": "\r"} if key == "Enter" else {}
        text |= {"modifiers": 8} if shift else {}
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key,
                windowsVirtualKeyCode=code, **(text if kind == "keyDown" else {}),
            )  # fmt: skip

    def screenshot(self, file: Path) -> None:
        """Keep a picture of it, as PNG."""
        picture = self.call("Page.captureScreenshot", format="png")["data"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(picture))

    def _note(self, message: dict[str, Any]) -> None:
        details = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.log.append(_exception(details["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if details["type"] == "error":
                values = [item.get("value") or item.get("description") for item in details["args"]]
                self.log.append(" ".join(map(str, values)))
            case "Log.entryAdded" if details["entry"]["level"] == "error":
                self.log.append(f"{details['entry']['text']} {details['entry'].get('url', '')}")


def chromium() -> str | None:
    """Where this machine's browser is, if it has one."""
    return next(filter(None, map(which, PROGRAMS)), None)


def chromium_command(program: str, folder: Path, sockets: str) -> Command:
    """A browser that keeps all it has in `folder`, and speaks to nobody by itself.

    `sockets` is a folder whose name is short: the path of a socket has 107 bytes.
    """
    argv = (
        program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-extensions", "--disable-breakpad", "--disable-crash-reporter",
        "--no-first-run", "--no-proxy-server", "--mute-audio",
        "--window-size=1400,900", "--remote-allow-origins=*", "--remote-debugging-port=0",
        f"--user-data-dir={folder}", "about:blank",
    )  # fmt: skip
    env = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "TMPDIR": sockets}
    return Command(argv=argv, env=env)


@contextlib.contextmanager
def browser(runner: Runner, folder: Path) -> Iterator[Page]:
    """A page of a new browser, which ends with it. Raises ToolError, StepError."""
    program = chromium()
    if program is None:
        raise ToolError(MISSING, hint=HINT)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "chromium.log"
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as sockets:
        process = runner.spawn(chromium_command(program, folder, sockets), log=log)
        try:
            address = _address(folder / "DevToolsActivePort", log)
            channel = websocket.create_connection(address, timeout=60, http_no_proxy=["*"])
            with contextlib.closing(channel):
                yield Page(channel)
        finally:
            runner.end(process)


def _address(file: Path, log: Path) -> str:
    """The WebSocket of its first page, once it has written down its port."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError, IndexError, requests.RequestException):
            port = file.read_text().splitlines()[0]
            with requests.Session() as session:
                session.trust_env = False
                for page in session.get(f"http://127.0.0.1:{port}/json", timeout=10).json():
                    if page["type"] == "page":
                        return str(page["webSocketDebuggerUrl"])
        time.sleep(0.1)
    raise StepError("chromium did not start", hint=f"see {log}")


def _exception(details: dict[str, Any]) -> str:
    thrown = details.get("exception", {})
    return str(thrown.get("description") or thrown.get("value") or details.get("text"))
