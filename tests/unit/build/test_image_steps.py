"""What steps do to the world, in which order, and what they leave undone."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from builder.build.events import ImageResult, Noted, detail_of
from builder.common.errors import DifferenceError, SmokeError, StepError, TransientError
from builder.common.hashing import digest_of
from builder.engines.interfaces import BuildRequest, Built
from builder.oci import layout as layouts
from builder.oci.reference import Reference, parse
from builder.plan.image_metadata import (
    DOCUMENT,
    JUNIT,
    KIND,
    PACKAGES,
    ImageMetadata,
    artifact,
    reference_of,
)
from builder.plan.models import base_reference
from builder.registry.interfaces import Artifact
from builder.testing import package_list
from builder.testing.interfaces import TestCounts
from tests.fakes.catalog import Week
from tests.fakes.engine import FakeEngine
from tests.fakes.layout import add_manifest, read_digest
from tests.fakes.planted import STRANGER, plant
from tests.fakes.store import FakeStore
from tests.fakes.testers import JUNIT as REPORT

BASE, SPEECH, DESK = "base/os=1", "speech/os=1,lang=1.9", "desk/os=1,lang=1.9"


def do(week: Week, *targets: str) -> None:
    """Carry out the steps of bases and of some targets."""
    plan = week.plan()
    for step in plan.steps.values():
        if step.kind == "base":
            week.builds(plan).base(step)
    for target in targets:
        week.builds(plan).target(plan.steps[f"build:{target}"])


def place(week: Week, target: str) -> str:
    item = week.plan().targets[target]
    return str(item.repository.with_tag(item.fingerprint.tag))


def test_build_then_test_then_push(week: Week) -> None:
    order: list[str] = []

    class Loud(list[tuple[str, str]]):
        def append(self, call: tuple[str, str]) -> None:
            order.append(call[0])
            super().append(call)

    do(week)
    for fake in (week.engine, week.smoke, week.store):
        fake.calls = Loud()
    plan = week.plan()
    order.clear()
    result = week.builds(plan).target(plan.steps[f"build:{BASE}"])
    assert order == ["digest", "digest", "layers", "build", "get", "test",
                     "digest", "digest", "put", "push"]  # fmt: skip
    assert (result.status, result.reason) == ("done", plan.targets[BASE].reason)
    image = detail_of(result, ImageResult)
    assert image is not None
    assert [share.target for share in image.chain] == ["os=1@linux/amd64", BASE]
    assert image == ImageResult(
        digest=week.store.named[place(week, BASE)],
        size=1000,
        tests=TestCounts(passed=2),
        chain=image.chain,
        isolation="kernel",
        network="private",
        log=str(week.state / "logs" / "build-base_os=1.log"),
    )
    notes = [event for event in week.events if isinstance(event, Noted)]
    texts = [event.text for event in notes if not event.passing]
    assert texts[-3:] == ["building", "testing", "pushing"]
    passing = [event.text for event in notes if event.passing]
    assert passing[0].startswith("building, instruction 1/")


def test_what_is_built_on_is_named_by_digest(week: Week) -> None:
    do(week, BASE, "tool/os=1", SPEECH, DESK)
    request = week.engine.requests[-1]
    named = week.store.named
    assert {name: str(item) for name, item in request.contexts.items()} == {
        "parent": f"127.0.0.1:5999/shop-speech@{named[place(week, SPEECH)]}",
        "tool": f"127.0.0.1:5999/shop-tool@{named[place(week, 'tool/os=1')]}",
    }
    assert (request.id, request.platform, request.epoch) == ("desk-os1-lang1_9", "linux/amd64", 1)
    assert sorted(request.secrets) in (["env"], ["ca", "env"])
    assert request.network == "private"  # what `get` installs is not locked


def test_what_is_locked_is_built_without_a_network_and_without_secrets(week: Week) -> None:
    do(week, BASE, "tool/os=1")
    request = week.engine.requests[-1]
    assert (request.id, request.network, request.secrets) == ("tool-os1", "none", {})


def test_a_recipe_that_says_why_gets_a_network(week: Week) -> None:
    recipe = week.folder.root / "images/tool/recipe.yaml"
    recipe.write_text(f"{recipe.read_text()}network: its licence server answers at install\n")
    do(week, BASE, "tool/os=1")
    request = week.engine.requests[-1]
    assert request.network == "private"
    assert "env" in request.secrets


def test_the_context_is_plain_and_removed_afterwards(week: Week) -> None:
    seen: dict[str, str] = {}

    class Looking(FakeEngine):
        def build(self, request):  # type: ignore[no-untyped-def]
            for path in request.context.rglob("*"):
                if path.is_file():
                    seen[path.relative_to(request.context).as_posix()] = path.read_text()
            return super().build(request)

    do(week, BASE, "tool/os=1", SPEECH)
    week.engine = Looking()
    do(week, DESK)
    assert seen == {
        "Dockerfile": (
            "FROM parent\nRUN get desk legs\nCOPY --from=tool /tool /tool\nCOPY files/ /etc/\n"
            'EXPOSE 8000\nCMD ["desk", "--open"]\n'
        ),
        "files/desk.conf": "wood = oak\n",
    }
    assert not (week.state / "work" / "desk-os1-lang1_9").exists()


def test_the_smoke_test_is_told_what_to_expect(week: Week) -> None:
    do(week, BASE, "tool/os=1", SPEECH, DESK)
    request = week.smoke.requests[-1]
    assert request.target == DESK
    assert request.image == "fake/desk-os1-lang1_9"
    assert [suite.parent.name for suite in request.suites] == ["base", "speech"]
    assert request.facts == {
        "target": DESK,
        "platform": "linux/amd64",
        "axes": {"os": "1", "lang": "1.9"},
        "versions": {"lang": "1.9.7"},
        "providers": {"os": "", "lang": "apt"},
        "packages": {"apt": ["tar", "grep", "lang", "desk", "legs"]},
    }
    assert (request.ports, request.command) == ((8000,), ("desk", "--open"))


def test_a_child_of_a_service_is_tested_as_that_service(week: Week) -> None:
    """It has its parents' command and ports, and is held to their tests."""
    week.folder.edit(
        "images/speech/recipe.yaml", "packages:", "ports: [7000]\ncommand: [speak]\npackages:"
    )
    week.folder.edit("images/desk/recipe.yaml", "ports: [8000]\ncommand: [desk, --open]\n", "")
    do(week, BASE, "tool/os=1", SPEECH, DESK)
    request = week.smoke.requests[-1]
    assert (request.target, request.ports, request.command) == (DESK, (7000,), ("speak",))


