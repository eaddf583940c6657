"""Charts of what is no session: a database, and a server of a team."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.charts.helm import Helm, latest_minors

from .conftest import Played, one, written

# Per chart: its command on port 9999, what asks whether it is well, and where its volume is.
SERVICES: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "postgresql": (
        ["/opt/postgresql/start", "--port=9999"],
        {"exec": {"command": ["pg_isready", "--quiet", "--host=127.0.0.1", "--port=9999"]}},
        "/var/lib/postgresql/data",
    ),
    "mlflow": (
        ["/opt/onyxia-init.sh", "/opt/mlflow/start", "--port=9999"],
        {"httpGet": {"path": "/health", "port": 9999}},
        "/home/onyxia/work",
    ),
    "label-studio": (
        ["/opt/onyxia-init.sh", "/opt/label-studio/start", "--bind=0.0.0.0:9999"],
        {"httpGet": {"path": "/health", "port": 9999}},
        "/home/onyxia/work",
    ),
    "pgadmin": (
        ["/opt/onyxia-init.sh", "/opt/pgadmin/start", "--bind=0.0.0.0:9999"],
        {"httpGet": {"path": "/misc/ping", "port": 9999}},
        "/home/onyxia/work",
    ),
    "mariadb": (
        ["/opt/mariadb/start", "--port=9999"],
        {
            "exec": {
                "command": [
                    "mariadb-admin", "--no-defaults", "--skip-ssl", "--host=127.0.0.1",
                    "--port=9999", "ping",
                ]
            }
        },
        "/var/lib/mariadb/data",
    ),
    "valkey": (
        ["/opt/valkey/start", "9999"],
        {
            "exec": {
                "command": [
                    "sh", "-euc", 'REDISCLI_AUTH="$PASSWORD" exec valkey-cli -e -p 9999 ping',
                ]
            }
        },
        "/var/lib/valkey/data",
    ),
    "kafka": (
        ["/opt/kafka/start", "9999"],
        {"exec": {"command": ["bash", "-euc", ": > /dev/tcp/127.0.0.1/9999"]}},
        "/var/lib/kafka/data",
    ),
}  # fmt: skip
PAGES = {"mlflow", "label-studio", "pgadmin"}
KINDS = {
    "StatefulSet", "Service", "PersistentVolumeClaim", "Secret", "ConfigMap", "Pod",
    "NetworkPolicy",
}  # fmt: skip


@pytest.fixture(scope="module", params=SERVICES)
def service(
    request: pytest.FixtureRequest, helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Played:
    """Such a chart."""
    scratch = tmp_path_factory.mktemp("services")
    return Played(folder=written(str(request.param), scratch), helm=helm, scratch=scratch)


def test_every_case_is_well(service: Played) -> None:
    checked = service.helm.check(service.folder, minors=latest_minors(3))
    assert len(checked.minors) == 3
    assert len(checked.cases) > 9
    assert set(checked.unknown) <= {"route.openshift.io/v1/Route"}


def test_it_is_no_more_than_it_needs(service: Played) -> None:
    more = {"Ingress"} if service.recipe in PAGES else set()
    assert {item["kind"] for item in service.manifests()} == KINDS | more
    spec = service.pod()["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False


def test_how_it_runs(service: Played) -> None:
    values = {"networking": {"service": {"port": 9999}}}
    spec = service.pod(values)["spec"]
    (container,) = spec["containers"]
    command, probe, folder = SERVICES[service.recipe]
    assert container["command"] == command
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[name].items() >= probe.items()
    assert {"name": "home", "mountPath": folder} in container["volumeMounts"]
    assert container["ports"][0]["containerPort"] == 9999
    assert one(service.manifests(values), "Service")["spec"]["ports"][0]["port"] == 9999
    assert spec["securityContext"] == {
        "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, "fsGroup": 100,
    }  # fmt: skip
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }  # fmt: skip


def test_suspended(service: Played) -> None:
    assert one(service.manifests(), "StatefulSet")["spec"]["replicas"] == 1
    manifests = service.manifests({"global": {"suspend": True}})
    assert one(manifests, "StatefulSet")["spec"]["replicas"] == 0
    one(manifests, "PersistentVolumeClaim")


def test_its_password_stands_in_secrets_alone(service: Played) -> None:
    manifests = service.manifests({"security": {"password": "s3cret-of-twelve"}})
    found = {
        (item["kind"], item["metadata"]["name"])
        for item in manifests
        if "s3cret-of-twelve" in json.dumps(item)
    }
    own = ("Secret", f"r-1-{service.recipe}-password")
    assert own in found
    # Others are told of it, or of what is computed from it.
    assert found <= {own, ("Secret", f"r-1-{service.recipe}-discovery")}


def test_what_the_user_is_told(service: Played) -> None:
    values = {"security": {"password": "p4ss"}, "notes": {"password": True}}
    notes = service.helm.dry_run(service.folder, release="r-1", values=values).notes
    password = re.search(r"password: ?([^\n ]+)", notes, re.IGNORECASE)
    assert password is not None
    assert password.group(1) == "p4ss"
    urls = re.findall(r"https?://\S+", notes)
    assert urls == (["https://chart-example.local/"] if service.recipe in PAGES else [])


def test_label_studio_is_told_of_its_user_and_others_of_its_token(
    helm: Helm, tmp_path: Path
) -> None:
    chart = Played(folder=written("label-studio", tmp_path), helm=helm, scratch=tmp_path)
    manifests = chart.manifests({"security": {"username": "ann", "password": "p4ss"}})
    assert one(manifests, "ConfigMap")["data"] == {"LOGIN_EMAIL": "ann@example.org"}
    told = one(manifests, "Secret", "discovery")
    key = hashlib.sha256(b"label-studio p4ss").hexdigest()[:40]
    assert told["stringData"]["LABEL_STUDIO_API_KEY"] == key
    assert told["stringData"]["LABEL_STUDIO_URL"] == "http://r-1-label-studio:8080"


def test_dask_is_open_to_its_namespace_alone_and_says_so(helm: Helm, tmp_path: Path) -> None:
    chart = Played(folder=written("dask", tmp_path), helm=helm, scratch=tmp_path)
    values = {
        "dask": {"worker": {"replicas": 3, "resources": {"limits": {"memory": "8Gi"}}}},
        "ingress": {"enabled": True},
    }
    manifests = chart.manifests(values)
    assert one(manifests, "NetworkPolicy")["spec"]["ingress"] == [{"from": [{"podSelector": {}}]}]
    assert {item["kind"] for item in manifests}.isdisjoint({"Ingress", "Route"})
    assert one(manifests, "ConfigMap")["data"] == {"DASK_WORKERS": "3"}
    (container,) = chart.pod(values)["spec"]["containers"]
    assert container["resources"]["limits"]["memory"] == "8Gi"
    assert container["readinessProbe"]["tcpSocket"] == {"port": 8786}
    told = one(manifests, "Secret", "discovery")["stringData"]
    assert told == {"DASK_SCHEDULER_ADDRESS": "tcp://r-1-dask:8786"}
    notes = helm.dry_run(chart.folder, release="r-1", values=values).notes
    assert "Dask has no password: who reaches port 8786 runs code in the pod" in notes
    assert "The network policy of this release is the only door" in notes
    off = {"security": {"networkPolicy": {"enabled": False}}}
    notes = helm.dry_run(chart.folder, release="r-1", values=off).notes
    assert "There is no network policy, so every pod of the cluster may" in notes


def test_mlflow_knows_the_names_that_it_is_called(helm: Helm, tmp_path: Path) -> None:
    chart = Played(folder=written("mlflow", tmp_path), helm=helm, scratch=tmp_path)
    values = {"ingress": {"hostname": "mlflow.example.org", "tls": False}}
    about = one(chart.manifests(values), "ConfigMap")["data"]
    hosts = about["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert {"mlflow.example.org", "r-1-mlflow:*", "localhost:*"} <= set(hosts)
    assert "*" not in hosts
    assert about["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] == "http://mlflow.example.org"


def assert_values_of_pods(container: Mapping[str, Any]) -> None:
    """Fail unless a container has what these values say of every pod."""
    assert container["imagePullPolicy"] == "Always"
    for kind, cpu, memory in (("requests", "51m", "3Gi"), ("limits", "52m", "4Gi")):
        assert container["resources"][kind]["cpu"] == cpu
        assert container["resources"][kind]["memory"] == memory


def test_mariadb_takes_the_values_of_the_official_chart(helm: Helm, tmp_path: Path) -> None:
    chart = Played(folder=written("mariadb", tmp_path), helm=helm, scratch=tmp_path)
    # Every value of that chart, each other than its default.
    values = {
        "discovery": {"enabled": False},
        "global": {"security": {"allowInsecureImages": True}},
        "mariadb": {
            "auth": {
                "username": "ann", "database": "shop", "password": "p4ss", "rootPassword": "r00t",
                "existingSecret": "theirs",
            },
            "image": {"repository": "team/mariadb", "tag": "11", "pullPolicy": "Always"},
            "primary": {
                "existingConfigmap": "theirs",
                "persistence": {"enabled": True, "size": "3Gi"},
                "resources": {
                    "requests": {"cpu": "51m", "memory": "3Gi"},
                    "limits": {"cpu": "52m", "memory": "4Gi"},
                },
                "service": {"ports": {"mysql": 3307}},
            },
            "volumePermissions": {"enabled": True, "image": {"repository": "team/shell"}},
        },
    }  # fmt: skip
    manifests = chart.manifests(values)
    about = one(manifests, "ConfigMap", "mariadb-server")["data"]
    assert about == {"MARIADB_USER": "ann", "MARIADB_DATABASE": "shop"}
    assert one(manifests, "Secret")["stringData"] == {"PASSWORD": "p4ss"}
    claim = one(manifests, "PersistentVolumeClaim")
    assert claim["spec"]["resources"]["requests"] == {"storage": "3Gi"}
    (container,) = one(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    assert container["command"][1:] == ["--port=3307"]
    assert_values_of_pods(container)
    notes = helm.dry_run(chart.folder, release="r-1", values=values).notes
    for path in (
        "mariadb.auth.existingSecret",
        "mariadb.auth.rootPassword", "mariadb.image.repository", "mariadb.image.tag",
        "mariadb.primary.existingConfigmap", "mariadb.volumePermissions.enabled",
        "mariadb.volumePermissions.image.repository",
    ):  # fmt: skip
        assert f"`{path}`" in notes, notes
    assert "p4ss" not in notes
    assert "r00t" not in notes


def test_kafka_takes_the_values_of_the_official_chart(helm: Helm, tmp_path: Path) -> None:
    chart = Played(folder=written("kafka", tmp_path), helm=helm, scratch=tmp_path)
    # Every value of that chart, and the usual ones of the chart below it, none as by default.
    values = {
        "discovery": {"enabled": False},
        "fullnameOverride": "events",
        "global": {"security": {"allowInsecureImages": True}},
        "kafka": {
            "fullnameOverride": "theirs",
            "image": {"repository": "team/kafka", "tag": "3", "pullPolicy": "Always"},
            "listeners": {
                name: {"protocol": "PLAINTEXT"} for name in ("client", "controller", "interbroker")
            },
            "persistence": {"enabled": True, "size": "3Gi"},
            "replicaCount": 3,
            "resources": {
                "requests": {"cpu": "51m", "memory": "3Gi"},
                "limits": {"cpu": "52m", "memory": "4Gi"},
            },
            "service": {"ports": {"client": 9095}},
            "zookeeper": {"fullnameOverride": "theirs"},
        },
    }
    manifests = chart.manifests(values)
    assert one(manifests, "ConfigMap", "kafka-server")["data"]["KAFKA_HOST"] == "events"
    assert not [it for it in manifests if it["metadata"]["name"].endswith("-discovery")]
    claim = one(manifests, "PersistentVolumeClaim")
    assert claim["spec"]["resources"]["requests"] == {"storage": "3Gi"}
    assert one(manifests, "Service")["spec"]["ports"][0]["port"] == 9095
    (container,) = one(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    assert container["command"][1:] == ["9095"]
    assert_values_of_pods(container)
    notes = helm.dry_run(chart.folder, release="r-1", values=values).notes
    for path in (
        "kafka.fullnameOverride", "kafka.image.repository", "kafka.image.tag",
        "kafka.listeners.client.protocol", "kafka.listeners.controller.protocol",
        "kafka.listeners.interbroker.protocol", "kafka.replicaCount",
        "kafka.zookeeper.fullnameOverride",
    ):  # fmt: skip
        assert f"`{path}`" in notes, notes
    values["kafka"]["persistence"]["enabled"] = False  # type: ignore[index]
    assert "PersistentVolumeClaim" not in {item["kind"] for item in chart.manifests(values)}
