"""When a chart gets a new version, and which."""

import json

import pytest

from builder.errors import ConfigError
from builder.render.chart import chart_fingerprint, next_version
from builder.render.chart_version import chart_version, value_types, with_version


def chart(
    values: str = "a: 1\n", *, template: str = "x", version: str = "1.2.3", **types: str
) -> dict[str, bytes]:
    properties = {name: {"type": kind} for name, kind in types.items()}
    return {
        "Chart.yaml": f'apiVersion: v2\nversion: "{version}"\n'.encode(),
        "values.yaml": values.encode(),
        "values.schema.json": json.dumps({"type": "object", "properties": properties}).encode(),
        "templates/x.yaml": template.encode(),
    }


def test_the_first_version() -> None:
    assert next_version(None, old=None, new=chart()) == "1.0.0"


def test_an_unchanged_chart_keeps_its_version() -> None:
    assert chart_fingerprint(chart(version="1.2.3")) == chart_fingerprint(chart(version="9.0.0"))
    assert next_version("1.2.3", old=chart(), new=chart(version="0.0.0")) == "1.2.3"


@pytest.mark.parametrize(
    ("new", "version"),
    [
        (chart("a: 2\n"), "1.2.4"),
        (chart(template="y"), "1.2.4"),
        (chart("a: 1\nb: 2\n"), "1.3.0"),
        (chart(b="string"), "1.3.0"),
        (chart("a: x\n"), "2.0.0"),
        (chart("{}\n"), "2.0.0"),
        (chart(a="string"), "2.0.0"),
        (chart("a: {b: 1}\n"), "2.0.0"),
        (chart("b: 1\n"), "2.0.0"),
    ],
)
def test_the_kind_of_change_decides(new: dict[str, bytes], version: str) -> None:
    assert next_version("1.2.3", old=chart(), new=new) == version


def test_only_the_version_and_the_changelog_of_the_chart_are_left_out() -> None:
    other = chart()
    other["Chart.yaml"] += b"appVersion: 2\n"
    assert chart_fingerprint(other) != chart_fingerprint(chart())
    told = chart() | {"CHANGELOG.md": b"# Changes\n"}
    assert chart_fingerprint(told) == chart_fingerprint(chart())


def test_a_feature_without_values_is_a_feature() -> None:
    more = chart() | {"templates/_gpu.tpl": b"gpu"}
    assert next_version("1.2.3", old=chart(), new=more) == "1.3.0"
    assert next_version("1.2.3", old=more, new=chart()) == "1.2.4"


def test_the_same_chart_under_another_version() -> None:
    other = with_version(chart(version="1.2.3"), "2.0.0")
    assert chart_version(other) == "2.0.0"
    assert other == chart(version="2.0.0") | {"Chart.yaml": b"apiVersion: v2\nversion: 2.0.0\n"}


def test_a_schema_says_more_than_a_default() -> None:
    files = chart("a: 1\nfree: {}\nlist: []\nnone: ''\n", a="number")
    assert value_types(files) == {
        "a": "number", "free": "object", "list": "array", "none": "string",
        "templates/x.yaml": "template",
    }  # fmt: skip
    assert chart_version(files) == "1.2.3"


def test_a_version_that_is_none() -> None:
    with pytest.raises(ConfigError, match=r"^not a chart version: 1\n"):
        next_version("1", old=chart(), new=chart("a: 2\n"))
