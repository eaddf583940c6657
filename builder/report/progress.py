"""Shows running steps: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from builder.build.events import Event, Finished, Listener, Noted, Result, Retried, Started
from builder.ci.systems import CISystem
from builder.common.text import first_line
from builder.plan.models import Step

_MARKS = {
    "done": "✓",
    "reused": "=",
    "failed": "✗",
    "blocked": "-",
    "skipped": "-",
    "stopped": "-",
    "retired": "·",
}


def line(event: Event) -> str:
    """Return an event as one line."""
    match event:
        case Started(step=step):
            return f"{step}: started"
        case Noted(step=step, text=text):
            return f"{step}: {text}"
        case Retried(step=step, attempt=attempt, delay=delay, reason=reason):
            return f"{step}: try {attempt} failed ({first_line(reason)}); again in {delay:.0f} s"
        case Finished(result=result):
            return outcome(result)


def outcome(result: Result) -> str:
    """Return a result as one line."""
    reason = first_line(result.reason)
    if result.status == "stopped":
        return f"- {result.step}: stopped after {result.seconds:.0f} s; {reason}"
    took = f" in {result.seconds:.1f} s" if result.status in {"done", "failed"} else ""
    return f"{_MARKS[result.status]} {result.step}: {result.status}{took}" + (
        f" — {reason}" if reason else ""
    )


@contextlib.contextmanager
def shown(steps: Mapping[str, Step], system: CISystem | None = None) -> Iterator[Listener]:
    """Yield a listener for the CI system, the terminal or the file that standard error is."""
    if system is not None:
        yield partial(_for_system, system)
    elif sys.stderr.isatty():
        with live(steps) as listener:
            yield listener
    else:
        yield _plain


def _plain(event: Event) -> None:
    if isinstance(event, Noted) and event.passing:
        return
    now = datetime.now(UTC).strftime("%H:%M:%S")
    sys.stderr.write(f"{now} {line(event)}\n")


def _for_system(system: CISystem, event: Event) -> None:
    """Print plain lines, and for each finished step the lines of the CI system."""
    if not isinstance(event, Finished):
        _plain(event)
        return
    result = event.result
    is_failed = result.status == "failed"
    text = system.finished(result.step, outcome(result), result.reason, is_failed=is_failed)
    print(text, end="", file=sys.stderr, flush=True)


class Board:
    """The state of a live view: running steps with their starts and notes, and ended steps."""

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self._steps = steps
        self.running: dict[str, float] = {}
        self.notes: dict[str, str] = {}
        self.ended: dict[str, Result] = {}

    def __call__(self, event: Event) -> None:
        """Record an event."""
        match event:
            case Started(step=step):
                self.running[step] = time.monotonic()
            case Noted(step=step, text=text):
                self.notes[step] = text
            case Retried(step=step, delay=delay):
                self.notes[step] = f"waits {delay:.0f} s to try again"
            case Finished(result=result):
                self.running.pop(result.step, None)
                self.ended[result.step] = result

    def rows(self) -> list[tuple[str, str, str]]:
        """Return (step, note, seconds) of each running step."""
        now = time.monotonic()
        return [
            (step, self.notes.get(step, ""), f"{now - since:.0f} s")
            for step, since in self.running.items()
        ]

    def following(self, most: int = 3) -> Sequence[str]:
        """Return the ids of the next steps, at most `most`."""
        waiting = [
            step for step in self._steps if step not in self.running and step not in self.ended
        ]
        return waiting[:most]


@contextlib.contextmanager
def live(steps: Mapping[str, Step]) -> Iterator[Listener]:
    """Yield the listener of a view that is redrawn in place; ended steps are printed above it."""
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    board, console = Board(steps), Console(stderr=True)

    def draw() -> Group:
        running = Table.grid(padding=(0, 1))
        for step, note, seconds in board.rows():
            mark = Text("▸", style="yellow")
            running.add_row(mark, Text(step), Text(note, style="dim"), Text(seconds))
        done, after = len(board.ended), ", ".join(board.following())
        footer = Table.grid(padding=(0, 1))
        text = f"{done}/{len(steps)}" + (f", next: {after}" if after else "")
        footer.add_row(
            ProgressBar(total=max(1, len(steps)), completed=done, width=20),
            Text(text, style="dim", no_wrap=True, overflow="ellipsis"),
        )
        return Group(running, footer)

    class _View:
        def __rich__(self) -> Group:
            return draw()

    with Live(_View(), console=console, refresh_per_second=4, transient=True):

        def listen(event: Event) -> None:
            board(event)
            if isinstance(event, Finished):
                style = {"failed": "red", "done": "green"}.get(event.result.status, "dim")
                console.print(Text(outcome(event.result), style=style))

        yield listen
