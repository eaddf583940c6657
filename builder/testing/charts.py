"""Tests a chart: runs its pod without a cluster, `helm test`, and the tests of its recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from builder.common.process import Runner
from builder.testing.interfaces import ChartRequest, TestCounts
from builder.testing.pod_runner import BRIDGE, HOST, KubePlayer
from builder.testing.pytest_runner import Suite, run_suite


class ChartRun:
    """Runs a chart's pod and tests it. Implements `interfaces.ChartRunner`."""

    def __init__(self, player: KubePlayer, runner: Runner) -> None:
        self._player = player
        self._runner = runner

    @property
    def waits_for(self) -> str:
        """Return the software to install before the first chart runs, "" for none."""
        return self._player.waits_for

    def prepare(self, log: Path) -> None:
        """Install what charts run with. Raises StepError, ToolError, TransientError."""
        self._player.prepare(log=log)

    def run(self, request: ChartRequest) -> TestCounts:
        """Run a chart, test it, and remove it. Raises SmokeError, StepError, ToolError."""
        with self._player.play(
            request.manifests,
            port=request.port,
            network=HOST if request.is_on_host else BRIDGE,
            log=request.log,
            timeout=request.timeout,
            secrets=(request.password,),
        ) as pod:
            suite = Suite(
                subject=f"chart {request.chart}",
                folders=(request.suite,),
                facts={"url": pod.url},
                env={**self._player.client(pod), "BUILDER_HOST": f"podman://{pod.container}"},
                password=request.password,
                junit=request.junit,
                log=request.log,
                timeout=request.timeout,
            )
            tested = self._player.test(pod, request.manifests, log=request.log)
            counts = run_suite(self._runner, suite)
            return replace(counts, passed=counts.passed + tested)
