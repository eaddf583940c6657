"""The programs of this machine that charts need, and those that are fetched where it lacks them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from builder.charts.helm import Helm
from builder.charts.tools import Tool, Tools
from builder.common.process import Runner
from builder.common.state_dir import StateDir
from builder.engines.podman.host_probe import podman_version
from builder.registry.credentials import CredentialFiles
from builder.testing.pod_runner import OLDEST
from builder.testing.runners import ChartTools
from builder.testing.toolroot import ToolRoot, need


class HostTools:
    """Tools that need no catalog. What is fetched goes to `state`."""

    def __init__(self, *, runner: Runner, state: StateDir) -> None:
        self.runner = runner
        self._state = state

    @cached_property
    def tools(self) -> Tools:
        """Return the programs that are fetched where the machine lacks them."""
        return Tools(runner=self.runner, folder=self._state.tools)

    @cached_property
    def helm(self) -> Helm:
        """Return helm, with ct where there is one. Raises ToolError."""
        ct = self.tools.ct()
        return Helm(
            runner=self.runner,
            program=self.tools.helm().path,
            state=self._state.helm,
            ct=ct.path if isinstance(ct, Tool) else None,
        )

    @cached_property
    def tool_root(self) -> ToolRoot:
        """Return the folder with newer programs than the machine's own."""
        binds = tuple(file for file in [self._state.trusted] if file.is_file())
        return ToolRoot(path=self._state.toolroot, runner=self.runner, binds=binds)

    @cached_property
    def needs_tool_root(self) -> str:
        """Return why the machine's own podman cannot run a chart's pod; "" where it can."""
        podman = need(program="podman", version=podman_version(self.runner), least=OLDEST)
        return podman.reason if podman.needed else ""

    def chart_tools(self, credentials: CredentialFiles, kubeconfig: Path | None) -> ChartTools:
        """Return what charts are run with; `kubeconfig` names a cluster, where there is one."""
        return ChartTools(
            runner=self.runner,
            kube=self._state.kube,
            helm_state=self._state.helm,
            toolroot=lambda: self.tool_root if self.needs_tool_root else None,
            credentials=credentials,
            helm=lambda: self.tools.helm().path,
            kubectl=self.tools.kubectl,
            kubeconfig=kubeconfig,
        )
