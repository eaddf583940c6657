"""Images of the catalog below are copied instead of built."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from builder.app.adapters import Adapters
from builder.app.app import App
from builder.app.options import Options
from builder.app.planning import Planned
from builder.app.run import Run
from builder.app.week import KINDS
from builder.common.errors import ConfigError, StepError, TransientError
from builder.common.version import VERSION
from builder.diff.why import Provenance
from builder.lock.lockfile import Lock, dump
from builder.lock.pinned import PinnedCatalog
from builder.oci.reference import parse
from builder.plan.registry_state import read_record
from builder.project import Workspace
from builder.registry import release_record
from builder.registry.interfaces import Artifact, Blob
from builder.registry.release_record import Adopted, Record
from builder.report.diff import as_table as diff_table
from builder.report.plan import as_json, as_table
from builder.report.why import as_text as why_text
from builder.resolvers.ecosystems import ECOSYSTEMS
from tests.fakes.catalog import LOCK, Folder, Week, with_package_sets

THEIRS = "127.0.0.1:5999/shop"
OWN = "127.0.0.1:5888"
TWO_LINES = (
    "extends: {path: ../shop, name: shop}\n"
    f"catalog: {{name: mine, registries: ['{OWN}'], repository: '{{registry}}/my-{{image}}'}}\n"
)
RELEASE = "2026.11.23"
pytestmark = pytest.mark.slow


@dataclass(kw_only=True)
class Mine:
    """A catalog on the shop, after the shop's first release."""

    shop: Week
    week: Week
    pin: PinnedCatalog

    def app(self, *, today: str = "2026-11-30", **options: Any) -> App:
        """An app on the catalog as it is now."""
        project = Workspace(self.week.folder.root).load(ecosystems=ECOSYSTEMS)
        given = Options(**{"jobs": 1, "retry_delay": 0.0, "today": today, **options})
        return App(project, given, adapters=partial(Adapters, **self.week.fakes))

    def plan(self, **options: Any) -> Planned:
        """The plan of now."""
        return self.app(**options).plan(to_run=False)

    def run(self, planned: Planned | None = None, *, today: str = "2026-11-30") -> Run:
        """Plan, carry out and release."""
        app = self.app(today=today)
        return app.run(planned or app.plan(), KINDS, on_event=self.week.events.append)

    def record(self) -> Record:
        """What the own catalog released."""
        found = read_record(self.week.store, parse(f"{OWN}/my-releases:current"))
        assert found is not None
        return found

    def theirs(self) -> Record:
        """What the shop released."""
        found = read_record(self.week.store, parse(f"{THEIRS}-releases:current"))
        assert found is not None
        return found


def failed(run: Run) -> Mapping[str, str]:
    """Why each step that did not pass did not."""
    return {
        key: result.reason
        for key, result in run.results.items()
        if result.status in ("failed", "blocked", "skipped")
    }


def actions(planned: Planned) -> Mapping[str, str]:
    """What happens to each image and base."""
    return {
        key: step.action for key, step in planned.steps.items() if step.kind in ("base", "build")
    }


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Week:
    """The shop, after its first release."""
    shop = Week(folder=Folder(tmp_path_factory.mktemp("released") / "shop"))
    shop.folder.write("matrix.lock", dump(with_package_sets(shop.folder.load(), LOCK)))
    app = shop.app()
    assert app.run(app.plan(), KINDS).exit_code == 0
    return shop


@pytest.fixture
def mine(released: Week, tmp_path: Path) -> Mine:
    """Two lines on the shop."""
    shop = released.twin(tmp_path / "shop")
    pin = PinnedCatalog(
        source={"path": "../shop"},
        content="sha256:" + "0" * 64,
        release=RELEASE,
        record=shop.store.named[f"{THEIRS}-releases:current"],
    )
    files = {"matrix.yaml": TWO_LINES, "matrix.lock": dump(Lock(upstreams={"shop": pin}))}
    return Mine(
        week=Week(folder=Folder(tmp_path / "mine", files), store=shop.store), shop=shop, pin=pin
    )


