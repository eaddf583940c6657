"""How a command watches a run."""

from __future__ import annotations

import os
import signal

import pytest

from builder.build.events import Started
from builder.cli.open import notify, watched


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_run_and_nothing_else(number: signal.Signals) -> None:
    before, reasons = signal.getsignal(number), list[str]()
    with watched(lambda: None, {}, reasons.append):
        os.kill(os.getpid(), number)
    assert reasons == [number.name]
    assert signal.getsignal(number) == before


def test_events_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with watched(lambda: None, {}, lambda _reason: None) as listen:
        listen(Started(step="build:base"))
    assert capsys.readouterr().err.endswith(" build:base: started\n")


def test_a_note_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    notify("matrix.lock written")
    assert capsys.readouterr() == ("", "matrix.lock written\n")
