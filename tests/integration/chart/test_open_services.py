"""Charts of services that ask nobody for a password: the network policy is their only door."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.charts.helm import Helm, latest_minors

from .conftest import Played, one, written

OPEN = ("spark-history", "spark-thrift-server", "hive-metastore")
KINDS = {
    "StatefulSet", "Service", "PersistentVolumeClaim", "Secret", "Pod", "NetworkPolicy"
}  # fmt: skip


@pytest.fixture(scope="module", params=OPEN)
def service(
    request: pytest.FixtureRequest, helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Played:
    """Such a chart."""
    scratch = tmp_path_factory.mktemp("open")
    return Played(folder=written(str(request.param), scratch), helm=helm, scratch=scratch)


def notes(service: Played, **values: object) -> str:
    return service.helm.dry_run(service.folder, release="r-1", values=values).notes


def test_every_case_is_well(service: Played) -> None:
    checked = service.helm.check(service.folder, minors=latest_minors(1))
    assert len(checked.cases) > 9
    assert set(checked.unknown) <= {"route.openshift.io/v1/Route"}


def test_nothing_leads_to_it_from_outside(service: Played) -> None:
    assert {item["kind"] for item in service.manifests()} - {"ConfigMap"} == KINDS
    spec = service.pod()["spec"]
    assert spec["automountServiceAccountToken"] is False
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }  # fmt: skip


def test_the_notes_say_that_there_is_no_password(service: Played) -> None:
    assert "It asks nobody for a password" in notes(service)
    off = {"networkPolicy": {"enabled": False}}
    assert "and it is off" not in notes(service)
    assert "and it is off" in notes(service, security=off)


@pytest.mark.parametrize("service", OPEN[:2], indirect=True)
def test_the_program_is_told_of_the_memory(service: Played) -> None:
    (container,) = service.pod()["spec"]["containers"]
    (told,) = (it for it in container["env"] if it["name"] == "MEMORY_LIMIT")
    assert told["valueFrom"]["resourceFieldRef"]["resource"] == "limits.memory"
    assert "MEMORY_LIMIT" in container["command"][-1]


def test_event_logs_are_where_the_official_chart_had_them(helm: Helm, tmp_path: Path) -> None:
    chart = Played(folder=written("spark-history", tmp_path), helm=helm, scratch=tmp_path)

    def folder(directory: str) -> str:
        values = {"spark": {"directory": directory}}
        text: str = one(chart.manifests(values), "ConfigMap")["data"]["SPARK_HISTORY_OPTS"]
        return text.rpartition("logDirectory=")[2]

    assert folder("s3a://bucket/spark-history") == "s3a://bucket/spark-history"
    assert folder("file://tmp/spark-logs/") == "file://tmp/spark-logs/"
    assert folder("/shared/events") == "file:///shared/events"
    assert folder("") == "file:///home/onyxia/work/spark-events"
    outside = {"ingress": {"enabled": True, "hostname": "events.example.org"}}
    assert (
        "It can be reached from outside"
        in helm.dry_run(chart.folder, release="r-1", values=outside).notes
    )


def test_the_thrift_server_takes_the_values_of_the_official_chart(
    helm: Helm, tmp_path: Path
) -> None:
    chart = Played(folder=written("spark-thrift-server", tmp_path), helm=helm, scratch=tmp_path)
    values = {
        "networking": {"port": 10001}, "networkPolicy": {"enabled": False},
        "environment": {"s3": False}, "spark": {"config": {"spark.master": "k8s://x"}},
        "kubernetes": {"role": "edit"}, "init": {"filename": "x"},
    }  # fmt: skip
    manifests = chart.manifests(values)
    assert one(manifests, "Service")["spec"]["ports"][0]["port"] == 10001
    assert not [it for it in manifests if it["kind"] == "NetworkPolicy"]
    told = notes(chart, **values)
    assert "`kubernetes.role`: Spark runs within the pod" in told
    assert "`init.filename`: the image has its start script" in told
