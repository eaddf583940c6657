"""A page of a browser: the protocol, on a channel that is not one. Real Chromium: integration."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builder.common.errors import StepError, ToolError
from builder.common.process import Runner
from builder.testing.browser import Page, browser, chromium, chromium_command

Answer = Callable[[str, dict[str, Any]], dict[str, Any]]


class FakeChannel:
    """Answers each call by a function of its method and parameters; events come before."""

    def __init__(self, answer: Answer, *events: dict[str, Any]) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._answer = answer
        self._events = [json.dumps(event) for event in events]
        self._waiting: list[str] = []

    def send(self, payload: str) -> None:
        message = json.loads(payload)
        self.calls.append((message["method"], message["params"]))
        answer = self._answer(message["method"], message["params"])
        self._waiting = [*self._events, json.dumps({"id": message["id"], **answer})]
        self._events = []

    def recv(self) -> str:
        return self._waiting.pop(0)


def value(found: object) -> Answer:
    return lambda method, parameters: {"result": {"result": {"value": found}}}


def test_the_value_of_an_expression() -> None:
    channel = FakeChannel(value([1, "a"]))
    assert Page(channel).evaluate("[1, 'a']") == [1, "a"]
    assert channel.calls == [
        (
            "Runtime.evaluate",
            {"expression": "[1, 'a']", "returnByValue": True, "awaitPromise": True},
        )
    ]


def test_an_expression_that_throws() -> None:
    thrown = {"exceptionDetails": {"text": "Uncaught", "exception": {"description": "Error: no"}}}
    page = Page(FakeChannel(lambda *_: {"result": {"result": {}, **thrown}}))
    with pytest.raises(StepError) as caught:
        page.evaluate("broken()")
    assert str(caught.value) == "broken(): Error: no"


def test_a_call_that_is_refused() -> None:
    page = Page(FakeChannel(lambda *_: {"error": {"code": -32601, "message": "no such method"}}))
    with pytest.raises(StepError) as caught:
        page.call("Page.fly")
    assert str(caught.value) == "Page.fly: no such method"


def test_an_address_that_cannot_be_had() -> None:
    page = Page(FakeChannel(lambda *_: {"result": {"errorText": "net::ERR_CONNECTION_REFUSED"}}))
    with pytest.raises(StepError) as caught:
        page.open("http://127.0.0.1:1/")
    assert str(caught.value) == "http://127.0.0.1:1/: net::ERR_CONNECTION_REFUSED"


def test_errors_of_the_page_are_kept() -> None:
    page = Page(
        FakeChannel(
            value(1),
            {"method": "Runtime.exceptionThrown",
             "params": {"exceptionDetails": {"exception": {"value": "thrown"}}}},
            {"method": "Runtime.consoleAPICalled",
             "params": {"type": "error", "args": [{"value": "two"}, {"description": "parts"}]}},
            {"method": "Runtime.consoleAPICalled",
             "params": {"type": "log", "args": [{"value": "said by the way"}]}},
            {"method": "Log.entryAdded",
             "params": {"entry": {"level": "error", "text": "404", "url": "http://here/x"}}},
            {"method": "Page.loadEventFired", "params": {}},
        )
    )  # fmt: skip
    page.evaluate("1")
    assert page.log == ["thrown", "two parts", "404 http://here/x"]


def test_waiting_ends_with_what_the_page_said() -> None:
    page = Page(FakeChannel(value(None)))
    page.log.append("it was not there")
    with pytest.raises(StepError) as caught:
        page.wait("here()", seconds=0)
    assert str(caught.value) == (
        "after 0 s still not: here()\n  hint: the page's log: it was not there"
    )


def test_a_key_is_pressed_and_let_go() -> None:
    channel = FakeChannel(lambda *_: {"result": {}})
    Page(channel).press("Enter", code=13)
    kinds = [(parameters["type"], parameters.get("text")) for _, parameters in channel.calls]
    assert kinds == [("keyDown", "\r"), ("keyUp", None)]


def test_a_picture_is_kept(tmp_path: Path) -> None:
    data = base64.b64encode(b"PNG").decode()
    Page(FakeChannel(lambda *_: {"result": {"data": data}})).screenshot(tmp_path / "a" / "b.png")
    assert (tmp_path / "a" / "b.png").read_bytes() == b"PNG"


def test_a_browser_keeps_to_its_folder_and_to_itself(tmp_path: Path) -> None:
    command = chromium_command("/usr/bin/chromium", tmp_path, "/tmp/a")
    assert command.argv[0] == "/usr/bin/chromium"
    for flag in ("--headless", "--no-proxy-server", "--disable-background-networking",
                 f"--user-data-dir={tmp_path}", "--remote-debugging-port=0"):  # fmt: skip
        assert flag in command.argv
    own = str(tmp_path)
    assert command.env == {"HOME": own, "XDG_CONFIG_HOME": own, "TMPDIR": "/tmp/a"}


def test_a_machine_without_a_browser(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium() is None
    with pytest.raises(ToolError) as caught, browser(runner, tmp_path):
        pytest.fail("it was opened")
    assert str(caught.value) == (
        "chromium is not installed\n  hint: apt-get install chromium, or builder doctor --browser"
    )