def test_evidence_says_what_was_tested(week: Week) -> None:
    do(week, BASE)
    reference = parse(place(week, BASE))
    metadata = week.store.get(reference_of(reference))
    assert metadata is not None
    assert metadata.kind == KIND
    config = json.loads(metadata.config)
    assert 0 <= config.pop("seconds") < 60
    below, own = config.pop("shares")
    assert (below["target"], below["recipe"], below["layers"]) == ("os=1@linux/amd64", "", 1)
    assert (own["target"], own["recipe"], own["layers"]) == (BASE, "base", 1)
    assert below["size"] > 0
    assert own["size"] > 0
    assert config == {
        "digest": week.store.named[str(reference)],
        "size": 1000,
        "tests": {"passed": 2, "failed": 0, "skipped": 0},
        "tests_hash": "df4a09bb16438d92",
        "isolation": "kernel",
        "network": "private",
        "format": 3,
    }
    assert package_list.parse(metadata.files[PACKAGES].data) == week.smoke.installed
    document = json.loads(metadata.files[DOCUMENT].data)
    assert document["dockerfile"] == "FROM parent\nRUN get tar grep\n"
    assert metadata.files[JUNIT].data == REPORT.encode()


def test_what_its_smoke_test_rejects_is_not_pushed(week: Week) -> None:
    do(week)
    before = dict(week.store.named)
    week.smoke.rejects = {BASE}
    with pytest.raises(SmokeError) as caught:
        do(week, BASE)
    assert caught.value.exit_code == 6
    assert week.store.named == before


def test_what_does_not_build_is_neither_tested_nor_pushed(week: Week) -> None:
    do(week)
    before = dict(week.store.named)
    week.engine.fail("build", StepError("it broke"))
    with pytest.raises(StepError, match="it broke"):
        do(week, BASE)
    assert week.store.named == before
    assert week.smoke.calls == []


def test_a_parent_that_is_not_there(week: Week) -> None:
    do(week)
    with pytest.raises(StepError) as caught:
        do(week, SPEECH)
    assert str(caught.value) == (
        f"parent image {place(week, BASE)} not found in the registry\n"
        f"  hint: builder build -s {BASE}"
    )
    assert week.engine.called("build") == []


def test_what_the_registry_has_is_reused_by_an_empty_engine(week: Week) -> None:
    do(week, BASE)
    week.engine = FakeEngine(salt="another machine")
    plan = week.plan()
    result = week.builds(plan).target(plan.steps[f"build:{BASE}"])
    assert result.status == "reused"
    assert result.reason == plan.targets[BASE].reason
    assert result.detail == ImageResult(digest=week.store.named[place(week, BASE)])
    assert week.engine.calls == []


def test_what_another_run_built_since_the_plan_is_reused(week: Week) -> None:
    do(week)
    plan = week.plan()
    do(week, BASE)
    week.engine = FakeEngine()
    result = week.builds(plan).target(plan.steps[f"build:{BASE}"])
    assert (result.status, result.reason) == ("reused", "another run has built it meanwhile")
    assert week.engine.calls == []


