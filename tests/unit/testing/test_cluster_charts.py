"""A chart in a cluster: what is done with it, and what a fault says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.common.errors import BuilderError, StepError, ToolError
from builder.testing.cluster import Cluster, Programs
from builder.testing.cluster_charts import ClusterRun, target_of
from builder.testing.interfaces import BASELINE, ChartInstall, ChartRequest
from tests.fakes.kubernetes import FakeKubernetes, pod, service

PASSWORD = "correct horse"
WAITING = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image: x:1"}}


@pytest.fixture
def kubernetes() -> FakeKubernetes:
    """A cluster."""
    return FakeKubernetes()


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[..., ChartRequest]:
    """`request_of(released=…, level=…)`: a chart to run."""
    (tmp_path / "tests").mkdir()

    def made(**install: object) -> ChartRequest:
        values = {"security": {"password": PASSWORD}}
        return ChartRequest(
            chart="app",
            manifests="",
            password=PASSWORD,
            suite=tmp_path / "tests",
            port=8080,
            junit=tmp_path / "junit.xml",
            log=tmp_path / "app.log",
            install=ChartInstall(folder=Path("/charts/app"), values=values, **install),  # type: ignore[arg-type]
        )

    return made


def runner(kubernetes: FakeKubernetes, kubeconfig: Path | None = None) -> ClusterRun:
    """The runner of charts in that cluster."""
    programs = Programs(
        kubectl=Path("kubectl"), helm=Path("helm"), kubeconfig=kubeconfig, state=Path("/state")
    )
    cluster = Cluster(runner=kubernetes.as_runner(), programs=programs)
    return ClusterRun(cluster, kubernetes.as_runner())


def helm_calls(kubernetes: FakeKubernetes) -> list[str]:
    """What helm was asked to do."""
    return [
        line.partition(" --namespace")[0].removeprefix("helm ")
        for line in kubernetes.calls
        if line.startswith("helm ")
    ]


def failure(kubernetes: FakeKubernetes, request: ChartRequest) -> BuilderError:
    """The error of a run, after which nothing may be left."""
    with pytest.raises(BuilderError) as raised:
        runner(kubernetes).run(request)
    assert kubernetes.namespaces == {}
    return raised.value


def test_a_new_chart_is_installed_upgraded_to_itself_and_goes_through_its_life(
    kubernetes: FakeKubernetes, request_of: Callable[..., ChartRequest]
) -> None:
    counts = runner(kubernetes).run(request_of())
    assert helm_calls(kubernetes) == [
        "install --values=- app-0 /charts/app",
        "upgrade app-0 /charts/app --reset-then-reuse-values",
        "upgrade app-0 /charts/app --reuse-values --set global.suspend=true",
        "upgrade app-0 /charts/app --reuse-values --set global.suspend=false",
        "rollback app-0 1",
        "uninstall app-0",
    ]
    assert (counts.passed, counts.failed) == (7, 0)
    assert "port-forward --namespace test-app service/app-0" in "\n".join(kubernetes.calls)
    assert kubernetes.namespaces == {}


def test_a_released_version_is_installed_first(
    kubernetes: FakeKubernetes, request_of: Callable[..., ChartRequest]
) -> None:
    runner(kubernetes).run(request_of(released=Path("/charts/app-1.0.0")))
    first, second, *_ = helm_calls(kubernetes)
    assert first == "install --values=- app-0 /charts/app-1.0.0"
    assert second == "upgrade app-0 /charts/app --reset-then-reuse-values"


def test_the_namespace_enforces_the_level_of_the_chart(
    kubernetes: FakeKubernetes, request_of: Callable[..., ChartRequest]
) -> None:
    kubernetes.fails["helm install"] = "no"
    failure(kubernetes, request_of(level=BASELINE))
    at = next(i for i, line in enumerate(kubernetes.calls) if line.startswith("kubectl create"))
    labels = json.loads(kubernetes.inputs[at])["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "baseline"
    assert labels["catalog-builder.chart"] == "app"


def test_the_password_is_on_no_command_line(
    kubernetes: FakeKubernetes, request_of: Callable[..., ChartRequest]
) -> None:
    runner(kubernetes).run(request_of())
    assert PASSWORD not in "\n".join(kubernetes.calls)
    assert any(PASSWORD.encode() in text for text in kubernetes.inputs)


def test_a_cluster_out_of_reach_ends_with_4_and_the_command_to_look(
    kubernetes: FakeKubernetes, request_of: Callable[..., ChartRequest]
) -> None:
    kubernetes.fails["kubectl version"] = "dial tcp 10.0.0.1:6443: connect: no route to host"
    with pytest.raises(ToolError) as raised:
        runner(kubernetes, Path("/home/me/config")).run(request_of())
    assert str(raised.value) == (
        "the cluster for charts cannot be reached\n"
        "    dial tcp 10.0.0.1:6443: connect: no route to host\n"
        "  hint: kubectl --kubeconfig /home/me/config version"
    )


def test_a_namespace_that_is_there_is_left_alone(
    kubernetes: FakeKubernetes, request_of: Callable[..., ChartRequest]
) -> None:
    kubernetes.namespaces["test-app"] = {"of": "somebody"}
    said = 'Error from server (AlreadyExists): namespaces "test-app" already exists'
    kubernetes.fails["kubectl create"] = said
    with pytest.raises(StepError) as raised:
        runner(kubernetes).run(request_of())
    assert raised.value.message.startswith("the namespace test-app could not be made\n")
    assert said in raised.value.message
    assert raised.value.hint == (
        "kubectl describe namespace test-app; "
        "if no other run uses it: kubectl delete namespace test-app"
    )
    assert kubernetes.namespaces == {"test-app": {"of": "somebody"}}


def test_an_older_cluster_than_the_chart_takes_ends_with_4(
    kubernetes: FakeKubernetes, request_of: Callable[..., ChartRequest]
) -> None:
    said = "chart requires kubeVersion: >=1.36.0-0 which is incompatible with Kubernetes v1.34.4"
    kubernetes.fails["helm install"] = f"Error: INSTALLATION FAILED: {said}"
    error = failure(kubernetes, request_of())
    assert error.exit_code == 4
    assert error.message == f"chart app: Error: INSTALLATION FAILED: {said}"
    assert error.hint == "try the chart in a newer cluster, or lower its kubeVersion"


@pytest.mark.parametrize(
    "said",
    [
        'Error: admission webhook "policy.example.org" denied the request: no',
        'Error: pods "app-0" is forbidden: exceeded quota: small, requested: limits.memory=2Gi',
    ],
)
def test_what_the_cluster_refuses_is_said_with_its_words(
    kubernetes: FakeKubernetes, request_of: Callable[..., ChartRequest], said: str
) -> None:
    kubernetes.fails["helm install"] = said
    kubernetes.events = [
        {
            "type": "Warning",
            "reason": "FailedCreate",
            "message": "create Pod app-0 in StatefulSet app-0 failed",
            "involvedObject": {"kind": "StatefulSet", "name": "app-0"},
        },
        {"type": "Normal", "reason": "Scheduled", "message": "fine", "involvedObject": {}},
    ]
    request = request_of()
    error = failure(kubernetes, request)
    assert error.message == (
        "chart app: install failed: helm install failed with exit code 1\n"
        f"    {said}\n"
        "  statefulset/app-0: FailedCreate: create Pod app-0 in StatefulSet app-0 failed"
    )
    assert error.hint == (
        f"the whole log: {request.log}; to look further: "
        "helm install app-0 /charts/app --namespace try --create-namespace"
    )


def test_an_image_that_cannot_be_pulled_is_not_waited_for(
    kubernetes: FakeKubernetes, request_of: Callable[..., ChartRequest]
) -> None:
    kubernetes.pods = [pod(containerStatuses=[{"name": "app", "state": WAITING, "ready": False}])]
    kubernetes.fails["helm upgrade"] = "timed out"
    error = failure(kubernetes, request_of())
    assert error.message == (
        "chart app: upgrade failed: helm upgrade was ended: "
        "pod/app-0, container app: ImagePullBackOff\n"
        "  pod/app-0, container app: ImagePullBackOff: no such image: x:1"
    )


def test_a_pod_that_never_gets_ready_is_shown_with_the_end_of_its_log(
    kubernetes: FakeKubernetes, request_of: Callable[..., ChartRequest]
) -> None:
    running = {"name": "app", "state": {"running": {}}, "ready": False, "restartCount": 0}
    kubernetes.pods = [pod(containerStatuses=[running])]
    kubernetes.log = "listening on nothing\n"
    kubernetes.fails["helm upgrade"] = "Error: context deadline exceeded"
    error = failure(kubernetes, request_of())
    assert error.message.endswith(
        "  pod/app-0, container app: runs and is not ready\n"
        "  the log of pod/app-0, container app:\n"
        "    listening on nothing"
    )


@pytest.mark.parametrize(
    ("action", "what"),
    [("upgrade", "an upgrade"), ("rollback", "a rollback")],
)
def test_a_volume_keeps_what_it_holds(
    kubernetes: FakeKubernetes, request_of: Callable[..., ChartRequest], action: str, what: str
) -> None:
    kubernetes.forgets = action
    error = failure(kubernetes, request_of())
    assert error.message == f"chart app: {what} lost what was on the volume /data"


def test_nothing_but_claims_may_be_left_after_the_end(
    kubernetes: FakeKubernetes, request_of: Callable[..., ChartRequest]
) -> None:
    kubernetes.left = [
        {"kind": "PersistentVolumeClaim", "metadata": {"name": "data-app-0"}},
        {"kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"}},
        {"kind": "ServiceAccount", "metadata": {"name": "default"}},
    ]
    assert runner(kubernetes).run(request_of()).failed == 0


def test_a_port_of_a_pod_without_a_service_is_reached_at_the_pod() -> None:
    assert target_of([service()], pod(), 8080) == ("service/app-0", 80)
    assert target_of([], pod(), 8080) == ("pod/app-0", 8080)
