"""A chart package that the release does not list is never handed on, whoever put it there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.models import Matrix, Settings
from builder.charts.package import ChartPackage, pack
from builder.charts.repository.oci_artifact import chart_artifact, released_package
from builder.charts.repository.publish import Released, publish_index
from builder.common.errors import ConfigError, ConflictError, StepError
from builder.oci.reference import parse
from builder.registry.release_record import Record, ReleasedChart
from tests.fakes.store import FakeStore

MATRIX = Matrix(
    catalog=Settings(name="shop", registries=("example.org/shop",)), axes={}, images={}, charts={}
)
CHART_YAML = b"apiVersion: v2\nname: desk\nversion: 1.0.0\n"
LISTED = ChartPackage(data=pack("desk", {"Chart.yaml": CHART_YAML}))
OTHER = ChartPackage(data=pack("desk", {"Chart.yaml": CHART_YAML, "templates/x.yaml": b"a: b"}))


def released(package: ChartPackage, **changes: str) -> tuple[ReleasedChart, FakeStore, str]:
    """A release that lists one package, and a registry that has `package` in its place."""
    store = FakeStore()
    repository = parse(MATRIX.repository_of("charts/desk"))
    manifest = store.put(chart_artifact(package), repository.with_tag("1.0.0"))
    listed = {"digest": LISTED.digest, "manifest": manifest, "created": "2026-01-01T00:00:00Z"}
    chart = ReleasedChart(
        version="1.0.0",
        fingerprint="",
        images=(),
        values={},
        listed={"1.0.0": {**listed, **changes}},
    )
    return chart, store, str(repository.at(manifest))


def test_the_package_that_a_release_lists_is_returned() -> None:
    chart, store, _ = released(LISTED)
    assert released_package("desk", chart, matrix=MATRIX, store=store) == LISTED


def test_another_package_than_the_release_lists_is_refused() -> None:
    chart, store, manifest = released(OTHER)
    with pytest.raises(ConflictError) as caught:
        released_package("desk", chart, matrix=MATRIX, store=store)
    assert caught.value.exit_code == 7
    assert str(caught.value) == (
        f"{manifest} is not the package of chart desk 1.0.0 that the release lists\n"
        f"  hint: listed {LISTED.digest}, found {OTHER.digest}"
    )


@pytest.mark.parametrize("manifest", ["sha256:../../tags/list", "latest", ""])
def test_a_manifest_that_is_no_digest_is_not_asked_for(manifest: str) -> None:
    chart, store, _ = released(LISTED, manifest=manifest)
    with pytest.raises(ConfigError) as caught:
        released_package("desk", chart, matrix=MATRIX, store=store)
    name = MATRIX.repository_of("charts/desk")
    assert str(caught.value) == f"not a digest of {name}: {manifest!r}"
    assert [method for method, _ in store.calls if method == "get"] == []


def record(chart: ReleasedChart, name: str = "desk") -> Record:
    return Record(
        catalog="shop",
        release="2026.01.01",
        previous=None,
        lock_data={},
        targets={},
        charts={name: chart},
        bases={},
        blocked={},
    )


def test_a_repository_never_lists_another_package_than_the_release(tmp_path: Path) -> None:
    chart, store, manifest = released(OTHER)
    charts = Released(record=record(chart), matrix=MATRIX, store=store)
    with pytest.raises(ConflictError) as caught:
        publish_index(charts, tmp_path)
    assert caught.value.message == (
        f"{manifest} is not the package of chart desk 1.0.0 that the release lists"
    )
    assert list(tmp_path.glob("*.yaml")) == list(tmp_path.glob("*.tgz")) == []


def test_a_version_that_is_a_path_is_no_file_of_a_repository(tmp_path: Path) -> None:
    chart, store, _ = released(LISTED)
    chart = replace(chart, version="1/../../x", listed={"1/../../x": chart.listed["1.0.0"]})
    charts = Released(record=record(chart), matrix=MATRIX, store=store)
    with pytest.raises(StepError) as caught:
        publish_index(charts, tmp_path / "charts")
    assert str(caught.value) == (
        "chart desk 1/../../x: the path 'desk-1/../../x.tgz' leaves its folder"
    )


def test_what_an_index_calls_a_chart_is_no_path_to_what_is_deleted(tmp_path: Path) -> None:
    """The index of a folder may be a stranger's: versions that left the release are removed."""
    chart, store, _ = released(LISTED)
    folder, outside = tmp_path / "charts", tmp_path / "desk-0.1.0.tgz"
    folder.mkdir()
    outside.write_bytes(b"mine")
    (folder / "index.yaml").write_text(
        "apiVersion: v1\nentries:\n  ../desk:\n  - {name: ../desk, version: 0.1.0, urls: [x]}\n"
        "generated: 2026-01-01T00:00:00Z\n"
    )
    charts = Released(record=record(chart), matrix=MATRIX, store=store)
    with pytest.raises(ConfigError) as caught:
        publish_index(charts, folder, keeps=())
    assert caught.value.message == "the index lists a chart with the name '../desk'"
    assert outside.read_bytes() == b"mine"