def released_by_another_builder(mine: Mine) -> None:
    """Have the release of the shop say that its builder rendered all Dockerfiles otherwise."""
    record = mine.theirs()
    targets = {
        key: replace(
            item, fingerprint=item.fingerprint[::-1], parts={**item.parts, "dockerfile": "0"}
        )
        for key, item in record.targets.items()
    }
    other = replace(record, targets=targets, source=replace(record.source, builder="0.1.0"))
    files = {release_record.FILE: Blob(kind="application/json", data=release_record.dump(other))}
    artifact = Artifact(kind=release_record.KIND, files=files)
    digest = mine.week.store.put(artifact, parse(f"{THEIRS}-releases:other"))
    mine.week.folder.write(
        "matrix.lock", dump(Lock(upstreams={"shop": replace(mine.pin, record=digest)}))
    )


def test_where_nothing_can_be_adopted_the_plan_stops(mine: Mine) -> None:
    released_by_another_builder(mine)
    with pytest.raises(ConfigError) as caught:
        mine.plan()
    assert str(caught.value) == (
        "matrix.yaml:1:1: 8 of 8 images that nothing here changes cannot be adopted from shop"
        f" {RELEASE}: base/os=2 has another dockerfile there; that release was made by builder"
        f" 0.1.0, this is {VERSION} [E-ADOPT-NONE]\n"
        "    extends: {path: ../shop, name: shop}\n"
        "    ^\n"
        "  hint: install builder 0.1.0, or move to a release of yours: `builder upstream update`;"
        " --build-anyway builds them here"
    )
    assert set(actions(mine.plan(build_anyway=True)).values()) == {"build", "adopt"}


def test_where_the_catalog_below_is_another_by_now_it_is_built(mine: Mine) -> None:
    released_by_another_builder(mine)
    mine.shop.folder.write("images/base/Dockerfile.j2", "FROM {{ parent }}\nRUN more\n")
    images = {item.action for item in mine.plan().targets.values()}
    assert images == {"build"}


def test_all_that_is_untouched_is_adopted_and_nothing_is_built(mine: Mine) -> None:
    planned = mine.plan()
    assert set(actions(planned).values()) == {"adopt"}
    steps = [step for step in planned.steps.values() if step.action == "adopt"]
    assert {(step.needs, step.reason) for step in steps} == {((), f"shop {RELEASE} has it")}
    run = mine.run()
    assert failed(run) == {}
    assert mine.week.engine.calls == mine.week.smoke.calls == []
    record, theirs = mine.record(), mine.theirs()
    assert record.bases == theirs.bases
    for key, item in record.targets.items():
        image, digest = theirs.targets[key].image, theirs.targets[key].digest
        assert item.digest == digest
        assert item.adopted == Adopted(
            catalog="shop", release=RELEASE, reference=f"{THEIRS}-{image}@{digest}"
        )
        assert item.tests == theirs.targets[key].tests
    assert record.targets.keys() == theirs.targets.keys()
    assert all(image.startswith(f"{OWN}/my-desk:") for image in record.charts["desk"].images)
    result = run.results["release"]
    assert result.reason == "6 images (6 adopted), 1 chart"


def test_a_week_in_which_nothing_changed_copies_nothing_and_has_a_record(mine: Mine) -> None:
    mine.run()
    before = mine.record()
    mine.week.store.calls.clear()
    planned = mine.plan(today="2026-12-07")
    assert set(actions(planned).values()) == {"reuse"}
    run = mine.run(today="2026-12-07")
    assert failed(run) == {}
    after = mine.record()
    assert (after.release, after.previous) == ("2026.12.07", before.release)
    assert {key: item.adopted for key, item in after.targets.items()} == {
        key: item.adopted for key, item in before.targets.items()
    }
    assert not [call for call in mine.week.store.called("copy") if THEIRS in call]


def test_the_plan_counts_what_is_adopted(mine: Mine) -> None:
    plan = mine.plan().plan
    assert as_table(plan).splitlines()[-1] == "8 targets: 8 to adopt; 1 of 1 chart to package"
    (step,) = (step for step in plan.steps.values() if step.kind == "release")
    assert step.reason == "0 built, 8 adopted, 1 chart packaged"
    data = json.loads(as_json(plan))["targets"][0]["adopts"]
    assert (data["catalog"], data["release"]) == ("shop", RELEASE)


def test_what_the_own_catalog_changes_is_built_on_what_is_adopted(mine: Mine) -> None:
    mine.week.folder.write("images/desk/files/lamp.conf", "on\n")
    planned = mine.plan()
    expected = {
        key: "build" if key.startswith("build:desk/") else "adopt" for key in actions(planned)
    }
    assert actions(planned) == expected
    assert failed(mine.run()) == {}
    adopted = {key.partition("/")[0] for key, item in mine.record().targets.items() if item.adopted}
    assert adopted == {"base", "tool", "speech"}


