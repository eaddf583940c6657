"""Versions as Helm orders them. `tests/integration/helm/test_foreign_versions.py` asks Helm."""

import pytest

from builder.charts import helm_versions


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.2.3", "1.2.3"),
        ("v1.2.3", "1.2.3"),
        ("1.2", "1.2.0"),
        ("2", "2.0.0"),
        ("01.02.3", "1.2.3"),
        ("1.2-rc.1+b", "1.2.0-rc.1+b"),
        ("18446744073709551615.0.0", "18446744073709551615.0.0"),
        ("1." + "0" * 5000 + "2", "1.2.0"),
    ],
)
def test_a_version_that_helm_takes(text: str, version: str) -> None:
    assert str(helm_versions.parse(text)) == version


@pytest.mark.parametrize(
    "text",
    ["", "latest", "V1.0.0", "vv1.0.0", "1.2.3.4", " 1.0.0", "1.0.0-01", "1.0.0-a_b", "1.0.0+a_b",
     "18446744073709551616.0.0", "1.0.0-é", "1.0.0\n", "1" * 5000],
)  # fmt: skip
def test_a_version_that_helm_skips(text: str) -> None:
    assert helm_versions.parse(text) is None


def test_build_metadata_has_no_order() -> None:
    versions = ["3.0.0+up1", "3.0.0", "3.0.0+up2"]
    assert helm_versions.newest(versions, str) == "3.0.0+up1"
    assert sorted(versions, key=helm_versions.rank, reverse=True) == versions


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("3.0.0_up1", "3.0.0+up1"),
        ("1.0.0-rc.1_b", "1.0.0-rc.1+b"),
        ("v1.0.0", None),
        ("1.2", None),
        ("latest", None),
        ("sha256-abc.sig", None),
        ("1.0.0_a_b", None),
    ],
)
def test_the_version_of_a_tag(tag: str, version: str | None) -> None:
    assert helm_versions.version_of(tag) == version
    if version:
        assert helm_versions.tag_of(version) == tag
