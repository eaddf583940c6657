"""Checks that images and charts share: each fails where its promise is broken."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from builder.testing import checks
from builder.testing.http_client import Client
from tests.fakes.answers import Registry

FORM = {"form": "/login"}


def answers(registry: Registry, *, code: int, location: str = "./login?to=.") -> None:
    """Have a service answer its form with a code, and lead from `/` to an address."""
    registry.script = lambda method, path: (
        (code, {"Location": "/home"}, b"")
        if method == "POST"
        else (200, {}, b"the workbench")
        if path == "/home" or not location
        else (302, {"Location": location}, b"")
    )


def test_the_password_that_opens(registry: Registry) -> None:
    url = f"http://{registry.address}"
    answers(registry, code=302, location="/home")
    checks.password_opens_it(Client, url, "right", **FORM, shows="workbench")
    with pytest.raises(AssertionError):
        checks.password_opens_it(Client, url, "right", **FORM, shows="something else")
    answers(registry, code=200, location="/home")
    with pytest.raises(AssertionError):
        checks.password_opens_it(Client, url, "right", **FORM, shows="workbench")


def test_other_passwords(registry: Registry) -> None:
    url = f"http://{registry.address}"
    answers(registry, code=200)
    checks.other_passwords_do_not(Client, url, "right", **FORM)
    answers(registry, code=302)
    with pytest.raises(AssertionError):
        checks.other_passwords_do_not(Client, url, "right", **FORM)
    answers(registry, code=200, location="/home")
    with pytest.raises(AssertionError):
        checks.other_passwords_do_not(Client, url, "right", **FORM)


@pytest.mark.parametrize(
    ("shown", "holds"),
    [("desk\n--open\n", True), ("desk\n--password=right\n", False), ("sleep\n", False)],
)
def test_command_lines(shown: str, *, holds: bool) -> None:
    host: Any = SimpleNamespace(check_output=lambda command: shown)
    if holds:
        checks.password_is_on_no_command_line(host, "desk", "right")
    else:
        with pytest.raises(AssertionError):
            checks.password_is_on_no_command_line(host, "desk", "right")


def test_a_program_of_python() -> None:
    asked: list[str] = []

    def run(command: str) -> SimpleNamespace:
        asked.append(command)
        return SimpleNamespace(rc=len(asked) - 1, stdout="42\n", stderr="no such module\n")

    host: Any = SimpleNamespace(run=run)
    assert checks.python(host, "print('42')", {"QUIET": "1"}) == "42"
    assert asked == ["""cd /tmp && QUIET=1 python -c 'print('"'"'42'"'"')'"""]
    with pytest.raises(AssertionError, match="no such module"):
        checks.python(host, "print(42)")
