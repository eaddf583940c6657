"""What a pod may write, and how much of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.charts.helm import Helm
from builder.common.mappings import merged

from .conftest import Manifests, Played, one, written

SESSIONS = ("jupyter-pyspark", "vscode-python", "rstudio", "marimo-python")
SERVICES = ("postgresql", "mlflow")
# Volumes that are not kept, and every container that a chart can have.
ALL: Mapping[str, Any] = {
    "persistence": {"enabled": False}, "ai": {"enabled": True},
    "certificates": {"cacerts": "-----BEGIN CERTIFICATE-----"},
}  # fmt: skip
READ_ONLY: Mapping[str, Any] = {"security": {"readOnlyRootFilesystem": True}}


@pytest.fixture(scope="module", params=(*SESSIONS, *SERVICES))
def service(
    request: pytest.FixtureRequest, helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Played:
    """A chart of each recipe."""
    scratch = tmp_path_factory.mktemp("limits")
    return Played(folder=written(str(request.param), scratch), helm=helm, scratch=scratch)


def pods(manifests: Manifests) -> Iterator[Mapping[str, Any]]:
    """The pod of the service, and that of its test."""
    yield one(manifests, "StatefulSet")["spec"]["template"]["spec"]
    yield one(manifests, "Pod")["spec"]


@pytest.mark.parametrize("values", [ALL, merged(ALL, READ_ONLY)])
def test_everything_has_a_limit(service: Played, values: Mapping[str, Any]) -> None:
    for pod in pods(service.manifests(values)):
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            for kind in ("requests", "limits"):
                assert set(container["resources"][kind]) >= {"cpu", "memory", "ephemeral-storage"}
        for volume in pod.get("volumes", ()):
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"]


def test_limits_are_values(service: Played) -> None:
    values = {
        "resources": {"limits": {"ephemeral-storage": "7Gi", "memory": "3Gi"}},
        "scratch": {"sizeLimit": "5Gi"}, "persistence": {"enabled": False, "size": "4Gi"},
    }  # fmt: skip
    spec = service.pod(merged(values, READ_ONLY))["spec"]
    assert spec["containers"][0]["resources"]["limits"]["ephemeral-storage"] == "7Gi"
    sizes = {it["name"]: it["emptyDir"]["sizeLimit"] for it in spec["volumes"] if "emptyDir" in it}
    assert sizes.pop("home") == "4Gi"
    assert sizes.pop("shared-memory", "3Gi") == "3Gi"
    assert set(sizes.values()) == {"5Gi"}


def test_only_a_session_writes_outside_of_its_volumes(service: Played) -> None:
    spec, test = pods(service.manifests(ALL))
    (main,) = spec["containers"]
    is_service = service.folder.name in SERVICES
    assert main["securityContext"]["readOnlyRootFilesystem"] is is_service
    for container in (*spec["initContainers"], *test["containers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_with_a_read_only_root_there_are_folders_to_write_to(service: Played) -> None:
    spec = service.pod(READ_ONLY)["spec"]
    (main,) = spec["containers"]
    assert main["securityContext"]["readOnlyRootFilesystem"] is True
    folders = {it["mountPath"] for it in main["volumeMounts"]}
    own = {"/run/postgresql"} if service.recipe == "postgresql" else {"/home/onyxia"}
    assert folders >= {"/tmp", "/run", *own}


def test_the_certificate_of_the_database_is_mounted(helm: Helm, tmp_path: Path) -> None:
    chart = Played(folder=written("postgresql", tmp_path), helm=helm, scratch=tmp_path)
    values = {"postgresql": {"tls": {"required": True, "secretName": "certificate"}}}
    assert one(chart.manifests(values), "ConfigMap")["data"]["TLS_REQUIRED"] == "true"
    assert one(chart.manifests(), "ConfigMap")["data"]["TLS_REQUIRED"] == "false"
    spec = chart.pod(values)["spec"]
    assert {"name": "certificate", "secret": {"secretName": "certificate"}} in spec["volumes"]
    mounts = {it["name"]: it["mountPath"] for it in spec["containers"][0]["volumeMounts"]}
    assert mounts["certificate"] == "/etc/postgresql/tls"