def test_an_image_that_upstream_deleted_is_built(mine: Mine) -> None:
    (key, item), *_ = ((k, v) for k, v in mine.theirs().targets.items() if v.image == "desk")
    image = parse(f"{THEIRS}-desk").at(item.digest)
    assert mine.week.store.delete(image)
    planned = mine.plan()
    assert planned.targets[key].action == "build"
    assert planned.targets[key].reason == (
        f"new: no release has it; not adopted: shop {RELEASE} had it, but {image} is gone"
        "; packages not locked"
    )
    assert failed(mine.run()) == {}
    assert mine.record().targets[key].adopted is None


@pytest.mark.parametrize(("reachable", "action"), [(False, "build"), (True, "block")])
def test_where_upstream_cannot_be_asked_all_is_built_or_waits(
    mine: Mine, action: str, *, reachable: bool
) -> None:
    error = TransientError(f"registry {THEIRS} does not answer: refused")
    mine.week.store.fail("get", error, on=f"{THEIRS}-releases@", times=9)
    planned = mine.plan(reachable=reachable)
    assert {item.action for item in planned.targets.values()} == {action}
    unasked = f"the registry of shop cannot be asked: registry {THEIRS} does not answer: refused"
    for item in planned.targets.values():
        why = unasked if reachable else f"new: no release has it; not adopted: {unasked}"
        assert item.reason.removesuffix("; packages not locked") == why


def test_one_image_that_cannot_be_asked_for_waits_alone(mine: Mine) -> None:
    digest = mine.theirs().targets["tool/os=2"].digest
    error = TransientError("the registry answered 500")
    mine.week.store.fail("digest", error, on=digest, times=9)
    planned = mine.plan(reachable=True)
    assert planned.targets["tool/os=2"].action == "block"
    assert planned.targets["tool/os=1"].action == "adopt"


def test_an_image_with_other_tests_here_is_tested_before_it_is_offered(mine: Mine) -> None:
    mine.shop.folder.write("images/desk/tests/test_desk.py", "def test_desk(host): ...\n")
    planned = mine.plan()
    again = [key for key, item in planned.targets.items() if item.is_tested_again]
    assert {key.partition("/")[0] for key in again} == {"desk"}
    assert planned.targets[again[0]].reason == (f"shop {RELEASE} has it; its tests are others here")
    rejected = again[0]
    mine.week.smoke.rejects.add(rejected)
    run = mine.run()
    assert failed(run).keys() == {f"build:{rejected}", "chart:desk"}
    assert mine.week.engine.called("build") == []
    tag = planned.targets[rejected].reference
    assert mine.week.store.digest(planned.targets[rejected].reference) is None, tag
    record = mine.record()
    assert rejected not in record.targets
    passed = record.targets[again[1]]
    assert passed.tests_hash == planned.targets[again[1]].tests_hash
    assert passed.adopted is not None


def test_metadata_that_is_not_of_the_image_is_not_believed(mine: Mine) -> None:
    """Somebody else moved the tag of the metadata, in the registry of upstream."""
    targets = mine.theirs().targets
    desk, tool = (
        targets[next(key for key in targets if key.startswith("desk/"))],
        targets["tool/os=2"],
    )
    moved = parse(f"{THEIRS}-desk:{desk.tag}.evidence")
    mine.week.store.copy(parse(f"{THEIRS}-tool:{tool.tag}.evidence"), moved)
    planned = mine.plan()
    (item,) = (it for it in planned.targets.values() if it.fingerprint.digest == desk.fingerprint)
    assert item.action == "build"
    assert "its metadata is of the fingerprint" in item.reason


def test_metadata_that_moves_between_plan_and_run_is_refused(mine: Mine) -> None:
    planned = mine.app().plan()
    desk = next(it for it in mine.theirs().targets.values() if it.image == "desk")
    tool = mine.theirs().targets["tool/os=2"]
    moved = parse(f"{THEIRS}-desk:{desk.tag}.evidence")
    mine.week.store.copy(parse(f"{THEIRS}-tool:{tool.tag}.evidence"), moved)
    run = mine.run(planned)
    (key,) = (k for k, it in planned.targets.items() if it.fingerprint.digest == desk.fingerprint)
    assert (
        f"{THEIRS}-desk@{desk.digest} cannot be adopted: its metadata is of the fingerprint"
        in (failed(run)[f"build:{key}"])
    )
    assert mine.week.store.digest(planned.targets[key].reference) is None


