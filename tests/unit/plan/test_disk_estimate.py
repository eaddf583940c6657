"""How much disk a run needs, and that it keeps to what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from builder.build.disk import RESERVE, DiskAdmission, Watch, forget
from builder.build.events import Result
from builder.build.executor import Executor, Policy
from builder.common.errors import ConfigError, StepError
from builder.common.state_dir import StateDir
from builder.common.text import size
from builder.plan import disk_estimate
from builder.plan.disk_estimate import BASE, Need
from builder.plan.models import Plan, Step
from tests.fakes.catalog import Week

GB = 1_000_000_000
ROOT, TOOL, SPEECH, DESK = "base/os=1", "tool/os=1", "speech/os=1,lang=1.9", "desk/os=1,lang=1.9"
PARENTS = {
    ROOT: ("os=1@linux/amd64",),
    TOOL: (ROOT,),
    SPEECH: (ROOT,),
    DESK: (SPEECH, TOOL),
}
ADDED = {ROOT: 1 * GB, TOOL: 2 * GB, SPEECH: 3 * GB, DESK: 1 * GB}


def needs_of(plan: Plan, *, embedded: bool = False) -> disk_estimate.Needs:
    return disk_estimate.needs(plan, ADDED, PARENTS, keeps=lambda size: size if embedded else 0)


@pytest.fixture
def plan(week: Week) -> Plan:
    return week.plan("os=1")


def test_what_a_target_is_made_of(plan: Plan) -> None:
    needs = needs_of(plan)
    assert needs[ROOT] == Need(added=1 * GB, whole=BASE + 1 * GB)
    assert needs[DESK] == Need(added=1 * GB, whole=BASE + 5 * GB, inputs=BASE + 3 * GB)


def test_a_build_takes_its_layers_unpacked_and_its_layout() -> None:
    need = Need(added=1 * GB, whole=5 * GB, inputs=2 * GB, kept=1 * GB)
    assert need.own == (3 + 5 + 1) * GB
    assert need.alone == (3 * 7 + 5 + 1) * GB


def test_the_release_knows_better_than_a_budget(week: Week) -> None:
    week.go_by()
    plan = week.plan("os=1")
    chain = plan.targets[DESK].released.shares  # type: ignore[union-attr]
    assert needs_of(plan)[DESK].whole == sum(share.size for share in chain)


def test_what_the_registry_keeps_adds_up(plan: Plan) -> None:
    needs = needs_of(plan, embedded=True)
    found = disk_estimate.peaks(plan, needs, used=2 * GB)
    assert list(found) == [ROOT, TOOL, SPEECH, DESK]
    assert found[ROOT] == 2 * GB + needs[ROOT].alone
    assert found[DESK] == (2 + 1 + 2 + 3) * GB + needs[DESK].alone


def test_what_is_there_already_needs_nothing(week: Week) -> None:
    week.go_by()
    plan = week.plan("os=1")
    assert disk_estimate.peaks(plan, needs_of(plan), used=0) == {}


def test_a_budget_that_is_too_small_is_refused(plan: Plan) -> None:
    found = disk_estimate.peaks(plan, needs_of(plan), used=0)
    disk_estimate.check(found, max(found.values()))
    with pytest.raises(ConfigError) as caught:
        disk_estimate.check(found, 14 * GB)
    assert str(caught.value) == (
        "a disk budget of 14.0 GB is too small for 2 of 4 targets to build\n"
        "    speech/os=1,lang=1.9: 16.2 GB\n"
        "    desk/os=1,lang=1.9: 29.3 GB\n"
        "  hint: --disk-budget 29.3GB, or select fewer targets with -s"
    )
    assert caught.value.exit_code == 2


@dataclass
class FakeDisk:
    """A disk that fills and is emptied by hand."""

    taken: Mapping[str, int] = field(default_factory=dict)
    size: int = 1000 * GB

    def used(self) -> int:
        return sum(self.taken.values())

    def free(self) -> int:
        return self.size - self.used()


def admission_of(plan: Plan, disk: FakeDisk, budget: int = 0) -> DiskAdmission:
    def drop(target: str) -> None:
        disk.taken = {key: value for key, value in disk.taken.items() if key != target}

    return DiskAdmission(
        plan=plan, needs=needs_of(plan), parents=PARENTS, disk=disk, drop=drop, budget=budget
    )


def build(
    plan: Plan,
    admission: DiskAdmission,
    disk: FakeDisk,
    jobs: int = 1,
    needs: disk_estimate.Needs | None = None,
) -> tuple[list[str], int]:
    """Carry the plan out; the targets in the order in which they began, and the most taken."""
    order: list[str] = []
    needs = needs or needs_of(plan)
    most = 0

    def perform(step: Step) -> Result:
        nonlocal most
        if step.kind == "build":
            order.append(step.target)
            need = needs[step.target]
            most = max(most, disk.used() + need.own)
            disk.taken = {**disk.taken, step.target: 3 * need.added}
        return Result(step=step.id, status="done")

    steps = {key: step for key, step in plan.steps.items() if step.kind != "release"}
    executor = Executor(
        perform=perform, listen=lambda _: None, policy=Policy(jobs=jobs), admission=admission
    )
    results = executor.run(steps)
    assert all(item.ok for item in results.values()), results
    return order, most


def test_nothing_is_dropped_where_there_is_room(plan: Plan) -> None:
    disk = FakeDisk()
    admission = admission_of(plan, disk)
    assert sorted(build(plan, admission, disk)[0]) == sorted(ADDED)
    assert admission.dropped == []


def test_what_nobody_waits_for_makes_room_the_oldest_first(week: Week) -> None:
    week.folder.write(
        "matrix.yaml",
        (week.folder.root / "matrix.yaml").read_text().replace(
            "  tool: {from: base, publish: false}\n",
            "  tool: {from: base, publish: false}\n  lamp: {recipe: tool, from: base}\n",
        ),
    )  # fmt: skip
    plan = week.plan("os=1")
    lamp = "lamp/os=1"
    needs = disk_estimate.needs(
        plan, {**ADDED, lamp: 9 * GB}, {**PARENTS, lamp: (ROOT,)}, keeps=lambda _: 0
    )
    disk = FakeDisk(size=50 * GB)
    admission = DiskAdmission(
        plan=plan, needs=needs, parents={**PARENTS, lamp: (ROOT,)}, disk=disk,
        drop=lambda target: setattr(disk, "taken", {k: v for k, v in disk.taken.items()
                                                    if k != target}),
    )  # fmt: skip
    order, most = build(plan, admission, disk, needs=needs)
    assert order.index(lamp) < order.index(SPEECH)
    assert admission.dropped == [lamp]  # the tool is older, and the desk copies from it
    assert most <= 50 * GB - RESERVE


def test_the_pod_of_a_chart_is_made_room_for(plan: Plan) -> None:
    disk = FakeDisk(taken={DESK: 8 * GB, ROOT: 3 * GB}, size=24 * GB)
    admission = admission_of(plan, disk)
    chart = Step(
        id="chart:desk", kind="chart", target="desk", needs=(f"build:{DESK}",), action="package",
        reason="",
    )  # fmt: skip
    for target in (ROOT, DESK):
        admission.ended(Result(step=f"build:{target}", status="done"))
    assert admission.admit(chart, ())  # 15.1 GB unpacked, of 12
    assert admission.dropped == [DESK]  # what is yet to be built stands on the base


def test_a_chart_waits_for_another_where_there_is_no_room_for_both_pods(plan: Plan) -> None:
    chart = next(step for step in plan.steps.values() if step.kind == "chart")
    other = replace(chart, id="chart:lamp")
    small, large = (admission_of(plan, FakeDisk(size=size * GB)) for size in (20, 40))
    assert not small.admit(other, {chart.id})
    assert small.admit(other, ())
    assert large.admit(other, {chart.id, f"build:{TOOL}"})


def test_a_budget_is_kept_by_waiting(plan: Plan) -> None:
    disk = FakeDisk(taken={"else": 10 * GB})
    admission = admission_of(plan, disk, 28 * GB)
    tool, speech = plan.steps[f"build:{TOOL}"], plan.steps[f"build:{SPEECH}"]
    admission.ended(Result(step=f"build:{ROOT}", status="done"))
    assert admission.admit(tool, ())  # 9 GB of 18
    assert not admission.admit(speech, {f"build:{TOOL}"})  # 13 GB of the 9 that are left
    admission.ended(Result(step=f"build:{TOOL}", status="done"))
    assert admission.admit(speech, {"chart:desk"})


def test_a_budget_that_turns_out_too_small_fails_the_step(plan: Plan) -> None:
    admission = admission_of(plan, FakeDisk(taken={"else": 25 * GB}), 28 * GB)
    with pytest.raises(StepError) as caught:
        admission.admit(plan.steps[f"build:{ROOT}"], {"chart:desk"})
    assert str(caught.value) == (
        "base/os=1 needs about 4.2 GB of disk, but only 3.0 GB of the budget of 28.0 GB is left\n"
        "  hint: raise --disk-budget, or select fewer targets with -s"
    )


def test_without_a_budget_a_full_disk_is_tried(plan: Plan) -> None:
    assert admission_of(plan, FakeDisk(size=1)).admit(plan.steps[f"build:{ROOT}"], ())


def test_a_step_that_does_not_fit_fails_and_the_run_goes_on(plan: Plan) -> None:
    admission = admission_of(plan, FakeDisk(), 12 * GB)  # enough for the base and the tool
    steps = {key: step for key, step in plan.steps.items() if step.kind == "build"}
    executor = Executor(
        perform=lambda step: Result(step=step.id, status="done"),
        listen=lambda _: None, policy=Policy(jobs=2), admission=admission,
    )  # fmt: skip
    results = executor.run(steps)
    assert {key.partition(":")[2]: item.status for key, item in results.items()} == {
        ROOT: "done", TOOL: "done", SPEECH: "failed", DESK: "blocked",
    }  # fmt: skip


def test_what_is_forgotten(week: Week) -> None:
    week.go_by()
    item = week.plan().targets[ROOT]
    work = week.state / "work" / item.target.slug
    work.mkdir(parents=True)
    forget(week.engine, item, "", StateDir(week.state))
    local, pushed = week.engine.called("drop")
    assert local.startswith("localhost/base-os1-")
    assert pushed == f"127.0.0.1:5999/shop-base@{item.digest}"
    assert not work.exists()


def test_the_most_and_the_least_are_remembered() -> None:
    disk = FakeDisk(taken={"a": 3 * GB}, size=10 * GB)
    with Watch(disk, pause=3600) as watch:
        disk.taken = {"a": 7 * GB}
        watch.measure()
        disk.taken = {}
    assert (watch.peak, watch.least_free) == (7 * GB, 3 * GB)


def test_a_run_that_was_told_to_end_is_not_measured() -> None:
    class Ended(FakeDisk):
        def used(self) -> int:
            raise StepError("stopped before du began")

        def free(self) -> int:
            return self.size

    with Watch(Ended(taken={}, size=10 * GB), pause=3600) as watch:
        pass
    assert watch.peak == 0


@pytest.mark.parametrize(
    ("text", "number"),
    [("14G", 14 * GB), ("14GB", 14 * GB), ("1.5 GB", 1_500_000_000), ("500M", 500_000_000)],
)
def test_sizes_are_read(text: str, number: int) -> None:
    assert size(text) == number


@pytest.mark.parametrize("text", ["", "14", "G", "14g", "-1G", "14 GiB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="not a size: "):
        size(text)
