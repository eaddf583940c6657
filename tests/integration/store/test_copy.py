"""A restore drill: a registry is copied, then it is lost, and the week goes on in the copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from builder.common.process import Runner
from builder.oci.reference import Reference, parse
from builder.registry.interfaces import Artifact, Blob
from builder.registry.store import RegistryStore
from builder.release.copy import CopyPlan, RegistryCopy
from tests.fakes.catalog import Folder, Week
from tests.integration.registry import registry

SIGNED = Artifact(
    kind="application/vnd.oci.empty.v1+json", files={"s": Blob(kind="x/y", data=b"1")}
)


class Drill:
    """A week in a registry, and an empty registry beside it."""

    def __init__(self, folder: Folder, tmp_path: Path) -> None:
        self._tmp_path = tmp_path
        self._runner = Runner()
        self._first = ExitStack()
        self._second = ExitStack()
        self.old = self._serve("old", self._first)
        self.new = self._serve("new", self._second)
        folder.edit("matrix.yaml", "registries: [embedded]", f'registries: ["{self.old}"]')
        self.store = RegistryStore(
            runner=self._runner, skopeo="skopeo", enclose=lambda command: command
        )
        self.week = Week(folder=folder, store=self.store)  # type: ignore[arg-type]

    def _serve(self, name: str, stack: ExitStack) -> str:
        return stack.enter_context(registry(self._tmp_path / name, runner=self._runner))

    def lose(self) -> None:
        """End the first registry, and delete what it held."""
        self._first.close()
        shutil.rmtree(self._tmp_path / "old")

    def end(self) -> None:
        """End both."""
        self._first.close()
        self._second.close()
        self._runner.stop()

    def copy(self) -> CopyPlan:
        """Copy what the first holds."""
        copy = RegistryCopy(
            catalog=self.week.folder.load().catalog,
            store=self.store,
            source=self.old,
            target=self.new,
        )
        plan = copy.prepare()
        copy.carry_out(plan, lambda _text: None)
        return plan

    def held(self, host: str) -> dict[str, str | None]:
        """Return the digest of each tag in a registry."""
        names = ("os", "base", "tool", "speech", "desk", "charts/desk", "releases")
        images = [parse(self.week.folder.load().catalog.matrix.repository_of(it)) for it in names]
        repositories = [parse(str(image).replace(self.old, host)) for image in images]
        return {
            f"{image.repository}:{tag}": self.store.digest(image.with_tag(tag))
            for image in repositories
            for tag in self.store.tags(image.name)
        }


@pytest.fixture
def drill(folder: Folder, tmp_path: Path) -> Iterator[Drill]:
    """Two registries of the test's own."""
    drill = Drill(folder, tmp_path)
    yield drill
    drill.end()


def sign(store: RegistryStore, image: Reference) -> str:
    """Store an artifact at the tag where cosign keeps signatures of an image; return its digest."""
    digest = store.digest(image)
    assert digest is not None
    return store.put(SIGNED, image.with_tag(f"{digest.replace(':', '-')}.sig"))


def test_a_registry_is_lost(drill: Drill) -> None:
    results = drill.week.go_by(today="2026-11-23")
    assert results["release"].status == "done", results["release"].reason
    desk = parse(f"{drill.old}/shop-desk:latest")
    signature = sign(drill.store, desk)
    plan = drill.copy()
    held = drill.held(drill.old)
    assert drill.held(drill.new) == held
    assert signature in held.values()
    assert len(plan.copies) == len(held)
    assert drill.copy().copies == ()

    drill.lose()
    drill.week.folder.edit("matrix.yaml", drill.old, drill.new)
    plan_after = drill.week.plan(today="2026-11-30")
    assert {target.action for target in plan_after.targets.values()} == {"reuse"}
    drill.week.folder.edit("images/speech/Dockerfile.j2", "FROM", "# more\nFROM")
    results = drill.week.go_by(today="2026-11-30")
    assert results["release"].status == "done", results["release"].reason
    built = {
        step for step, result in results.items() if "build" in step and result.status == "done"
    }
    assert {step.split(":")[1].split("/")[0] for step in built} == {"speech", "desk"}
