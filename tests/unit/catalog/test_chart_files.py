"""What is wrong with a chart.yaml or a feature.yaml: the whole text, and nothing but it."""

from __future__ import annotations

import pytest

from builder.catalog.models import SourceObject, ValueSpec
from builder.catalog.parser import parse_chart, parse_feature
from tests.fakes.catalog import Folder

CHART = """\
title: Clock
description: What time it is
command: [clock, 1]
port: 1234
features: [core]
"""


def chart_errors(text: str) -> str:
    parsed, errors = parse_chart(text, "charts/clock/chart.yaml")
    assert parsed is None
    assert {error.exit_code for error in errors} == {2}
    return "\n".join(map(str, errors))


def feature_errors(text: str) -> str:
    parsed, errors = parse_feature(text, "charts/features/core/feature.yaml")
    assert parsed is None
    assert {error.exit_code for error in errors} == {2}
    return "\n".join(map(str, errors))


def test_what_a_chart_does_not_say_has_a_default() -> None:
    chart, errors = parse_chart(CHART + "values:\nneeds: clock\n", "chart.yaml")
    assert chart is not None
    assert errors == []
    assert chart.command == ("clock", "1")
    assert (chart.health, chart.needs, chart.values) == ("/", ("clock",), {})


def test_a_feature_says_what_it_wants() -> None:
    text = "config:\nsecret: {name: a.b}\nvalues:\n  a.b: {type: string, from: x, form: false}\n"
    feature, errors = parse_feature(text + "x-own: 1\n", "feature.yaml")
    assert feature is not None
    assert errors == []
    assert feature.values == {"a.b": ValueSpec(type="string", source="x", form=False)}
    assert feature.objects == {
        "secret": SourceObject(name="a.b"), "config": SourceObject(), "files": SourceObject(),
    }  # fmt: skip


def test_a_key_that_is_not_known() -> None:
    assert chart_errors(CHART + "keyword: []\n") == (
        "charts/clock/chart.yaml:6:1: unknown key 'keyword'\n    keyword: []\n    ^\n"
        "  hint: did you mean keywords?"
    )
    assert feature_errors("summary: x\nvalue: {}\n") == (
        "charts/features/core/feature.yaml:2:1: unknown key 'value'\n    value: {}\n    ^\n"
        "  hint: did you mean values?"
    )
    text = 'values:\n  odd:\n    type: string\n    default: ""\n    txet: "?"\n'
    assert feature_errors(text) == (
        "charts/features/core/feature.yaml:5:5: unknown key 'txet'\n"
        '        txet: "?"\n        ^\n'
        "  hint: did you mean text or type?"
    )


def test_a_key_that_is_missing() -> None:
    assert chart_errors("command: [x]\nport: 1\nfeatures: []\ndescription: x\n") == (
        "charts/clock/chart.yaml:1:1: the file lacks 'title'\n    command: [x]\n    ^"
    )


def test_what_is_of_another_type_than_it_must_be() -> None:
    text = "command: clock --now\nport: http\nfeatures: core\ntitle: x\ndescription: x\n"
    assert chart_errors(text) == (
        "charts/clock/chart.yaml:1:1: command must be a list, e.g. [httpd, -f]\n"
        "    command: clock --now\n    ^\n"
        "charts/clock/chart.yaml:2:1: port must be a number, 1 to 65535\n"
        "    port: http\n    ^\n"
        "charts/clock/chart.yaml:3:1: features must be a list, e.g. [service, server]\n"
        "    features: core\n    ^"
    )
    assert feature_errors("values: [a]\n") == (
        "charts/features/core/feature.yaml:1:1: values must be a mapping\n    values: [a]\n    ^"
    )


@pytest.mark.parametrize("port", ["0", "65536", "-1", "true", "80.5", ""])
def test_a_port_that_is_none(port: str) -> None:
    assert chart_errors(CHART.replace("1234", port)).startswith(
        "charts/clock/chart.yaml:4:1: port must be a number, 1 to 65535\n"
    )


def test_mistakes_of_charts_are_told_with_those_of_the_matrix(folder: Folder) -> None:
    folder.edit("charts/desk/chart.yaml", "port: 8000", "prot: 8000")
    folder.edit("matrix.yaml", "repository:", "repositry:")
    folder.edit("matrix.yaml", "repositry:", "repository:")
    folder.edit("matrix.yaml", "desk: {image: desk}", "desk: {image: dsk}")
    with pytest.raises(Exception, match="unknown image 'dsk'") as caught:
        folder.load()
    assert "charts/desk/chart.yaml:" in str(caught.value)
    assert "unknown key 'prot'" in str(caught.value)
