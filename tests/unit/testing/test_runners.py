"""What charts are run with: who says so, and how each is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from builder.app.options import Options
from builder.common.errors import ConfigError
from builder.common.process import Runner
from builder.registry.credentials import CredentialFiles
from builder.testing.charts import ChartRun
from builder.testing.cluster_charts import ClusterRun
from builder.testing.runners import CHART_RUNNERS, ChartTools, NothingRuns, chosen_name
from tests.fakes.programs import FakePrograms


@pytest.mark.parametrize(
    ("kubeconfig", "asked", "of_catalog", "name"),
    [
        (None, "", "podman", "podman"),
        (None, "", "cluster", "cluster"),
        (None, "cluster", "podman", "cluster"),
        (None, "podman", "cluster", "podman"),
        (Path("config"), "podman", "podman", "cluster"),
    ],
)
def test_a_named_cluster_comes_first_then_the_variable_then_the_catalog(
    kubeconfig: Path | None, asked: str, of_catalog: str, name: str
) -> None:
    assert chosen_name(kubeconfig=kubeconfig, asked=asked, of_catalog=of_catalog) == name


def test_the_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDER_CHART_TESTS", "cluster")
    assert Options().chart_tests == "cluster"


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError) as raised:
        CHART_RUNNERS.get("clutser")
    assert str(raised.value) == (
        "no runner of charts is called 'clutser'\n"
        "  hint: did you mean cluster? known: podman, cluster, none"
    )


@pytest.mark.parametrize(
    ("name", "kind"), [("podman", ChartRun), ("cluster", ClusterRun), ("none", NothingRuns)]
)
def test_each_is_made_of_the_same_tools(tmp_path: Path, name: str, kind: type[Any]) -> None:
    runner = cast("Runner", FakePrograms())
    tools = ChartTools(
        runner=runner,
        kube=tmp_path / "kube",
        helm_state=tmp_path / "helm",
        toolroot=lambda: None,
        credentials=CredentialFiles(runner=runner),
        helm=lambda: Path("helm"),
        kubectl=lambda: Path("kubectl"),
    )
    made = CHART_RUNNERS.get(name).make(tools)
    assert isinstance(made, kind)
    assert made.waits_for == ""
