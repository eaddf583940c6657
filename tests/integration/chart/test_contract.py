"""Every chart of the matrix against what Onyxia asks, and the step that a fatal finding ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.build.chart_steps import ChartActions
from builder.build.events import Noted
from builder.charts.helm import Helm
from builder.charts.manifests import documents
from builder.charts.onyxia.chart_files import read
from builder.charts.onyxia.context import SAMPLE
from builder.charts.onyxia.finding import NOTE
from builder.charts.onyxia.launch import launch
from builder.charts.onyxia_check import RELEASE, check_chart, read_chart
from builder.common.errors import StepError
from tests.fakes.catalog import Week
from tests.fakes.testers import FakeChartRunner

from .conftest import charts, written

SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: desk
  annotations:
    image: {{{{ .Values.image.version | quote }}}}
spec:
{spec}  ports: [{{port: 80}}]
"""


@pytest.fixture(params=charts())
def rendered(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A chart of the matrix, rendered."""
    return written(str(request.param), tmp_path)


def test_nothing_is_wrong_with_our_charts(rendered: Path, helm: Helm) -> None:
    report = check_chart(rendered, helm)
    assert report.unrendered == ""
    assert [str(one) for one in report.findings if one.severity != NOTE] == []


def test_helm_takes_what_a_launch_sends(rendered: Path, helm: Helm) -> None:
    chart, _ = read(read_chart(rendered))
    for context in ({}, SAMPLE):
        values = launch(chart.schema, chart.values, context)
        output = helm.attempt(rendered, release=RELEASE, values=values)
        assert output.code == 0, output.log
    shown = str([item for item in documents(output.stdout) if item["kind"] != "Secret"])
    # Nobody outside of the cluster reaches a database, or what has no login.
    assert (SAMPLE["k8s"]["domain"] in shown) == values.get("ingress", {}).get("enabled", False)
    assert SAMPLE["git"]["token"] not in shown


def test_a_fatal_finding_ends_the_step(week: Week, helm: Helm) -> None:
    week.folder.edit(
        "charts/features/core/feature.yaml", "render: list,", "render: list, pattern: '(?i)DESK',"
    )
    plan = week.plan()
    actions = ChartActions(
        context=week.work(plan), store=week.store, helm=helm, runner=FakeChartRunner()
    )
    with pytest.raises(StepError) as raised:
        actions.chart(plan.steps["chart:desk"])
    folder = week.state / "work" / "charts" / "desk"
    assert str(raised.value) == (
        "Onyxia cannot launch the chart desk\n"
        "  values.schema.json:20:11: $.properties.image.properties.version.pattern: pattern: fatal:"
        " the pattern has (?i), which browsers do not understand\n"
        "    hint: write both cases, e.g. [aA]\n"
        f"  hint: builder charts check {folder}"
    )


def test_an_upgrade_that_kubernetes_would_refuse_ends_the_step(week: Week, helm: Helm) -> None:
    service = SERVICE.format(spec="  clusterIP: None\n")
    place = "charts/features/core/templates/pod.yaml"
    week.folder.write(place, service)
    week.go_by()
    week.folder.edit(place, "  clusterIP: None\n", "  sessionAffinity: None\n")
    plan = week.plan()
    actions = ChartActions(
        context=week.work(plan), store=week.store, helm=helm, runner=FakeChartRunner()
    )
    with pytest.raises(StepError) as raised:
        actions.chart(plan.steps["chart:desk"])
    assert str(raised.value) == (
        "chart desk: version 1.0.0 cannot be upgraded to this one\n"
        "  Service desk: spec.clusterIP cannot change\n"
        "  hint: Kubernetes cannot change these fields: give the changed object another name"
    )


def test_what_takes_minutes_is_said_before(week: Week, helm: Helm) -> None:
    service = SERVICE.format(spec="")
    place = "charts/features/core/templates/pod.yaml"
    week.go_by()
    week.folder.edit(place, (week.folder.root / place).read_text(), service)
    plan = week.plan()
    runner = FakeChartRunner()
    runner.waits_for = "getting podman 5"
    actions = ChartActions(context=week.work(plan), store=week.store, helm=helm, runner=runner)
    actions.chart(plan.steps["chart:desk"])
    notes = [event.text for event in week.events if isinstance(event, Noted)]
    assert notes[-3:] == ["getting podman 5 (once, a minute or two)", "running", "packaging"]
    assert runner.calls == [("prepare", "chart-desk.log"), ("run", "desk")]
