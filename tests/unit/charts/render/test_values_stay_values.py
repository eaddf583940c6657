"""No template of this catalog lets a value become more than a value."""

from __future__ import annotations

import pytest

from builder.catalog.models import Catalog
from builder.charts.next_version import files_of
from builder.charts.onyxia.chart_files import ChartFiles, read
from builder.charts.onyxia.rules_templates import is_closed, manifests
from builder.charts.onyxia.template_flow import evaluated, open_texts
from builder.charts.render.templates import core_template, quoted
from tests.fakes.this_catalog import this_catalog


def catalog() -> Catalog:
    return this_catalog().catalog


def different() -> list[str]:
    """Of the charts with the same recipe and features, the first."""
    charts = catalog().matrix.charts
    return list({(chart.recipe, chart.features): name for name, chart in charts.items()}.values())


def chart(name: str) -> ChartFiles:
    image = catalog().matrix.repository_of(catalog().matrix.charts[name].image)
    return read(files_of(catalog(), name, [f"{image}:x1-2026.01.05"], "1.0.0"))[0]


@pytest.mark.slow
def test_every_value_is_quoted_and_none_is_a_template() -> None:
    for name in different():
        found = chart(name)
        texts = manifests(found)
        assert len(texts) > 20, name
        flows = [flow for flow in open_texts(texts) if not is_closed(found, flow.path)]
        assert [(flow.file, flow.expression) for flow in flows] == [], name
        assert evaluated(texts) == [], name
        assert not any("tpl " in text for text in texts.values()), name


def test_a_line_that_is_not_quoted_would_be_found() -> None:
    found = chart("jupyter-python")
    claim = manifests(found)["templates/claim.yaml"]
    flows = open_texts({"claim.yaml": claim.replace("accessMode | quote", "accessMode")})
    assert [flow.path for flow in flows] == ["persistence.accessMode"]


@pytest.mark.parametrize(
    ("text", "yaml"),
    [
        ("lab", '"lab"'),
        ('say "hi"', '"say \\"hi\\""'),
        (
            "--port={{ .Values.port | int }}",
            '{{ printf "--port=%v" (.Values.port | int) | quote }}',
        ),
        ("100%{{ .Values.a }}é", '{{ printf "100%%%vé" (.Values.a) | quote }}'),
        ("{{ .a }}:{{- .b -}}", '{{ printf "%v:%v" (.a) (.b) | quote }}'),
    ],
)
def test_a_text_with_expressions_is_quoted_whole(text: str, yaml: str) -> None:
    assert quoted(text) == yaml


def test_a_word_of_a_command_with_a_condition_is_quoted_too() -> None:
    word = "--{{ if .Values.on }}on{{ else }}{{ .Values.x }}{{ end }}"
    text = core_template(["lab", word], "/", "clock")
    assert '- "lab"\n- {{ include "clock.command.1" . | quote }}\n{{- end -}}' in text
    assert text.endswith(f'\n{{{{- define "clock.command.1" -}}}}{word}{{{{- end -}}}}\n')
