"""Carries out steps: a ready queue over a pool of threads, the most urgent first.

A failed step blocks what needs it and nothing else. A step that failed in a way that may pass is
tried again, later each time. A step of a kind in `GATHERS` waits for its needs to end, well or
not, as a release offers what passed.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from builder.build.events import Event, Finished, Listener, Result, Retried, Started
from builder.common import graph
from builder.common.errors import BuilderError, TransientError, refused
from builder.plan.models import Step

GATHERS = frozenset({"release"})
Perform = Callable[[Step], Result]
Wait = Callable[[int, float, TransientError], bool]
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How to go about it. `delay` is the seconds before the first retry; each next is thrice."""

    jobs: int = 2
    attempts: int = 3
    delay: float = 2.0
    fail_fast: bool = False


class Admission(Protocol):
    """Says whether there is room for a step."""

    def admit(self, step: Step, running: Collection[str]) -> bool:
        """Whether it may start beside what runs. It may first make room.

        Where nothing runs it does not answer no, but raises BuilderError.
        """

    def ended(self, result: Result) -> None:
        """A step has ended."""


class Executor:
    """Carries out one set of steps. `stop` may be called from any thread, or a signal handler.

    Of what may start, the step with the highest `urgency` does; where that is the same, the one
    that has waited longest. `stopped` is set by `stop`, for who waits within a step.
    """

    def __init__(
        self,
        *,
        perform: Perform,
        listen: Listener,
        policy: Policy,
        urgency: Mapping[str, float] | None = None,
        room: Admission | None = None,
        stopped: threading.Event | None = None,
    ) -> None:
        self._perform = perform
        self._listen = listen
        self._policy = policy
        self._urgency = urgency or {}
        self._room = room
        self._stopped = stopped or threading.Event()
        self._interrupted = threading.Event()
        self._ended: queue.SimpleQueue[Result] = queue.SimpleQueue()

    def stop(self) -> None:
        """Start nothing more."""
        self._stopped.set()

    def interrupt(self) -> None:
        """Start nothing more, where what runs is being ended: it did not fail by itself."""
        self._interrupted.set()
        self._stopped.set()

    def run(self, steps: Mapping[str, Step]) -> dict[str, Result]:
        """Every step's result, in the order of the steps."""
        results: dict[str, Result] = {}
        needed = graph.reverse({step.id: step.needs for step in steps.values()})
        waiting = {
            step.id: {need for need in step.needs if need in steps} for step in steps.values()
        }
        ready = _Ready(self._urgency)
        for step in steps.values():
            if not waiting[step.id]:
                ready.add(step)
        running: set[str] = set()
        with ThreadPoolExecutor(self._policy.jobs, thread_name_prefix="step") as pool:
            while ready or running:
                self._start(ready, running, results, pool)
                result = self._ended.get()
                running.discard(result.step)
                results[result.step] = result
                if self._room is not None:
                    self._room.ended(result)
                self._listen(Finished(result=result))
                for follower in needed[result.step]:
                    waiting[follower].discard(result.step)
                    if not waiting[follower]:
                        ready.add(steps[follower])
        return {step: results[step] for step in steps}

    def _start(
        self,
        ready: _Ready,
        running: set[str],
        results: Mapping[str, Result],
        pool: ThreadPoolExecutor,
    ) -> None:
        """Start what can start now; what cannot begin at all ends."""
        deferred = []
        while ready and len(running) < self._policy.jobs:
            step = ready.take()
            try:
                barrier = self._barrier(step, results)
                if barrier is None and self._room and not self._room.admit(step, running):
                    deferred.append(step)
                    continue
            except BuilderError as error:
                barrier = _failed(step, error, error.exit_code)
            running.add(step.id)
            if barrier is not None:
                self._ended.put(barrier)
            else:
                pool.submit(self._work, step)
        for step in deferred:
            ready.add(step)

    def _barrier(self, step: Step, results: Mapping[str, Result]) -> Result | None:
        """The result of a step that cannot begin, or None."""
        if self._stopped.is_set():
            return _skipped(step)
        if step.kind in GATHERS:
            return None
        for need in step.needs:
            result = results.get(need)
            if result is None or result.ok:
                continue
            root = result.reason if result.status == "blocked" else f"{need} {result.status}"
            return Result(step=step.id, status="blocked", reason=root, exit_code=result.exit_code)
        return None

    def _work(self, step: Step) -> None:
        started = time.monotonic()
        result = None
        try:
            self._listen(Started(step=step.id))
            result = self._attempt(step)
        except BuilderError as error:
            result = _failed(step, error, error.exit_code)
        except OSError as error:
            told = refused(error)
            result = _failed(step, told, told.exit_code)
        except Exception as error:  # a worker's fault must end its step, not the queue
            result = _failed(step, error, 1)
        finally:
            if result is None:
                result = Result(step=step.id, status="failed", reason="interrupted", exit_code=130)
            if self._interrupted.is_set() and result.status == "failed":
                result = _interrupted(step)
            if self._policy.fail_fast and result.status == "failed":
                self.stop()
            self._ended.put(replace(result, seconds=time.monotonic() - started))

    def _attempt(self, step: Step) -> Result:
        def wait(attempt: int, delay: float, error: TransientError) -> bool:
            retry = Retried(step=step.id, attempt=attempt, delay=delay, reason=error.message)
            self._listen(retry)
            return not self._stopped.wait(delay)

        return patiently(lambda: self._perform(step), policy=self._policy, wait=wait)


def patiently(call: Callable[[], _T], *, policy: Policy, wait: Wait) -> _T:
    """What a call gives, which is made again where it failed in a way that may pass.

    `wait` is told which attempt failed, and why; it waits so many seconds, and says whether to
    go on. The last attempt's error is raised.
    """
    delay = policy.delay
    for attempt in range(1, policy.attempts):
        try:
            return call()
        except TransientError as error:
            if not wait(attempt, max(delay, error.after), error):
                raise
            delay *= 3
    return call()


class _Ready:
    """The steps that need nothing more, the most urgent first."""

    def __init__(self, urgency: Mapping[str, float]) -> None:
        self._urgency = urgency
        self._number = itertools.count()
        self._heap: list[tuple[float, int, Step]] = []

    def add(self, step: Step) -> None:
        """One more."""
        entry = (-self._urgency.get(step.id, 0.0), next(self._number), step)
        heapq.heappush(self._heap, entry)

    def take(self) -> Step:
        """The one to start next."""
        return heapq.heappop(self._heap)[2]

    def __len__(self) -> int:
        return len(self._heap)


def _skipped(step: Step) -> Result:
    return Result(step=step.id, status="skipped", reason="stopped before it began")


def _interrupted(step: Step) -> Result:
    reason = "the next run goes on from here"
    return Result(step=step.id, status="stopped", reason=reason, exit_code=130)


def _failed(step: Step, error: Exception, exit_code: int) -> Result:
    text = str(error) if isinstance(error, BuilderError) else f"{type(error).__name__}: {error}"
    return Result(step=step.id, status="failed", reason=text, exit_code=exit_code)


def tee(*listeners: Listener) -> Listener:
    """One listener that tells several, one event at a time."""
    lock = threading.Lock()

    def listen(event: Event) -> None:
        with lock:
            for listener in listeners:
                listener(event)

    return listen
