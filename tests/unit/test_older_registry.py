"""What this builder makes of a catalog and a registry as 70c7114 left them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from builder.common.hashing import canonical
from builder.diff.history import History
from builder.diff.why import Provenance
from builder.lock.fit import stale_package_sets
from builder.lock.package_locker import alive_targets
from builder.oci.reference import parse as parse_reference
from builder.plan import image_metadata
from builder.project import Workspace
from builder.registry.release_record import Record
from tests.fakes.archive import CATALOGS, OLD_CATALOG, CatalogCopy, registry
from tests.fakes.catalog import BOTH, Folder, Week, prints
from tests.fakes.planted import STRANGER, plant, restate
from tests.fakes.pruning import Broom

pytestmark = pytest.mark.slow

TODAY, NEXT = "2026-11-23", "2026-11-30"
OLD, CURRENT = "2026.11.16", "2026.11.23"


@pytest.fixture
def week(tmp_path: Path) -> Week:
    """Return the old catalog with the registry that the old builder filled."""
    folder = CatalogCopy(OLD_CATALOG, tmp_path / "catalog")
    lock = folder.load().lock
    assert lock is not None
    return Week(folder=folder, store=registry(OLD_CATALOG / "registry.json.xz"), lock=lock)


PACKAGE = "adbc-driver-manager"  # the one that fill.py changed
VALUES = "debian=13,cuda=none,python=3.13"
DATASCIENCE = f"python-datascience/{VALUES}"
REBUILT = (
    DATASCIENCE,
    f"jupyter-python/{VALUES}",
    f"marimo-python/{VALUES}",
    f"vscode-python/{VALUES},vscode=4",
)


def record(week: Week, name: str = "current") -> Record:
    """Return a release record."""
    found = week.records().named(name)
    assert found is not None
    return found


def history(week: Week) -> History:
    """Return the releases of a week's registry."""
    return History(catalog=week.folder.load().catalog, store=week.store)


def test_nothing_is_built_or_tested_again(week: Week) -> None:
    plan = week.plan(today=TODAY)
    released, blocked = record(week).targets, record(week).blocked
    actions = {key: target.action for key, target in plan.targets.items()}
    assert actions == {
        **dict.fromkeys(released, "reuse"),
        **{key.removeprefix("build:"): "block" for key in blocked if key.startswith("build:")},
    }
    assert len(released) == 72
    charts = {name: chart for name, chart in plan.charts.items() if chart.action != "block"}
    assert {name: chart.reason for name, chart in charts.items()} == {
        # This builder quotes what a template writes.
        name: f"changed since {chart.version}: its templates or values"
        for name, chart in record(week).charts.items()
    }


def test_metadata_of_the_older_format_is_believed_without_a_request_more(week: Week) -> None:
    week.observed()
    assert len(week.store.called("summary")) == 72
    assert week.store.called("content") == []


def test_metadata_of_the_older_format_is_held_against_its_image(week: Week) -> None:
    item = week.plan(today=TODAY).targets[DATASCIENCE]
    plant(week.store, item.reference)
    restate(week.store, item.reference, digest=STRANGER)
    assert not week.observed().doubts  # whoever writes both is told apart by a signature alone
    restate(week.store, item.reference, digest=item.digest)
    assert week.observed().doubts[DATASCIENCE] == (
        f"it is {STRANGER}, and its metadata is of {item.digest}"
    )


def test_fingerprints_and_the_lock_are_those_of_the_record(week: Week) -> None:
    found = prints(week.folder.load(), week.lock)
    for key, target in record(week).targets.items():
        assert found[key].digest == target.fingerprint, key
    assert record(week).lock == week.lock
    assert record(week, OLD).lock != week.lock


def test_the_older_lock_fits_and_is_written_anew_once(week: Week) -> None:
    project = week.folder.load()
    alive = alive_targets(project.expansion, TODAY)
    assert stale_package_sets(project.catalog, project.expansion, week.lock, alive) == []
    workspace = Workspace(week.folder.root)
    assert workspace.write_lock(week.lock)
    assert not workspace.write_lock(week.lock)
    assert workspace.load().lock == week.lock


def test_what_was_stored_beside_an_image_is_read(week: Week) -> None:
    project = week.folder.load()
    found = prints(project, week.lock)
    for key, target in record(week).targets.items():
        place = parse_reference(project.catalog.matrix.repository_of(target.image))
        stored = week.store.get(image_metadata.reference_of(place.with_tag(target.tag)))
        assert stored is not None, key
        document = json.loads(stored.files[image_metadata.DOCUMENT].data)
        assert canonical(document) == canonical(found[key].document)
        config = image_metadata.config_of(stored.config, place)
        assert config["tests_hash"] == target.tests_hash
        assert config["tests"] == {
            "passed": 2,
            "failed": 0,
            "skipped": 0,
        }
        assert image_metadata.read(week.store, place.with_tag(target.tag)).packages