def test_what_stands_on_an_image_that_was_not_copied_waits_and_the_rest_is_released(
    mine: Mine,
) -> None:
    error = StepError("the registry answered 500")
    mine.week.store.fail("copy", error, on=f" {OWN}/my-speech:fp-", times=1)
    run = mine.run()
    (broken,) = failed(run).keys() - {"chart:desk"}
    assert broken.startswith("build:speech/")
    released = mine.record().targets
    on_it = broken.removeprefix("build:speech/")
    assert not {f"speech/{on_it}", f"desk/{on_it}"} & released.keys()
    assert len(released) == 6
    assert failed(mine.run(today="2026-12-01")) == {}
    assert len(mine.record().targets) == 8


def test_an_image_of_that_name_which_is_another_stays(mine: Mine) -> None:
    planned = mine.app().plan()
    tool, base = planned.targets["tool/os=2"], mine.theirs().targets["base/os=2"]
    mine.week.store.copy(parse(f"{THEIRS}-base").at(base.digest), tool.reference)
    run = mine.run(planned)
    assert failed(run)["build:tool/os=2"].startswith(
        f"{tool.reference} exists with another digest: {base.digest}, and"
    )
    assert mine.week.store.digest(tool.reference) == base.digest


def test_nothing_of_upstream_is_asked_offline(mine: Mine) -> None:
    mine.week.store.calls.clear()
    planned = mine.app().plan(offline=True)
    assert mine.week.store.calls == []
    assert {item.action for item in planned.targets.values()} == {"build"}


def test_the_difference_and_the_reason_of_a_package_name_where_an_image_is_from(
    mine: Mine,
) -> None:
    mine.run()
    difference = mine.app().diff("2026.11.30", "2026.11.30")
    assert difference.adopted == {}
    history = mine.app().adapters.history
    empty = replace(mine.record(), targets={}, release="2026.11.01")
    difference = history.compare(empty, mine.record())
    assert set(difference.adopted.values()) == {f"shop {RELEASE}"}
    assert f"\nAdopted\nFROM             TARGET\nshop {RELEASE}  base/os=" in diff_table(difference)
    answer = Provenance(project=mine.app().project, history=history).why("tar")
    assert {reason.adopted for reason in answer.reasons} == {f"shop {RELEASE}"}
    assert f"\n  adopted from shop {RELEASE}\n" in why_text(answer)


FROM_REGISTRY = TWO_LINES.replace("name: shop}", "name: shop, registry: '127.0.0.1:5999'}")


def test_lock_finds_the_release_that_was_made_from_a_folder(mine: Mine) -> None:
    mine.week.folder.write("matrix.yaml", FROM_REGISTRY)
    mine.week.folder.write("matrix.lock", dump(Lock()))
    app = mine.app()
    app.write_lock(app.lock().lock)
    pin = mine.app().locked().upstreams["shop"]
    assert (pin.release, pin.record, pin.date) == (RELEASE, mine.pin.record, "2026-11-23")
    assert (pin.registry, pin.builder) == ("127.0.0.1:5999", VERSION)
    assert pin.content == mine.theirs().source.content
    assert set(actions(mine.plan()).values()) == {"adopt"}


@pytest.mark.parametrize(("follow", "release"), [("releases", ""), ("commits", RELEASE)])
def test_a_folder_that_changed_since_has_no_release(mine: Mine, follow: str, release: str) -> None:
    mine.shop.folder.write("images/desk/files/lamp.conf", "on\n")
    follows = FROM_REGISTRY.replace("name: shop,", f"name: shop, follow: {follow},")
    mine.week.folder.write("matrix.yaml", follows)
    app = mine.app()
    app.write_lock(app.lock().lock)
    assert mine.app().locked().upstreams["shop"].release == release
    adopted = [key for key, it in mine.plan().targets.items() if it.action == "adopt"]
    images = {key.partition("/")[0] for key in adopted}
    assert images == ({"base", "tool", "speech"} if release else set())


def test_a_registry_that_does_not_answer_keeps_the_release_of_the_same_folder(mine: Mine) -> None:
    mine.week.folder.write("matrix.yaml", FROM_REGISTRY)
    app = mine.app()
    app.write_lock(app.lock().lock)
    before = mine.app().locked().upstreams["shop"]
    error = StepError("the registry answered 500")
    mine.week.store.fail("tags", error, on=f"{THEIRS}-releases", times=9)
    result = mine.app().lock()
    assert [(item.subject, item.keeps) for item in result.problems] == [("catalog shop", True)]
    assert result.lock.upstreams["shop"] == before


