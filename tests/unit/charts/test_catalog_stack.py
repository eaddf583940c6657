"""The catalogs that a chart was made from: in its package, and not in its identity."""

from __future__ import annotations

import json

import pytest

from builder.charts.catalog_stack import CATALOGS, with_catalogs, without_catalogs
from builder.charts.semver import about, chart_fingerprint, former

STACK = (("shop", "sha256:" + "1" * 64), ('a "b": c', "sha256:" + "2" * 64))


@pytest.mark.parametrize(
    "text",
    [
        b'name: "desk"\nversion: 1.0.0\ndependencies:\n  - name: lib\n',
        b'name: "desk"\nversion: 1.0.0\nannotations:\n  former-values: "{}"\ndependencies: []\n',
        b'name: "desk"\nversion: 1.0.0\nannotations:\n  former-values: "{}"\n',
    ],
)
def test_a_chart_names_its_catalogs(text: bytes) -> None:
    files = {"Chart.yaml": text, "values.yaml": b"a: 1\n"}
    named = with_catalogs(files, STACK)
    annotations = about(named)["annotations"]
    assert isinstance(annotations, dict)
    assert json.loads(annotations[CATALOGS]) == [
        {"name": name, "content": content} for name, content in STACK
    ]
    assert former(named) == former(files) == {}
    assert without_catalogs(named) == files
    assert chart_fingerprint(named) == chart_fingerprint(files)
    assert {**about(named), "annotations": 0} == {**about(files), "annotations": 0}


def test_a_catalog_that_stands_alone_is_not_named() -> None:
    files = {"Chart.yaml": b"name: a\nversion: 1.0.0\n"}
    assert with_catalogs(files, ()) == files == without_catalogs(files)
