"""What charts are run with: podman on this machine, a Kubernetes cluster, or nothing.

Add one to `CHART_RUNNERS`; what an installed package adds is loaded where a catalog or a variable
names it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from builder.common.plugins import Plugins
from builder.common.process import Runner
from builder.engines.podman.host_probe import probe
from builder.registry.credentials import CredentialFiles
from builder.testing.charts import ChartRun
from builder.testing.cluster import Cluster, Programs
from builder.testing.cluster_charts import ClusterRun
from builder.testing.interfaces import ChartRequest, ChartRunner, TestCounts
from builder.testing.pod_runner import KubePlayer
from builder.testing.toolroot import ToolRoot

PODMAN, CLUSTER, NONE = "podman", "cluster", "none"


@dataclass(frozen=True, kw_only=True)
class ChartTools:
    """What a runner of charts is made with. Programs are found or fetched when they are asked for.

    `kube` is the folder of podman's pods, `helm_state` that of helm's own files. `toolroot` is the
    one to use, if any. `kubeconfig` names the cluster, None for that of KUBECONFIG.
    """

    runner: Runner
    kube: Path
    helm_state: Path
    toolroot: Callable[[], ToolRoot | None]
    credentials: CredentialFiles
    helm: Callable[[], Path]
    kubectl: Callable[[], Path]
    kubeconfig: Path | None = None


class ChartRunnerFactory(Protocol):
    """Makes a runner of charts."""

    def make(self, tools: ChartTools) -> ChartRunner:
        """Return the runner. Raises ToolError where this machine lacks what it needs."""


class _Podman:
    """Plays the pod of a chart on this machine."""

    def make(self, tools: ChartTools) -> ChartRunner:
        """Return the runner."""
        player = KubePlayer(
            runner=tools.runner,
            state=tools.kube,
            toolroot=tools.toolroot(),
            limits=probe(runner=tools.runner).limits,
            credentials=tools.credentials,
        )
        return ChartRun(player, tools.runner)


class _Cluster:
    """Installs a chart in a Kubernetes cluster by helm."""

    def make(self, tools: ChartTools) -> ChartRunner:
        """Return the runner. Raises ToolError."""
        programs = Programs(
            kubectl=tools.kubectl(),
            helm=tools.helm(),
            kubeconfig=tools.kubeconfig,
            state=tools.helm_state,
        )
        return ClusterRun(Cluster(runner=tools.runner, programs=programs), tools.runner)


class NothingRuns:
    """Runs no chart: it was rendered, linted and validated. Implements `interfaces.ChartRunner`."""

    waits_for = ""

    def prepare(self, log: Path) -> None:
        """Install nothing."""

    def run(self, request: ChartRequest) -> TestCounts:
        """Return that no test was run."""
        return TestCounts()


class _Nothing:
    """Makes what runs no chart, for a machine that can neither play pods nor reach a cluster."""

    def make(self, tools: ChartTools) -> ChartRunner:
        """Return the runner."""
        return NothingRuns()


PODMAN_RUNNER, CLUSTER_RUNNER, NO_RUNNER = _Podman(), _Cluster(), _Nothing()

CHART_RUNNERS: Plugins[ChartRunnerFactory] = Plugins(
    noun="runner of charts",
    group="catalog_builder.chart_runners",
    kind=ChartRunnerFactory,
    built_in={
        PODMAN: "builder.testing.runners:PODMAN_RUNNER",
        CLUSTER: "builder.testing.runners:CLUSTER_RUNNER",
        NONE: "builder.testing.runners:NO_RUNNER",
    },
)


def chosen_name(*, kubeconfig: Path | None, asked: str, of_catalog: str) -> str:
    """Return the name of the runner: a named cluster comes first, then what was asked for."""
    return CLUSTER if kubeconfig is not None else asked or of_catalog
