"""What a platform fixes in its matrix, through the real helm: no launch has anything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from builder.charts.helm import Helm
from builder.charts.next_version import files_of
from builder.charts.onyxia.chart_files import read
from builder.charts.onyxia.context import SAMPLE
from builder.charts.onyxia.launch import launch
from builder.charts.onyxia_check import check_chart
from builder.common.files import write_tree

from .conftest import Played, catalog

NAME = "jupyter-python"
FIXED = {
    "kubernetes.role": "view",
    "service.image.custom.enabled": False,
    "securityContext": {},
    "podSecurityContext": {"fsGroup": 100},
    "ai.enabled": False,
    "ingress.annotations": {},
    "openshiftSCC.scc": "own-constraint",
}


@pytest.fixture(scope="module")
def pinned(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A chart of this catalog with fixed values."""
    known = catalog()
    chart = replace(known.matrix.charts[NAME], fixed=FIXED)
    matrix = replace(known.matrix, charts={**known.matrix.charts, NAME: chart})
    files = files_of(replace(known, matrix=matrix), NAME, ["r.example/jupyter:1"], "1.0.0")
    scratch = tmp_path_factory.mktemp("pinned")
    write_tree(scratch / NAME, files)
    return Played(folder=scratch / NAME, helm=helm, scratch=scratch)


@pytest.mark.parametrize(
    "values",
    [
        {"kubernetes": {"role": "admin"}},
        {"kubernetes": {"role": None}},
        {"kubernetes": None},
        {"service": {"image": {"custom": {"enabled": True}}}},
        {"service": {"image": {"custom": None}}},
        {"securityContext": {"privileged": True}},
        {"podSecurityContext": {"runAsUser": 0}},
        {"podSecurityContext": {"fsGroup": 0}},
        {"ai": {"enabled": True}},
        {"ingress": {"annotations": {"nginx.ingress.kubernetes.io/server-snippet": "x"}}},
        {"openshiftSCC": {"enabled": True, "scc": "anyuid"}},
    ],
)
def test_nothing_else_is_taken(pinned: Played, values: Mapping[str, Any]) -> None:
    output = pinned.helm.attempt(pinned.folder, release="r-1", values=values)
    assert output.code != 0
    assert "specifications of the schema" in output.log


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"kubernetes": {"role": "view"}, "course": {"chapter": "1"}},
        {"podSecurityContext": {"fsGroup": 100}},
    ],
)
def test_what_is_fixed_is_taken(pinned: Played, values: Mapping[str, Any]) -> None:
    assert pinned.helm.attempt(pinned.folder, release="r-1", values=values).code == 0


def test_a_former_path_changes_nothing(pinned: Played) -> None:
    values = {"userPreferences": {"aiAssistant": {"enabled": True, "apiKey": "key"}}}
    assert "OPENAI" not in pinned.template(values)


def test_the_form_sends_what_is_fixed_and_shows_none_of_it(pinned: Played) -> None:
    files = {
        path.relative_to(pinned.folder).as_posix(): path.read_bytes()
        for path in pinned.folder.rglob("*")
        if path.is_file()
    }
    chart, _ = read(files)
    sent = launch(chart.schema, chart.values, SAMPLE)
    assert (sent["kubernetes"]["role"], sent["openshiftSCC"]["scc"]) == ("view", "own-constraint")
    assert sent["securityContext"] == {}
    shown = [node.value for node in chart.leaves if not node.onyxia.get("hidden")]
    assert not [path for path in FIXED if path in shown]
    assert pinned.helm.attempt(pinned.folder, release="r-1", values=sent).code == 0


def test_such_a_chart_is_well(pinned: Played) -> None:
    assert not [one for one in check_chart(pinned.folder, None).findings if one.severity != "note"]
