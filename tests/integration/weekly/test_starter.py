"""Two weeks of the starter, a week on a machine that lost everything, and broken images."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from builder.oci.reference import parse
from builder.plan.registry_state import read_record, releases_reference
from builder.registry.release_record import CURRENT
from tests.integration.broken import check_rejected
from tests.integration.starter import TODAY, Catalog

RELEASE = TODAY.replace("-", ".")
TARGETS = {
    "duckdb": "duckdb/debian=13",
    "kubernetes-tools": "kubernetes-tools/debian=13",
    "base": "base/debian=13",
    "python-minimal": "python-minimal/debian=13,python=3.13",
    "r-minimal": "r-minimal/debian=13,r=4.5",
    "jupyter": "jupyter-python/debian=13,python=3.13",
}


def test_the_first_week_builds_tests_and_releases(starter: Catalog) -> None:
    report = starter.report()
    assert {item["id"]: item["status"] for item in report["targets"]} == {
        "duckdb/debian=13": "done",
        "kubernetes-tools/debian=13": "done",
        "base/debian=13": "done",
        "python-minimal/debian=13,python=3.13": "done",
        "r-minimal/debian=13,r=4.5": "done",
        "jupyter-python/debian=13,python=3.13": "done",
        "jupyter-r/debian=13,r=4.5": "done",
    }
    for item in report["targets"]:
        assert item["action"] == "build"
        assert item["image"]["tests"]["passed"] > 0
        assert item["image"]["tests"]["failed"] == 0
        assert item["image"]["size"] > 0
    assert [item["status"] for item in report["charts"]] == ["done", "done"]
    assert all(item["package"]["tests"]["passed"] > 0 for item in report["charts"])
    assert report["release"]["status"] == "done"
    assert report["release"]["release"]["release"] == RELEASE


def test_every_tag_names_the_digest_that_was_tested(starter: Catalog) -> None:
    session = starter.session()
    digests = {item["id"]: item["image"]["digest"] for item in starter.report()["targets"]}
    with session.registry():
        place = parse(session.catalog.matrix.repository_of("jupyter-python"))
        version = session.locked().versions["python=3.13"]
        tags = session.adapters.store.tags(place.name)
        for tag in (f"py{version}-{RELEASE}", f"py{version}", "py3.13", "latest"):
            assert tag in tags
            assert session.adapters.store.digest(place.with_tag(tag)) == digests[TARGETS["jupyter"]]
        record = read_record(
            session.adapters.store, releases_reference(session.catalog).with_tag(CURRENT)
        )
    assert record is not None
    assert {key: item.digest for key, item in record.targets.items()} == digests
    assert record.blocked == {}


def test_the_second_week_builds_nothing_and_says_why(starter: Catalog) -> None:
    done = starter.run("weekly")
    assert done.returncode == 0, done.stderr
    report = starter.report()
    for item in [*report["targets"], *report["bases"], *report["charts"]]:
        assert item["status"] == "reused", item
    for item in report["targets"]:
        assert re.match(r"fp-[0-9a-f]{32} is in the registry", item["reason"])
    assert report["release"]["status"] == "reused"
    assert report["release"]["reason"] == f"nothing that passed has changed since {RELEASE}"
    assert "building" not in done.stderr


def test_a_week_later_unchanged_images_get_the_new_tag(starter: Catalog) -> None:
    done = starter.run("publish", BUILDER_TODAY="2026-11-30")
    assert done.returncode == 0, done.stderr
    session = starter.session()
    with session.registry():
        place = parse(session.catalog.matrix.repository_of("base"))
        tags = session.adapters.store.tags(place.name)
        assert session.adapters.store.digest(
            place.with_tag("latest-2026.11.30")
        ) == session.adapters.store.digest(place.with_tag(f"latest-{RELEASE}"))
    assert {"latest", f"latest-{RELEASE}", "latest-2026.11.30"} <= set(tags)


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(recipe, marks=pytest.mark.heavy)
        if recipe in ("jupyter", "python-minimal", "r-minimal")
        else recipe
        for recipe in sorted(TARGETS)
    ],
)
def test_a_broken_variant_is_rejected(starter: Catalog, recipe: str, tmp_path: Path) -> None:
    session = starter.session()
    with session.registry():
        planned = session.plan(lock=session.locked(), to_run=False)
        plan = planned.plan
        work = session.context(planned, print)
        check_rejected(session, work, plan.targets[TARGETS[recipe]], tmp_path)


def test_nothing_is_built_where_only_the_registry_is_left(starter: Catalog) -> None:
    before = {path.name: path.read_bytes() for path in (starter.state / "charts").iterdir()}
    kept = starter.root / "kept"
    (starter.state / "registry" / "storage").rename(kept)
    shutil.rmtree(starter.state)
    starter.borrow_tools()
    (starter.state / "registry").mkdir()
    kept.rename(starter.state / "registry" / "storage")
    done = starter.run("weekly", BUILDER_TODAY="2026-11-30")
    assert done.returncode == 0, done.stderr
    report = starter.report()
    assert {item["status"] for item in report["targets"]} == {"reused"}
    assert {item["status"] for item in report["charts"]} == {"reused"}
    after = {path.name: path.read_bytes() for path in (starter.state / "charts").iterdir()}
    packages = [name for name in before if name.endswith(".tgz")]
    assert packages
    assert {name: after[name] for name in packages} == {name: before[name] for name in packages}
    assert "index.yaml" in after
