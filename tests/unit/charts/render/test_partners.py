"""Features that need one another: each lack is named with the features that end it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from builder.catalog.models import Chart, ChartFeature
from builder.charts.render.chart import render_chart
from builder.common.errors import ConfigError, Problems
from tests.fakes.chart_files import chart_feature, chart_recipe
from tests.fakes.this_catalog import this_catalog

ROOT = Path(__file__).parents[4]
TEXT = {"type": "string", "default": "", "text": "A text", "form": False}
LIBRARY = {
    "Chart.yaml": b"name: lib\nversion: 1.0.0\n",
    "templates/_names.tpl": b"{{ .Values.name }}",
}


def feature(
    name: str, *values: str, files: Mapping[str, str] | None = None, **more: object
) -> ChartFeature:
    spec = {"summary": name, "values": {path: {**TEXT, **more} for path in values}}
    return chart_feature(name, spec, files)


NAMES = feature("names", "name")
SLEEP = feature("sleep", "sleep")
CLOCK = feature("clock", files={"slots/replicas.yaml": "{{ .Values.sleep }}"})
LAMP = feature("lamp", files={"slots/env.yaml": '{{ include "chart.room" . }}{{ .Values.sleep }}'})
ROOM = feature("room", files={"helpers.tpl": '{{ define "chart.room" }}{{ end }}'})
HALL = feature("hall", files={"helpers.tpl": '{{- define "chart.room" -}}{{- end -}}'})
ALL = {item.name: item for item in (NAMES, SLEEP, CLOCK, LAMP, ROOM, HALL)}


def render(
    wanted: Sequence[str],
    *,
    features: Mapping[str, ChartFeature] = ALL,
    library: Mapping[str, bytes] = LIBRARY,
    text: str = "",
    extra: tuple[str, ...] = (),
    **more: object,
) -> dict[str, bytes]:
    spec = {"title": "T", "description": "T", "command": ["t"], "port": 1, "features": wanted}
    text = text or f"title: T\nfeatures: [{', '.join(wanted)}] # all\n"
    return render_chart(
        chart=Chart(name="desk", recipe="wood", image="desk", features=extra),
        recipe=chart_recipe("wood", {**spec, **more}, {"chart.yaml": text}),
        features=features,
        library=library,
        images=("example.org/desk:1",),
        version="1.0.0",
        catalog="shop",
    )


def refused(wanted: Sequence[str], **more: object) -> str:
    with pytest.raises((ConfigError, Problems)) as caught:
        render(wanted, **more)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_value_that_only_another_feature_acts_on() -> None:
    assert refused(["names", "sleep"]) == (
        "charts/wood/chart.yaml:2:19: chart desk: feature `sleep` has the value sleep, which only "
        "`clock` and `lamp` act on: add one of them\n"
        "    features: [names, sleep] # all\n"
        "                      ^"
    )
    render(["names", "sleep", "clock"])


def test_a_template_that_only_another_feature_defines() -> None:
    text = "title: T\nfeatures:\n  - names\n  - sleep\n  - lamp\n"
    assert refused(["names", "sleep", "lamp"], text=text) == (
        "charts/wood/chart.yaml:5:5: chart desk: feature `lamp` uses the template chart.room, "
        "which only `room` and `hall` define: add one of them\n"
        "      - lamp\n"
        "        ^"
    )
    render(["names", "sleep", "lamp", "hall"])


def test_a_value_that_only_another_feature_has() -> None:
    assert refused(["names", "clock"]) == (
        "charts/wood/chart.yaml:2:19: chart desk: feature `clock` reads the value sleep, which "
        "only `sleep` has: add it\n"
        "    features: [names, clock] # all\n"
        "                      ^"
    )


def test_what_the_library_reads_and_a_feature_has() -> None:
    assert refused(["sleep", "clock"]) == (
        "charts/wood/chart.yaml: chart desk: its recipe reads the value name, which only `names` "
        "has: add it"
    )


def test_all_that_is_lacking_is_said_at_once() -> None:
    assert refused(["lamp"]).count(": add ") == 3


def test_a_feature_of_the_matrix_lacks_its_partner() -> None:
    assert refused(["names"], extra=("sleep",)).startswith("matrix.yaml")


def test_a_template_that_no_feature_defines() -> None:
    files = {"notes.md": 'a\n{{ include "chart.rooom" . }}{{/* include "chart.no" */}}'}
    features = {**ALL, "odd": feature("odd", files=files)}
    assert refused(["names", "odd", "room"], features=features) == (
        "charts/features/odd/notes.md:2:13: no template chart.rooom is defined\n"
        '    {{ include "chart.rooom" . }}{{/* include "chart.no" */}}\n'
        "                ^\n"
        "  hint: did you mean chart.room or chart.former or chart.command?"
    )


def test_a_value_that_the_recipe_changes_and_no_feature_of_the_chart_has() -> None:
    assert refused(["names"], values={"sleep": {"default": "8 h"}}) == (
        "charts/wood/chart.yaml: no feature of the chart has a value sleep\n"
        "  hint: feature `sleep` brings it: add it"
    )


def test_a_value_shown_by_one_of_another_feature() -> None:
    odd = feature("odd", "odd", files={"notes.md": "{{ .Values.odd }}"}, shown_if="sleep")
    assert refused(["names", "odd"], features={**ALL, "odd": odd}) == (
        "charts/features/odd/feature.yaml: value odd: sleep, which shows it, is not a value of "
        "the chart\n  hint: feature `sleep` brings it: add it"
    )


def test_a_group_whose_values_other_features_have() -> None:
    spec = {"summary": "g", "values": {"lights": {"type": "object", "text": "Lights"}}}
    group = chart_feature("group", spec)
    bulb = feature("bulb", "lights.bulb")
    features = {**ALL, "group": group, "bulb": bulb}
    assert refused(["names", "group"], features=features) == (
        "charts/features/group/feature.yaml: value lights: an object needs a default, or values "
        "below it\n  hint: feature `bulb` brings it: add it"
    )


FEATURES = sorted(path.parent.name for path in (ROOT / "charts/features").glob("*/feature.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("name", FEATURES)
def test_who_does_as_the_errors_say_gets_a_chart(name: str) -> None:
    """Of any one feature that comes with the builder: no error leaves one to guess."""
    catalog = this_catalog().catalog
    wanted, command = [name], ""
    for _ in range(5):
        text = f"features: [{', '.join(wanted)}]\ncommand: [desk, '{command}']\n"
        try:
            render(wanted, features=catalog.features, library=catalog.library, text=text)
            return
        except (ConfigError, Problems) as error:
            lines = str(error).splitlines()
        cures = [line for line in lines if ": add " in line]
        reads = [line.partition("chart.yaml: ")[2] for line in lines if "read it, e.g." in line]
        assert cures or reads, lines
        command = "".join(reads)
        for line in cures:
            offered = re.findall(r"`([a-z0-9-]+)`", re.split(r"which only|hint:", line)[1])
            if not set(offered) & set(wanted):
                wanted.append(offered[-1])
    pytest.fail(f"no chart comes of {wanted}")