def while_it_builds(week: Week, pushed: Callable[[BuildRequest], Path], *, told: bool) -> Week:
    """Let another run push an image of BASE meanwhile; `told`: with metadata of its own."""
    image = parse(place(week, BASE))
    fingerprint = week.plan().targets[BASE].fingerprint

    class Slow(FakeEngine):
        def build(self, request: BuildRequest) -> Built:
            theirs = replace(request, layout=request.layout.with_name("theirs"))
            digest = week.store.push(pushed(theirs), image)
            if told:
                known = ImageMetadata(digest=digest, size=7, tests=TestCounts(passed=9), seconds=1,
                                      shares=())  # fmt: skip
                week.store.put(artifact(known, fingerprint, b"", b"{}"), reference_of(image))
            return super().build(request)

    week.engine = Slow()
    return week


def other_content(request: BuildRequest) -> Path:
    return FakeEngine(salt="theirs").build(request).layout


def other_compression(request: BuildRequest) -> Path:
    """Build the same, with a layer that is not compressed."""
    layout = FakeEngine().build(request).layout
    (found,) = layouts.layers_in(layout)
    plain = gzip.decompress(layouts.blob(layout, found.digest).read_bytes())
    return with_layer(layout, plain)


def with_layer(layout: Path, data: bytes) -> Path:
    """Give an image another blob for its only layer, and leave its configuration as it is."""
    manifest = layouts.read(layout, read_digest(layout))
    layouts.blob(layout, digest_of(data)).write_bytes(data)
    manifest["layers"][0] |= {"digest": digest_of(data), "size": len(data)}
    body = json.dumps(manifest).encode()
    layouts.blob(layout, digest_of(body)).write_bytes(body)
    (layout / "index.json").unlink()
    add_manifest(layout, digest_of(body), len(body))
    return layout


@pytest.mark.parametrize("told", [False, True])
def test_results_are_not_given_to_another_image_that_was_pushed_first(
    week: Week, *, told: bool
) -> None:
    do(week)
    plan, image = week.plan(), parse(place(week, BASE))
    while_it_builds(week, other_content, told=told)
    with pytest.raises(DifferenceError) as caught:
        week.builds(plan).target(plan.steps[f"build:{BASE}"])
    theirs = week.store.named[str(image)]
    own = read_digest(week.state / "work" / "base-os1" / "layout")
    assert theirs != own
    assert caught.value.exit_code == 8
    assert str(caught.value) == (
        f"{image} exists with another digest: {theirs}, and this run made {own}\n"
        "  hint: it stays: find out who pushed it, remove it from the registry, and run it again"
    )
    metadata = week.store.get(reference_of(image))
    assert (metadata is None) is not told
    if metadata:
        assert json.loads(metadata.config)["tests"]["passed"] == 9


def test_what_was_pushed_while_the_results_were_stored_gets_none_of_them(week: Week) -> None:
    do(week)
    plan, image = week.plan(), parse(place(week, BASE))

    class Racing(FakeStore):
        def push(self, layout: Path, reference: Reference, parent: Reference | None = None) -> str:
            if "shop-base" in str(reference):
                plant(self, reference)
            return super().push(layout, reference, parent)

    racing = Racing()
    racing.hold(week.store)
    week.store = racing
    with pytest.raises(DifferenceError):
        week.builds(plan).target(plan.steps[f"build:{BASE}"])
    assert week.store.named[str(image)] == STRANGER
    assert json.loads(metadata_of(week, image).config)["digest"] != STRANGER
    assert BASE in week.observed().doubts


def metadata_of(week: Week, image: Reference) -> Artifact:
    found = week.store.get(reference_of(image))
    assert found is not None
    return found


@pytest.mark.parametrize(("told", "passed"), [(False, 2), (True, 9)])
def test_the_same_image_in_another_compression_is_kept(
    week: Week, *, told: bool, passed: int
) -> None:
    do(week)
    plan, image = week.plan(), parse(place(week, BASE))
    while_it_builds(week, other_compression, told=told)
    result = week.builds(plan).target(plan.steps[f"build:{BASE}"])
    theirs = week.store.named[str(image)]
    detail = detail_of(result, ImageResult)
    assert detail is not None
    assert (result.status, detail.digest, detail.tests) == ("done", theirs, None)
    assert re.fullmatch(
        rf".*; {theirs} stays, which another run pushed first: it has the same configuration and"
        r" layers as sha256:[0-9a-f]{64}, compressed otherwise",
        result.reason,
    )
    config = json.loads(metadata_of(week, image).config)
    assert (config["digest"], config["tests"]["passed"]) == (theirs, passed)
    assert not week.observed().doubts
    assert not any((week.state / "held").rglob("*"))
    do(week, SPEECH)
    assert week.engine.requests[-1].contexts["parent"].digest == theirs


