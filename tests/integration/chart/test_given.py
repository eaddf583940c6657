"""Values as people write them: blocks that are null or left empty, and templates that are none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.charts.helm import Helm
from builder.charts.manifests import documents

from .conftest import Played, one, written


@pytest.fixture(
    scope="module",
    params=["jupyter-pyspark", "vscode-python-gpu", "rstudio", "marimo-python", "postgresql",
            "mlflow"],
)  # fmt: skip
def any_chart(
    request: pytest.FixtureRequest, helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Played:
    """A chart of each recipe: together they have every feature."""
    scratch = tmp_path_factory.mktemp("given")
    return Played(folder=written(str(request.param), scratch), helm=helm, scratch=scratch)


def emptied(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is in each block, null: the blocks in it, and its values."""
    for key, value in values.items():
        yield key, dict.fromkeys(value) if isinstance(value, dict) and value else None


def test_blocks_that_are_null_or_left_empty(any_chart: Played) -> None:
    """Each is as it is described, but for what is handed on as a whole: that is taken away."""
    pod = one(any_chart.manifests(), "StatefulSet")
    bare = one(any_chart.manifests(dict.fromkeys(any_chart.values)), "StatefulSet")
    container = pod["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {}
    del pod["spec"]["template"]["spec"]["securityContext"]["fsGroup"]
    assert bare == pod
    inner = documents(any_chart.template(dict(emptied(any_chart.values))))
    main = one(inner, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    assert main["image"] == container["image"]
    assert main["command"] == container["command"]


def test_what_is_null_stays_taken_away(any_chart: Played) -> None:
    values = {
        "persistence": {"enabled": None},
        "resources": {"limits": None},
        "networking": {"clusterIP": None},
        "security": {"networkPolicy": {"enabled": None}},
    }
    manifests = any_chart.manifests(values)
    kinds = {item["kind"] for item in manifests}
    assert not {"PersistentVolumeClaim", "NetworkPolicy"} & kinds
    pod = one(manifests, "StatefulSet")["spec"]["template"]["spec"]
    assert list(pod["containers"][0]["resources"]) == ["requests"]
    assert "clusterIP" not in one(manifests, "Service")["spec"]


OFFICIAL = {
    "spark.kubernetes.driver.pod.name": '{{ include "library-chart.fullname" . }}-0',
    "spark.kubernetes.namespace": "{{.Release.Namespace}}",
    "spark.driver.extraJavaOptions": '{{- include "library-chart.sparkExtraJavaOptions" $ -}}',
    "spark.kubernetes.container.image": "{{ ternary .Values.service.image.custom.version "
    ".Values.service.image.version .Values.service.image.custom.enabled }}",
    "spark.app.name": "{{ .Values.security.password }}",
}


def test_expressions_of_official_values_give_what_they_gave_and_no_other_does(
    helm: Helm, tmp_path: Path
) -> None:
    folder = written("jupyter-pyspark", tmp_path)
    values = {"spark": {"config": OFFICIAL}, "security": {"password": "a-password"}}
    release = helm.dry_run(folder, release="r-1", values=values)
    secret = one(documents(release.manifests), "Secret", "-spark-files")["stringData"]
    lines = secret["spark-defaults.conf"].splitlines()
    image = Played(folder=folder, helm=helm, scratch=tmp_path).values["service"]["image"]["version"]
    for line in (
        "spark.kubernetes.driver.pod.name r-1-jupyter-pyspark-0",
        "spark.kubernetes.namespace default",
        "spark.driver.extraJavaOptions -Dcom.amazonaws.sdk.disableCertChecking=false",
        f"spark.kubernetes.container.image {image}",
        "spark.app.name {{ .Values.security.password }}",
    ):
        assert line in lines
    assert re.findall(r"under `([^`]+)`", release.notes) == ["spark.app.name"]


def test_notes_say_the_user_where_the_service_asks_for_one(any_chart: Played) -> None:
    notes = any_chart.helm.dry_run(any_chart.folder, release="r-1", values={}).notes
    assert ("- User name: onyxia\n" in notes) == (any_chart.folder.name == "rstudio")


def test_keys_in_the_notes_are_no_links_and_no_passwords(helm: Helm, tmp_path: Path) -> None:
    chart = written("postgresql", tmp_path)
    values = {"a\nPassword: b https://example.org/": 1, "c`d": {"e": True}, "f": {}, "g": None}
    notes = helm.dry_run(chart, release="r-1", values=values).notes
    assert notes.split("does not use them:")[1].split() == [
        "-", "`a?Password??b?https???example.org?`", "-", "`c?d.e`"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "release", ["r" * 53, "a-release-name-that-is-as-long-as-helm-lets-it-be-1"]
)
def test_pods_can_be_named_after_the_longest_release(
    helm: Helm, tmp_path: Path, release: str
) -> None:
    """A label of a pod has the name of its set with a hash of eleven characters, of 63."""
    manifests = documents(helm.template(written("postgresql", tmp_path), release=release))
    assert len(one(manifests, "StatefulSet")["metadata"]["name"]) <= 52
