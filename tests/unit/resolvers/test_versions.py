"""Exact versions, and the lines that they belong to."""

from __future__ import annotations

import pytest

from builder.common.errors import ConfigError, StepError
from builder.resolvers.versions import (
    is_of_line,
    is_release,
    newest_first,
    newest_of,
    no_architecture,
    option,
)
from tests.fakes.lines import request


@pytest.mark.parametrize(
    "text", ["3.13.5", "4", "2026.09.1+403", "2026.09.1-403", "1.10.0", "v1.2.3", "1:4.4.2-1"]
)
def test_a_release(text: str) -> None:
    assert is_release(text)


@pytest.mark.parametrize(
    "text",
    [
        "3.15.0a2",
        "1.12.0-rc1",
        "devel",
        "2.9.0.dev1",
        "4.0.0-preview2",
        "2.9.0+cpu",
        "",
        "vv1",
        "1.0~rc1",
        "v1:2",
    ],
)
def test_no_release(text: str) -> None:
    assert not is_release(text)


def test_newest_first_is_of_numbers_and_without_pre_releases() -> None:
    given = ["1.9.4", "1.10.0", "1.12.0-rc1", "1.10.11", "1.9.4"]
    assert newest_first(given) == ("1.10.11", "1.10.0", "1.9.4")


def test_newest_first_has_the_version_before_its_build_and_the_epoch_before_both() -> None:
    given = ["1.0-2", "1.0.1-1", "1:0.9", "v1.0.2", "1.0.1+10", "1.0.1+9"]
    assert newest_first(given) == ("1:0.9", "v1.0.2", "1.0.1+10", "1.0.1+9", "1.0.1-1", "1.0-2")


@pytest.mark.parametrize(
    ("version", "line", "is_of"),
    [
        ("3.13.5", "3.13", True), ("3.13.5", "3.1", False), ("3.13.5", "3", True),
        ("3.13.5", "3.13.5", True), ("2026.09.1+403", "2026.09.1", True), ("31.3", "3.", False),
        ("v1.2.3", "1.2", True), ("v1.2.3", "v1.2", True), ("1:4.4.2-1", "4.4", True),
        ("v10.2", "1", False),
    ],
)  # fmt: skip
def test_the_versions_of_a_line(version: str, line: str, is_of: bool) -> None:  # noqa: FBT001
    assert is_of_line(version, line) is is_of


def test_the_newest_of_a_line() -> None:
    assert newest_of("1.10", ("1.12.1", "1.11.7", "1.10.11", "1.10.2"), "tarball") == "1.10.11"


def test_no_such_line() -> None:
    with pytest.raises(StepError) as caught:
        newest_of("1.99", ("1.12.1", "1.12.0", "1.11.7"), "tarball")
    assert str(caught.value) == "provider tarball has no 1.99 (it has 1.12.1, 1.11.7)"


def test_no_such_line_among_many_or_none() -> None:
    many = tuple(f"1.{minor}.0" for minor in range(9, 0, -1))
    with pytest.raises(StepError) as caught:
        newest_of("2", many, "apt")
    assert str(caught.value) == (
        "provider apt has no 2 (it has 1.9.0, 1.8.0, 1.7.0, 1.6.0, 1.5.0, 1.4.0, …)"
    )
    with pytest.raises(StepError) as caught:
        newest_of("2", (), "apt")
    assert str(caught.value) == "provider apt has no 2 (it has none at all)"


def test_no_such_architecture() -> None:
    error = no_architecture("1.12.1", "s390x", ["arm64", "amd64"], "tarball")
    assert str(error) == (
        "provider tarball has 1.12.1 for amd64, arm64, but not for s390x\n"
        "  hint: leave that platform out for this release line: `platforms` in matrix.yaml"
    )


def test_an_option_that_is_not_given() -> None:
    with pytest.raises(ConfigError) as caught:
        option(request("4"), "package", "npm")
    assert str(caught.value) == (
        "provider npm needs the option package\n"
        "  hint: recipe.yaml: `provides: {AXIS: {npm: {package: …}}}`"
    )
