"""Tests a chart in a cluster: installs it as its users do, and goes through its life."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builder.common.errors import ConfigError, StepError, ToolError
from builder.common.process import Runner
from builder.testing.cluster import Cluster, Object, claims_of, key, wait_until
from builder.testing.cluster_faults import explained, hopeless
from builder.testing.interfaces import ChartInstall, ChartRequest, TestCounts
from builder.testing.pod_manifests import parse, pods_of_tests
from builder.testing.pod_runner import free_port
from builder.testing.pytest_runner import Suite, run_suite

READY = 900.0
"""The most seconds that a chart may take to be ready; a node may have to pull its image."""
_KEPT = ".kept-by-the-test-of-the-chart"
_INSTANCE = "app.kubernetes.io/instance"
_OLD_CLUSTER = "incompatible with Kubernetes"


class ClusterRun:
    """Installs a chart in a cluster and tests it. Implements `interfaces.ChartRunner`."""

    def __init__(self, cluster: Cluster, runner: Runner) -> None:
        self._cluster = cluster
        self._runner = runner

    @property
    def waits_for(self) -> str:
        """Return the software to install before the first chart runs: none."""
        return ""

    def prepare(self, log: Path) -> None:
        """Do nothing: a cluster is there, or each chart says that it is not."""

    def run(self, request: ChartRequest) -> TestCounts:
        """Go through the life of a chart, and remove it. Raises SmokeError, StepError, ToolError.

        It is installed in the version that was released last, and upgraded; or installed and
        upgraded to itself. Then come its tests, suspending, resuming, a rollback and its end.
        """
        if request.install is None:
            raise ConfigError(f"chart {request.chart}: nothing says how to install it")
        cluster = self._cluster.logging(request.log, secrets=(request.password,))
        cluster.minor()
        name = namespace_of(request.chart)
        with cluster.namespace(name, chart=request.chart, level=request.install.level):
            life = Life(
                cluster=cluster,
                request=request,
                install=request.install,
                namespace=name,
                release=f"{request.chart}-0",
            )
            life.begin()
            tested = self._test(life)
            counts = life.go_on()
        return replace(tested, passed=tested.passed + counts)

    def _test(self, life: Life) -> TestCounts:
        """Run `helm test` and the recipe's own tests through the Service."""
        request = life.request
        passed = life.helm_test()
        pod = life.pod()
        with self._forwarded(life, pod) as port:
            container = container_of(pod, request.port)["name"]
            place = f"namespace={life.namespace}&container={container}"
            programs = self._cluster.programs
            path = os.pathsep.join((str(programs.kubectl.parent), os.environ.get("PATH", "")))
            suite = Suite(
                subject=f"chart {request.chart}",
                folders=(request.suite,),
                facts={"url": f"http://127.0.0.1:{port}"},
                env={
                    **programs.env,
                    "PATH": path,
                    "BUILDER_HOST": f"kubectl://{pod['metadata']['name']}?{place}",
                },
                password=request.password,
                junit=request.junit,
                log=request.log,
                timeout=request.timeout,
            )
            counts = run_suite(self._runner, suite)
        return replace(counts, passed=counts.passed + passed)

    @contextlib.contextmanager
    def _forwarded(self, life: Life, pod: Object) -> Iterator[int]:
        """Forward a port of this machine to the Service of a chart, or else to its pod."""
        port = free_port()
        services = life.cluster.get("services", "--namespace", life.namespace)
        target, number = target_of(services, pod, life.request.port)
        words = ("port-forward", "--namespace", life.namespace, target, f"{port}:{number}")
        process = self._runner.spawn(life.cluster.command(*words), log=life.request.log)
        try:
            wait_until(
                lambda: process.poll() is not None or _is_open(port),
                timeout=60,
                late=lambda: StepError(f"{target} does not answer on {number}"),
            )
            if process.poll() is not None:
                hint = f"the whole log: {life.request.log}"
                raise StepError(f"{target} could not be reached on {number}", hint=hint)
            yield port
        finally:
            self._runner.end(process)


