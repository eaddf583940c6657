"""Checks images that the registry has: tests them again, or builds them again and compares."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from builder.app.app import App
from builder.app.planning import Planned
from builder.app.run import Run
from builder.app.state import discard
from builder.build.events import Listener, Result
from builder.build.image_diff import Verdict
from builder.build.image_steps import Action
from builder.build.verify import Verification
from builder.common.errors import DifferenceError, SelectionError
from builder.engines.table import engine_of, rebuilding_name
from builder.plan.models import Step
from builder.plan.step_id import StepId


@dataclass(frozen=True, kw_only=True)
class Verified:
    """How images that were built again compare with the registry's, by target id.

    One that could not be built has no verdict: why is in `run`.
    """

    verdicts: Mapping[str, Verdict]
    run: Run


def test(app: App) -> Run:
    """Run the smoke tests of the selected images again.

    Raises SelectionError where the registry has none of them.
    """
    lock = app.fitting_lock()
    with app.working():
        planned = app.plan(lock=lock, to_run=False)
        steps = _steps("test", _in_registry(planned))

        def make(listen: Listener) -> Action:
            context = app.context(planned, listen)

            def test_image(step: Step) -> Result:
                store = app.adapters.store_of(step.id, listen)
                return app.adapters.build_actions(context, store).test(step)

            return test_image

        return app.perform(planned, steps, make)


def verify(app: App) -> Verified:
    """Build the selected images again, and compare them with what the registry has.

    Each is built in a folder of its own, with nothing stored, cached or downloaded before. Nothing
    is pushed. A step fails with exit code 8 where an image differs without a stated reason. Raises
    SelectionError where the registry has none of the images, ToolError where the engine keeps what
    it built.
    """
    engine = rebuilding_name(app.options.engine, catalog=app.project.root)
    app = app.with_options(engine=engine)
    lock = app.fitting_lock()
    with app.registry():
        planned = app.plan(lock=lock, to_run=False)
        steps = _steps("verify", _built(planned))
        verdicts: dict[str, Verdict] = {}
        name_engine = partial(engine_of, name=engine, catalog=app.project.root)

        def make(listen: Listener) -> Action:
            def verify_image(step: Step) -> Result:
                with _elsewhere(app) as separate_app:
                    context = separate_app.context(planned, listen)
                    store = separate_app.adapters.store_of(step.id, listen)
                    builds = separate_app.adapters.build_actions(context, store)
                    verification = Verification(
                        context=context, build_actions=builds, store=store, engine_of=name_engine
                    )
                    verdict = verdicts[step.target] = verification.verdict(step)
                if verdict.status == "different":
                    raise DifferenceError(
                        f"the rebuilt image of {step.target} differs from the one in the registry"
                    )
                return Result(step=step.id, status="done", reason=verdict.status)

            return verify_image

        with _elsewhere(app) as scratch:
            run = app.perform(planned, steps, make, disk=scratch.adapters.disk)
        return Verified(verdicts=verdicts, run=run)


def _in_registry(planned: Planned) -> Sequence[str]:
    """Return the ids of the selected targets that the registry has. Raises SelectionError."""
    if not planned.in_registry:
        raise SelectionError("the registry has none of these images", hint="run `builder build`")
    return planned.in_registry


def _built(planned: Planned) -> Sequence[str]:
    """Return the same without mirrored images, of which there is nothing to build."""
    targets = planned.plan.targets
    built = [key for key in _in_registry(planned) if not targets[key].target.is_mirrored]
    if not built:
        raise SelectionError("these images are mirrored as they are, and none is built")
    return built


def _steps(kind: str, targets: Sequence[str]) -> dict[str, Step]:
    """Return a step of this kind for each target, by its id; none needs another."""
    steps = [
        Step(id=StepId.of(kind, key), kind=kind, target=key, needs=(), action=kind, reason="")
        for key in targets
    ]
    return {step.id: step for step in steps}


@contextlib.contextmanager
def _elsewhere(app: App) -> Iterator[App]:
    """Give an app on the same catalog with a new folder, of which only the logs are left."""
    parent_folder = app.state.verifications
    parent_folder.mkdir(parents=True, exist_ok=True)
    separate_app = app.with_state(Path(tempfile.mkdtemp(dir=parent_folder)))
    try:
        yield separate_app
    finally:
        discard(separate_app.state, app.options.engine, catalog=app.project.root)