def test_two_releases_are_compared(week: Week) -> None:
    found = history(week).compare(record(week, OLD), record(week))
    assert found.changed == REBUILT
    assert (found.same, found.added, found.removed) == (68, (), ())
    assert [(it.name, it.before, it.after) for it in found.packages] == [
        (PACKAGE, "0.0.1", "1.13.0")
    ]
    assert {change.name for change in found.others} >= {"jupyter-python", "vscode-python"}


def test_why_a_package_is_there(week: Week) -> None:
    project = week.folder.load()
    project = replace(project, lock=week.lock)
    answer = Provenance(project=project, history=history(week)).why(PACKAGE, DATASCIENCE)
    (reason,) = answer.reasons
    assert (reason.version, reason.recipe) == ("1.13.0", "python-datascience")
    assert (reason.since.release, reason.since.before) == (CURRENT, "0.0.1")


def test_what_would_be_removed(week: Week) -> None:
    garbage = Broom(week=week, today=NEXT).look()
    assert garbage.records == (OLD, CURRENT)  # a new one retires versions of charts
    assert garbage.retired == dict.fromkeys(
        ("jupyter-python", "marimo-python", "vscode-python"), ("1.0.0",)
    )
    gone = {str(removal.reference) for removal in garbage.removals}
    old, new = record(week, OLD), record(week)
    for key in REBUILT:
        name = f"127.0.0.1:5005/onyxia-{old.targets[key].image}"
        assert f"{name}@{old.targets[key].digest}" in gone
        assert f"{name}@{new.targets[key].digest}" not in gone


def test_an_older_release_is_offered_again(week: Week) -> None:
    to = week.rollback().prepare(OLD, NEXT)
    assert to.record.targets[DATASCIENCE].digest == record(week, OLD).targets[DATASCIENCE].digest
    assert to.record.lock == record(week, OLD).lock
    assert {name: package.version for name, package in to.packages.items()} == dict.fromkeys(
        ("jupyter-python", "marimo-python", "vscode-python"), "1.0.2"
    )
    week.rollback().carry_out(to, print)
    assert record(week).release == "2026.11.30"


@pytest.mark.slow
def test_charts_of_older_features_stay_as_they_were_released(week: Week) -> None:
    """Those features write values without quotes: no new chart has them."""
    before = record(week)
    ended = week.go_by(today=NEXT)
    failed = {step: result for step, result in ended.items() if result.status == "failed"}
    assert set(failed) == {f"chart:{name}" for name in before.charts}
    assert all("value-not-quoted: fatal: " in result.reason for result in failed.values())
    after = record(week)
    assert {name: chart.version for name, chart in after.charts.items()} == {
        name: chart.version for name, chart in before.charts.items()
    }
    assert {key: (target.digest, target.since) for key, target in after.targets.items()} == {
        key: (target.digest, target.since) for key, target in before.targets.items()
    }
    assert not week.engine.requests


@pytest.mark.slow
def test_features_of_the_builder_give_each_chart_a_new_version(week: Week) -> None:
    before = record(week)
    for name in ("features", "library"):
        shutil.rmtree(week.folder.root / "charts" / name)
    week.folder.edit("charts/marimo/chart.yaml", "description: ", "description: More. ")
    ended = week.go_by(today=NEXT)
    assert {result.status for result in ended.values()} == {"done", "reused", "blocked", "skipped"}
    after = record(week)
    assert (after.release, after.previous) == ("2026.11.30", CURRENT)
    assert all(chart.version > before.charts[name].version for name, chart in after.charts.items())
    assert not week.engine.requests


def test_a_registry_of_two_platforms(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.for_platforms("linux/amd64", "linux/arm64")
    (tmp_path / "images/base/tests/test_base.py").unlink()  # that came later
    pod = "image: {{ .Values.image.version | quote }}\n"  # its kind came later
    folder.write("charts/features/core/templates/pod.yaml", pod)
    week = Week(folder=folder, store=registry(CATALOGS / "two-platforms.json.xz"), lock=BOTH)
    assert len(record(week).variants) == 6
    plan = week.plan(today=TODAY)
    assert {target.action for target in plan.targets.values()} == {"reuse"}
    # This builder's charts put in order what they are given: that alone is new.
    assert plan.charts["desk"].reason == "changed since 1.0.0: its templates or values"
    assert plan.steps["release"].reason == "0 built, 1 chart packaged"