@dataclass(frozen=True, kw_only=True)
class Life:
    """One release of a chart in a namespace of its own."""

    cluster: Cluster
    request: ChartRequest
    install: ChartInstall
    namespace: str
    release: str

    def begin(self) -> None:
        """Install the chart, and upgrade it. What its volumes hold stays."""
        install = self.install
        first = install.released or install.folder
        self._helm("install", str(first), values=install.values)
        self._put()
        before = self._secrets()
        self._upgrade("upgrade", "--reset-then-reuse-values")
        self._check_kept("an upgrade")
        if changed := sorted(name for name in before if self._secrets().get(name) != before[name]):
            raise self._fault(f"an upgrade changed the content of {', '.join(changed)}")

    def helm_test(self) -> int:
        """Run the chart's own tests, and return how many there are."""
        count = len(pods_of_tests(parse(self.request.manifests)))
        if count:
            self._helm("test", "--logs", waits=False)
        return count

    def go_on(self) -> int:
        """Suspend, resume, roll back and uninstall; return the number of steps of the life."""
        self._upgrade("suspend", "--reuse-values", "--set", "global.suspend=true")
        wait_until(
            lambda: not self._pods(),
            timeout=120,
            late=lambda: self._fault("a suspended service still has pods"),
        )
        self._upgrade("resume", "--reuse-values", "--set", "global.suspend=false")
        self._check_kept("suspending and resuming")
        self._helm("rollback", "1")
        self._check_kept("a rollback")
        self._helm("uninstall")
        wait_until(
            lambda: not self._left(),
            timeout=120,
            late=lambda: self._fault(f"uninstalling leaves {', '.join(self._left())}"),
        )
        return 6  # install, upgrade, suspend, resume, rollback, uninstall

    def pod(self) -> Object:
        """Return the pod of the service. Raises StepError where there is none."""
        if pods := self._pods():
            return pods[0]
        raise self._fault("there is no pod")

    def _upgrade(self, action: str, *words: str) -> None:
        self._helm("upgrade", str(self.install.folder), *words, action=action)

    def _helm(
        self,
        action_of_helm: str,
        *words: str,
        action: str = "",
        values: Object | None = None,
        waits: bool = True,
    ) -> None:
        """Run helm on the release. Raises StepError with what the namespace shows of a fault."""
        timeout = min(self.request.timeout, READY)
        try:
            self.cluster.helm(
                action_of_helm,
                self.release,
                *words,
                "--namespace",
                self.namespace,
                *(("--wait",) if waits else ()),
                f"--timeout={timeout:.0f}s",
                values=values,
                timeout=timeout,
                hopeless=self._hopeless,
            )
        except StepError as error:
            if _OLD_CLUSTER in error.message:
                raise ToolError(
                    f"chart {self.request.chart}: {error.message.splitlines()[-1].strip()}",
                    hint="try the chart in a newer cluster, or lower its kubeVersion",
                ) from error
            raise self._fault(f"{action or action_of_helm} failed: {error.message}") from error

    def _hopeless(self) -> str:
        """Return what no waiting mends, "" where nothing is known of."""
        return hopeless(self.cluster.get("pods", "--namespace", self.namespace))

    def _fault(self, reason: str) -> StepError:
        """Return an error with what the namespace shows, before it is removed."""
        shown = explained(self.cluster, self.namespace)
        folder = shlex.quote(str(self.install.folder))
        again = f"helm install {self.release} {folder} --namespace try --create-namespace"
        given = self.cluster.programs.kubeconfig
        by_hand = f"{again} --kubeconfig {given}" if given else again
        return StepError(
            f"chart {self.request.chart}: {reason}" + (f"\n{shown}" if shown else ""),
            hint=f"the whole log: {self.request.log}; to look further: {by_hand}",
        )

    def _pods(self) -> list[Object]:
        """Return the pods of the service that are not on their way out, nor of a test."""
        words = ("--namespace", self.namespace, "--selector", f"{_INSTANCE}={self.release}")
        return [
            pod
            for pod in self.cluster.get("pods", *words)
            if "deletionTimestamp" not in pod["metadata"]
            and "helm.sh/hook" not in pod["metadata"].get("annotations", {})
        ]

    def _secrets(self) -> dict[str, object]:
        """Return the content of the chart's Secrets by name, without those of helm itself."""
        found = self.cluster.get("secrets", "--namespace", self.namespace)
        return {
            f"secret/{item['metadata']['name']}": item.get("data")
            for item in found
            if not str(item.get("type", "")).startswith("helm.sh/")
        }

    def _mounts(self, pod: Object) -> tuple[str, ...]:
        """Return where the container that answers has the claims of its pod."""
        claims = claims_of(pod)
        container = container_of(pod, self.request.port)
        mounts: Sequence[Object] = container.get("volumeMounts", ())
        return tuple(item["mountPath"] for item in mounts if item["name"] in claims)

    def _exec(self, pod: Object, script: str) -> str:
        container = container_of(pod, self.request.port)["name"]
        words = ("exec", pod["metadata"]["name"], "--namespace", self.namespace)
        return self.cluster.kubectl(*words, "--container", container, "--", "sh", "-euc", script)

    def _put(self) -> None:
        """Write a file to each volume that is to be kept."""
        pod = self.pod()
        for mount in self._mounts(pod):
            self._exec(pod, f"echo {self.release} > {shlex.quote(f'{mount}/{_KEPT}')}")

    def _check_kept(self, what: str) -> None:
        """Raise StepError if a volume lost its file."""
        pod = self.pod()
        for mount in self._mounts(pod):
            found = self._exec(pod, f"cat {shlex.quote(f'{mount}/{_KEPT}')} || :")
            if found.strip() != self.release:
                raise self._fault(f"{what} lost what was on the volume {mount}")

    def _left(self) -> list[str]:
        """Return what is left after the end, but for claims, which Kubernetes keeps on purpose."""
        found = self.cluster.objects(self.namespace)
        names = (key(item) for item in found)
        return sorted(f"{kind.lower()}/{name}" for kind, name in names if kind not in _KEPT_KINDS)


_KEPT_KINDS = {"PersistentVolumeClaim"}


def namespace_of(chart: str) -> str:
    """Return the name of the namespace in which a chart is tried."""
    return f"test-{chart}"


def container_of(pod: Object, port: int) -> Object:
    """Return the container that answers on a port, or else the first."""
    containers: Sequence[Object] = pod["spec"]["containers"]
    for container in containers:
        if any(item["containerPort"] == port for item in container.get("ports", ())):
            return container
    return containers[0]


def target_of(services: Sequence[Object], pod: Object, port: int) -> tuple[str, int]:
    """Return the Service that leads to a port of a pod, and its own port; else the pod."""
    container = container_of(pod, port)
    names = {
        item.get("name") for item in container.get("ports", ()) if item["containerPort"] == port
    }
    labels = pod["metadata"].get("labels", {})
    for service in services:
        selector = service["spec"].get("selector") or {}
        if not selector or not selector.items() <= labels.items():
            continue
        for item in service["spec"].get("ports", ()):
            if item.get("targetPort", item["port"]) in {port, *names}:
                return f"service/{service['metadata']['name']}", int(item["port"])
    return f"pod/{pod['metadata']['name']}", port


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
