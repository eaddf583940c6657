"""The step of a chart in a cluster: its whole life, and faults that only a cluster has."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.common.errors import BuilderError
from builder.common.process import Runner
from builder.testing.cluster import OURS, Cluster, Programs
from builder.testing.cluster_charts import ClusterRun
from builder.testing.interfaces import ChartInstall, ChartRequest
from tests.cluster import client
from tests.cluster.test_cluster import SAFE
from tests.integration.starter import Catalog

NAMESPACE = "test-tiny"
SUITE = "def test_it(host):\n    assert host.check_output('echo 42') == '42'\n"


def chart(folder: Path, image: str, script: str, **chart: str) -> Path:
    """Write a chart of one pod."""
    labels = {"app.kubernetes.io/instance": "{{ .Release.Name }}"}
    container = {
        "name": "main",
        "image": image,
        "command": ["sh", "-euc", script],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1},
        "resources": {"requests": {"memory": "10Mi"}, "limits": {"memory": "50Mi"}},
        "securityContext": SAFE,
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    workload = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "{{ .Release.Name }}"},
        "spec": {
            "replicas": "REPLICAS",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    about = {"apiVersion": "v2", "name": "tiny", "version": "1.0.0", **chart}
    replicas = "{{ if .Values.global.suspend }}0{{ else }}1{{ end }}"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(json.dumps(about))
    (folder / "values.yaml").write_text('{"global": {"suspend": false}}')
    text = json.dumps(workload).replace('"REPLICAS"', replicas)
    (folder / "templates" / "pod.yaml").write_text(text)
    return folder


@pytest.fixture
def run(cluster: client.Cluster, tmp_path: Path) -> Iterator[Callable[[Path], str]]:
    """`run(chart)`: what the step of a chart says, after which no namespace may be left."""
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "test_tiny.py").write_text(SUITE)
    runner = Runner()
    programs = Programs(
        kubectl=cluster.place.programs / "kubectl",
        helm=cluster.helm_program,
        kubeconfig=cluster.place.kubeconfig,
        state=tmp_path / "helm",
    )

    def ran(folder: Path) -> str:
        request = ChartRequest(
            chart="tiny",
            manifests="",
            password="",
            suite=suite,
            port=8080,
            junit=tmp_path / "junit.xml",
            log=tmp_path / "log",
            timeout=90,
            install=ChartInstall(folder=folder, values={}),
        )
        try:
            counts = ClusterRun(Cluster(runner=runner, programs=programs), runner).run(request)
        except BuilderError as error:
            return f"{error.exit_code}: {error}"
        return f"{counts.passed} passed"

    yield ran
    runner.stop()
    assert NAMESPACE not in cluster.kubectl("get", "namespaces", "--output=name")


READY = "touch /tmp/ready; exec perl -MIO::Socket::INET -e '{}'".format(
    "$s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5) or die;"
    " while ($c = $s->accept) { close $c }"
)


def test_a_chart_goes_through_its_life(run: Any, image: str, tmp_path: Path) -> None:
    assert run(chart(tmp_path / "tiny", image, READY)) == "7 passed"


def test_an_image_that_is_not_there_is_said_at_once(run: Any, image: str, tmp_path: Path) -> None:
    began = time.monotonic()
    said = run(chart(tmp_path / "tiny", f"{image}-not-there", READY))
    assert time.monotonic() - began < 80
    assert said.startswith("5: chart tiny: install failed: helm install was ended: pod/tiny-0-")
    assert "ImagePullBackOff" in said
    assert "Failed to pull image" in said
    assert "to look further: helm install tiny-0 " in said


def test_a_pod_that_never_gets_ready_shows_its_log(run: Any, image: str, tmp_path: Path) -> None:
    said = run(chart(tmp_path / "tiny", image, "echo waiting for Godot; exec sleep 1000"))
    assert said.startswith("5: chart tiny: install failed: ")
    assert "container main: runs and is not ready" in said
    assert "Unhealthy: Readiness probe failed" in said
    assert "    waiting for Godot" in said


def test_a_pod_that_the_profile_refuses_is_said(run: Any, image: str, tmp_path: Path) -> None:
    folder = chart(tmp_path / "tiny", image, READY)
    file = folder / "templates" / "pod.yaml"
    file.write_text(file.read_text().replace('"runAsNonRoot": true', '"runAsNonRoot": false'))
    said = run(folder)
    assert said.startswith("5: chart tiny: install failed: ")
    assert 'violates PodSecurity "restricted:latest": runAsNonRoot != true' in said


def test_a_webhook_that_denies_is_said(
    cluster: client.Cluster, run: Any, image: str, tmp_path: Path
) -> None:
    rule = {
        "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["deployments"],
    }  # fmt: skip
    hook = {
        "name": "no.example.org",
        "rules": [rule],
        "clientConfig": {"url": "https://127.0.0.1:9/"},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "namespaceSelector": {"matchLabels": {OURS: "tiny"}},
    }
    kind = "ValidatingWebhookConfiguration"
    denying = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "webhooks": [hook]}
    denying["metadata"] = {"name": "no"}
    cluster.kubectl("create", "--filename=-", stdin=json.dumps(denying))
    try:
        said = run(chart(tmp_path / "tiny", image, READY))
    finally:
        cluster.kubectl("delete", kind, "no")
    assert said.startswith("5: chart tiny: install failed: ")
    assert 'failed calling webhook "no.example.org"' in said


def test_a_quota_that_is_too_small_is_said(
    cluster: client.Cluster, run: Any, image: str, tmp_path: Path
) -> None:
    """An administrator gives each namespace a quota as soon as it is there."""

    def give() -> None:
        words = ("create", "quota", "small", "--hard=requests.memory=5Mi", "--namespace", NAMESPACE)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                cluster.kubectl(*words)
            except AssertionError:
                time.sleep(0.05)
            else:
                return

    administrator = threading.Thread(target=give)
    administrator.start()
    said = run(chart(tmp_path / "tiny", image, f"sleep 1; {READY}"))
    administrator.join()
    assert said.startswith("5: chart tiny: ")
    assert "exceeded quota: small" in said


def test_a_newer_kubernetes_than_there_is_ends_with_4(
    cluster: client.Cluster, run: Any, image: str, tmp_path: Path
) -> None:
    said = run(chart(tmp_path / "tiny", image, READY, kubeVersion=">=1.99.0-0"))
    assert said.startswith("4: chart tiny: ")
    assert "kubeVersion: >=1.99.0-0 which is incompatible with Kubernetes v" in said


def test_a_namespace_that_is_there_stays(
    cluster: client.Cluster, run: Any, image: str, tmp_path: Path
) -> None:
    cluster.kubectl("create", "namespace", NAMESPACE)
    try:
        said = run(chart(tmp_path / "tiny", image, READY))
        assert cluster.get("namespace", NAMESPACE)["status"]["phase"] == "Active"
    finally:
        cluster.kubectl("delete", "namespace", NAMESPACE)
    assert said.startswith(f"5: the namespace {NAMESPACE} could not be made\n")
    assert f"kubectl delete namespace {NAMESPACE}" in said


def test_a_changed_chart_of_the_catalog_is_upgraded_from_its_release(
    cluster: client.Cluster, catalog: Catalog, images: None
) -> None:
    """PostgreSQL keeps its data and its password on the way from the published version."""
    file = catalog.root / "charts" / "postgresql" / "chart.yaml"
    before = file.read_text()
    file.write_text(before.replace("find by themselves", "find without help"))
    try:
        options = ("--kubeconfig", str(cluster.place.kubeconfig))
        done = catalog.run("charts", *options, **cluster.environment)
        log = (catalog.state / "logs" / "chart-postgresql.log").read_text()
    finally:
        file.write_text(before)
    assert done.returncode == 0, done.stderr + done.stdout + log
    assert "postgresql-1.0.0 " in log.partition("helm upgrade")[0]
    assert "Phase:          Succeeded" in log
    assert "test-postgresql" not in cluster.kubectl("get", "namespaces", "--output=name")