@pytest.mark.parametrize("data", [b"evil", gzip.compress(b"evil"), b"\x1f\x8bno", b""])
def test_a_layer_that_is_not_what_its_image_says_is_another_image(week: Week, data: bytes) -> None:
    do(week)
    plan = week.plan()

    def pushed(request: BuildRequest) -> Path:
        return with_layer(FakeEngine().build(request).layout, data)

    while_it_builds(week, pushed, told=True)
    with pytest.raises(DifferenceError):
        week.builds(plan).target(plan.steps[f"build:{BASE}"])


def test_an_image_that_is_not_believed_is_built_and_not_taken_for_built_meanwhile(
    week: Week,
) -> None:
    do(week)
    plan, image = week.plan(), parse(place(week, BASE))
    plant(week.store, image)
    with pytest.raises(DifferenceError):
        week.builds(plan).target(plan.steps[f"build:{BASE}"])
    assert week.store.named[str(image)] == STRANGER
    assert week.store.get(reference_of(image)) is None


def test_an_image_that_lost_its_metadata_gets_it_back(week: Week) -> None:
    do(week, BASE)
    image = parse(place(week, BASE))
    digest = week.store.named[str(image)]
    del week.store.named[str(reference_of(image))]
    do(week, BASE)
    assert week.store.named[str(image)] == digest
    assert not week.observed().doubts


def test_a_parent_that_is_not_believed_is_not_built_on(week: Week) -> None:
    do(week, BASE)
    plan, image = week.plan(), parse(place(week, BASE))
    digest = week.store.named[str(image)]
    plant(week.store, image)
    with pytest.raises(DifferenceError) as caught:
        week.builds(plan).target(plan.steps[f"build:{SPEECH}"])
    assert str(caught.value) == (
        f"{image} is not believed: it is {STRANGER}, and its metadata is of {digest}\n"
        f"  hint: builder build -s '{BASE}'"
    )
    assert week.engine.called("build") == ["base-os1"]


def test_a_parent_whose_own_parent_is_gone_is_not_built_on(week: Week) -> None:
    do(week, BASE, SPEECH, "tool/os=1")
    plan = week.plan()
    del week.store.named[place(week, BASE)]
    with pytest.raises(
        DifferenceError, match=r"its parent .*shop-base:fp-.* is not in the registry"
    ):
        week.builds(plan).target(plan.steps[f"build:{DESK}"])


def test_a_base_that_another_run_pushed_with_other_content_is_refused(week: Week) -> None:
    plan = week.plan()
    (step, *_) = [step for step in plan.steps.values() if step.kind == "base"]
    base = week.folder.load().expansion.bases[step.target]
    image = base_reference(base, week.folder.load().catalog, week.lock)
    plant(week.store, image)
    with pytest.raises(DifferenceError, match=f"{STRANGER}, and this run made sha256:"):
        week.builds(plan).base(step)
    assert week.store.named[str(image)] == STRANGER


def test_an_image_that_is_not_believed_is_not_tested(week: Week) -> None:
    do(week, BASE)
    plan = week.plan()
    plant(week.store, parse(place(week, BASE)))
    week.smoke.calls.clear()
    with pytest.raises(DifferenceError):
        week.builds(plan).test(plan.steps[f"build:{BASE}"])
    assert week.smoke.calls == []


def test_a_registry_that_fails_for_now_fails_the_step_for_now(week: Week) -> None:
    do(week)
    week.store.fail("push", TransientError("502"), on="shop-base")
    with pytest.raises(TransientError):
        do(week, BASE)
    do(week, BASE)
    assert week.store.called("push")[-2:] == [place(week, BASE)] * 2
    assert place(week, BASE) in week.store.named


def test_what_has_ended_is_left_alone(week: Week) -> None:
    plan = week.plan(today="2027-02-01")
    result = week.builds(plan).target(plan.steps[f"build:{SPEECH}"])
    assert (result.status, result.reason) == ("retired", "lang=1.9 ended on 2027-01-31")
    assert week.engine.calls == []


def test_a_base_is_fetched_once(week: Week) -> None:
    do(week)
    assert week.store.called("push") == [
        f"127.0.0.1:5999/shop-os:fp-{number * 32}" for number in "21"
    ]
    week.store.calls.clear()
    do(week)
    assert week.store.called("push") == []


def test_test_runs_on_what_the_registry_has(week: Week) -> None:
    do(week, BASE)
    plan = week.plan()
    result = week.builds(plan).test(plan.steps[f"build:{BASE}"])
    digest = week.store.named[place(week, BASE)]
    assert week.smoke.requests[-1].image == f"127.0.0.1:5999/shop-base@{digest}"
    assert (result.status, result.reason) == ("done", "2 passed")