def test_a_machine_that_cannot_write_leaves_copies_to_the_one_that_can(
    mine: Mine, tmp_path: Path
) -> None:
    mine.shop.folder.write("images/desk/tests/test_desk.py", "def test_desk(host): ...\n")
    mine.week.store.calls.clear()
    worker = mine.app(hand_over_to=tmp_path / "handed", run="r1")
    assert failed(worker.run(worker.plan(), ("base", "build"))) == {}
    assert mine.week.store.writes == []
    assert {target.partition("/")[0] for target in mine.week.smoke.called("test")} == {"desk"}
    handed = {path.name.partition("_")[0] for path in (tmp_path / "handed").iterdir()}
    assert handed == {"build-desk"}
    mine.week.smoke.calls.clear()
    writer = mine.app(handed_over_in=tmp_path / "handed", run="r1")
    planned = writer.plan()
    assert failed(writer.run(planned, ("base", "build"))) == {}
    assert mine.week.smoke.calls == []
    assert {item.action for item in mine.plan().targets.values()} == {"reuse"}
    assert failed(mine.run()) == {}
    desks = [item for item in mine.record().targets.values() if item.image == "desk"]
    assert {item.tests_hash for item in desks} == {
        item.tests_hash for item in planned.targets.values() if item.target.recipe == "desk"
    }
    assert all(item.adopted for item in desks)


def test_what_is_stated_of_an_image_comes_with_it(mine: Mine) -> None:
    digest = mine.theirs().targets["tool/os=2"].digest
    beside = digest.replace(":", "-")
    for end in ("", ".sig", ".sbom"):
        said = Artifact(kind="application/x", files={}, config=end.encode())
        mine.week.store.put(said, parse(f"{THEIRS}-tool:{beside}{end}"))
    mine.run()
    for end in ("", ".sig", ".sbom"):
        found = mine.week.store.get(parse(f"{OWN}/my-tool:{beside}{end}"))
        assert found is not None
        assert found.config == end.encode()
    assert mine.week.store.digest(parse(f"{OWN}/my-tool:{beside}.att")) is None


def test_the_commands_of_an_adoption_are_shown(mine: Mine) -> None:
    app = mine.app()
    planned = app.plan()
    item = planned.targets["tool/os=2"]
    lines = list(
        app.adapters.commands(app.context(planned), {"x": planned.steps["build:tool/os=2"]})
    )
    assert item.adoptable is not None
    assert lines[-1].endswith(f"docker://{item.adoptable.image} docker://{item.reference}")


@pytest.mark.parametrize("lie", [{"size": "many"}, {"tests": {}}, {"shares": [{}]}])
def test_metadata_that_somebody_invented_brings_no_image(
    mine: Mine, lie: Mapping[str, object]
) -> None:
    tool = mine.theirs().targets["tool/os=2"]
    place = parse(f"{THEIRS}-tool:{tool.tag}.evidence")
    stored = mine.week.store.get(place)
    assert stored is not None
    config = json.loads(stored.config) | lie
    mine.week.store.put(replace(stored, config=json.dumps(config).encode()), place)
    planned = mine.app().plan()
    run = mine.run(planned)
    damaged = f"{place}: the metadata of this image is damaged"
    assert failed(run)["build:tool/os=2"].startswith(damaged)
    assert mine.week.store.digest(planned.targets["tool/os=2"].reference) is None
    assert "tool/os=2" not in mine.record().targets


def test_an_image_of_another_name_is_adopted_with_all_that_stands_on_it(mine: Mine) -> None:
    mine.week.folder.write("matrix.yaml", TWO_LINES + "images: {speech: {as: talk}}\n")
    planned = mine.plan()
    assert {item.action for item in planned.targets.values()} == {"adopt"}
    assert {key.partition("/")[0] for key in planned.targets} == {"base", "tool", "talk", "desk"}
    assert failed(mine.run()) == {}
    assert set(actions(mine.plan()).values()) == {"reuse"}
    shares = [item.shares for item in mine.record().targets.values() if item.image == "desk"]
    assert {share[-2].target.partition("/")[0] for share in shares} == {"talk"}
