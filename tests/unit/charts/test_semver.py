"""When a chart gets a new version, and which."""

import json

import pytest

from builder.charts.semver import (
    bump,
    chart_fingerprint,
    chart_version,
    defaults,
    is_lower,
    next_version,
    value_types,
    with_version,
)
from builder.common.errors import ConfigError, Location


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
    with pytest.raises(ConfigError, match=r"^not a chart version: latest\n"):
        next_version("latest", old=chart(), new=chart("a: 2\n"))
    where = Location(file="the current release")
    with pytest.raises(ConfigError) as caught:
        bump("latest", before={}, after={}, chart="clock", location=where)
    assert str(caught.value) == (
        "the current release: chart clock: not a chart version: latest\n  hint: MAJOR.MINOR.PATCH"
    )


@pytest.mark.parametrize(
    ("previous", "version"),
    [
        ("v1.2.3", "1.2.4"),
        ("1.2", "1.2.1"),
        ("3.0.0+up1", "3.0.1"),
    ],
)
def test_the_version_after_one_of_another_tool(previous: str, version: str) -> None:
    assert bump(previous, before={}, after={}) == version


def test_a_version_is_lower_as_helm_has_it() -> None:
    assert is_lower("v1.2.3", "1.10.0")
    assert is_lower("2.0.0-rc.1", "2.0.0")
    assert not is_lower("3.0.0+up1", "3.0.0+up2")
    assert not is_lower("latest", "1.0.0")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("Chart.yaml", b"version: 1.10\n", "version 1.10 is a number, and must be a string"),
        ("Chart.yaml", b"- a\n", "Chart.yaml is not a mapping"),
        ("values.yaml", b"a: \xff\n", "values.yaml is not UTF-8"),
        ("values.yaml", b"a: [\n", "not YAML: "),
        ("values.schema.json", b"{", "values.schema.json is not JSON"),
    ],
)
def test_a_chart_of_another_tool_that_is_broken(file: str, text: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        value_types(chart() | {file: text})
    assert caught.value.message.startswith(message)


def test_values_are_read_as_helm_reads_them() -> None:
    text = "\ufeffmode: 0440\r\non: yes\r\nday: 2026-01-02\r\n---\r\nmore: 1_000\r\n"
    assert defaults(chart(text)) == {"mode": 288, "true": True, "day": "2026-01-02", "more": 1000}
