"""Measures the memory and the disk that one step needs, where this machine can tell."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from builder.build.disk import Watch
from builder.build.events import Result, StepUse
from builder.common import control_group
from builder.common.control_group import ControlGroups, Group, MemoryMeter
from builder.common.process import Runner
from builder.plan.models import Step


class StepMeter:
    """Measures a step while `measuring` lasts.

    The memory is that of its builds and containers. They run in a control group of their own;
    where this process may make none and the step is alone in a container, it is that of the
    container. The disk is known only of a step that is alone. It is alone where there is a `watch`,
    that of a run of this one step.
    """

    def __init__(
        self,
        *,
        runner: Runner,
        groups: ControlGroups | None,
        watch: Watch | None = None,
    ) -> None:
        self._runner = runner
        self._groups = groups
        self._watch = watch
        self._meter: MemoryMeter | None = None

    @contextlib.contextmanager
    def measuring(self) -> Iterator[None]:
        """Measure until the block ends."""
        with contextlib.ExitStack() as undo:
            own = self._groups.make() if self._groups else None
            group = own
            if own is not None:
                undo.callback(control_group.remove, own.folder)
                undo.enter_context(self._runner.in_group(own))
            elif self._watch is not None:
                group = self._container()
            if group is not None:
                self._meter = undo.enter_context(MemoryMeter(group))
            yield

    def use(self) -> StepUse:
        """Return what the step has needed until now."""
        return StepUse(memory=self._meter.peak if self._meter else None, disk=self._disk())

    def _container(self) -> Group | None:
        return self._groups.container() if self._groups else None

    def _disk(self) -> int | None:
        if self._watch is None:
            return None
        self._watch.measure()
        return self._watch.growth or None


def metered(act: Callable[[Step], Result], meter: StepMeter) -> Callable[[Step], Result]:
    """Return the action of a step that says what it needed, if it made something."""

    def measure(step: Step) -> Result:
        with meter.measuring():
            result = act(step)
            if result.status != "done":
                return result
            use = meter.use()
            return replace(result, memory=use.memory, disk=use.disk)

    return measure
