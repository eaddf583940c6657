"""Carries out steps: a ready queue over a pool of threads, the most urgent first.

A failed step blocks the steps that need it and nothing else. A step with a transient error is
retried after growing delays. A step of a kind in `GATHERS` runs once its needs have ended, even if
some failed: a release publishes what passed.
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
    """Settings of an executor. `delay` is in seconds, and triples with each retry."""

    jobs: int = 2
    attempts: int = 3
    delay: float = 2.0
    fail_fast: bool = False


class Admission(Protocol):
    """Decides whether a step may start now."""

    def admit(self, step: Step, running: Collection[str]) -> bool:
        """Whether a step may start beside the running ones. It may first make room.

        If nothing runs, it raises BuilderError instead of returning False.
        """

    def ended(self, result: Result) -> None:
        """Record that a step has ended."""


class Executor:
    """Carries out one set of steps. `stop` may be called from any thread, or a signal handler.

    The step with the highest `urgency` starts first; among equals, the one that has waited
    longest. `stop` sets `stopped`, so that code that waits within a step can end too.
    """

    def __init__(
        self,
        *,
        perform: Perform,
        listen: Listener,
        policy: Policy,
        urgency: Mapping[str, float] | None = None,
        admission: Admission | None = None,
        stopped: threading.Event | None = None,
    ) -> None:
        self._perform = perform
        self._listen = listen
        self._policy = policy
        self._urgency = urgency or {}
        self._admission = admission
        self._stopped = stopped or threading.Event()
        self._interrupted = threading.Event()
        self._ended: queue.SimpleQueue[Result] = queue.SimpleQueue()

    def stop(self) -> None:
        """Start nothing more."""
        self._stopped.set()

    def interrupt(self) -> None:
        """Start nothing more, and report running steps that fail as stopped."""
        self._interrupted.set()
        self._stopped.set()

    def run(self, steps: Mapping[str, Step]) -> dict[str, Result]:
        """Carry out the steps; return the result of each, in their order."""
        results: dict[str, Result] = {}
        followers = graph.reverse({step.id: step.needs for step in steps.values()})
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
                if self._admission is not None:
                    self._admission.ended(result)
                self._listen(Finished(result=result))
                for follower in followers[result.step]:
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
        """Start the ready steps that are admitted; end those that cannot begin."""
        deferred = []
        while ready and len(running) < self._policy.jobs:
            step = ready.take()
            try:
                early_result = self._early_result(step, results)
                if (
                    early_result is None
                    and self._admission
                    and not self._admission.admit(step, running)
                ):
                    deferred.append(step)
                    continue
            except BuilderError as error:
                early_result = _failed(step, error, error.exit_code)
            running.add(step.id)
            if early_result is not None:
                self._ended.put(early_result)
            else:
                pool.submit(self._carry_out, step)
        for step in deferred:
            ready.add(step)

    def _early_result(self, step: Step, results: Mapping[str, Result]) -> Result | None:
        """Return the result of a step that cannot begin, or None."""
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

    def _carry_out(self, step: Step) -> None:
        started = time.monotonic()
        result = None
        try:
            self._listen(Started(step=step.id))
            result = self._attempt(step)
        except BuilderError as error:
            result = _failed(step, error, error.exit_code)
        except OSError as error:
            refusal = refused(error)
            result = _failed(step, refusal, refusal.exit_code)
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
    """Return the value of a call, and retry it after a TransientError.

    `wait` gets the number of the failed attempt, the seconds to wait and the error; it returns
    whether to retry. Raises the error of the last attempt.
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
    """A queue of the steps whose needs have ended, the most urgent first."""

    def __init__(self, urgency: Mapping[str, float]) -> None:
        self._urgency = urgency
        self._number = itertools.count()
        self._heap: list[tuple[float, int, Step]] = []

    def add(self, step: Step) -> None:
        """Add a step."""
        entry = (-self._urgency.get(step.id, 0.0), next(self._number), step)
        heapq.heappush(self._heap, entry)

    def take(self) -> Step:
        """Remove and return the step to start next."""
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
    """Return a listener that passes each event to several, one event at a time."""
    lock = threading.Lock()

    def listen(event: Event) -> None:
        with lock:
            for listener in listeners:
                listener(event)

    return listen
