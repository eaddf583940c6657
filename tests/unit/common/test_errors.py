"""The text and the exit code of each class of error."""

from __future__ import annotations

import pytest

from builder.common import errors
from builder.common.errors import (
    BuilderError,
    ConfigError,
    Location,
    Problems,
    SmokeError,
    raise_all,
    reading,
    refused,
    unreadable,
)
from builder.common.text import count, did_you_mean


def test_the_whole_of_it() -> None:
    place = Location(file="matrix.yaml", line=12, column=7, source="  a: b: c")
    assert str(ConfigError("it is odd", hint="mend it", location=place)) == (
        "matrix.yaml:12:7: it is odd\n      a: b: c\n          ^\n  hint: mend it"
    )


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (None, "odd"),
        (Location(file="f"), "f: odd"),
        (Location(file="f", line=2), "f:2: odd"),
        (Location(file="f", line=2, source="x"), "f:2: odd\n    x"),
        (Location(file="f", line=2, column=1), "f:2:1: odd"),
    ],
)
def test_as_much_as_is_known(location: Location | None, text: str) -> None:
    assert str(BuilderError("odd", location=location)) == text


def test_exit_codes() -> None:
    found = {
        name: kind.exit_code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, BuilderError) and kind is not Problems
    }
    assert found == {
        "BuilderError": 1, "ConfigError": 2, "NoPackageError": 2, "SelectionError": 3,
        "ToolError": 4, "StepError": 5, "UnreachableError": 5, "GoneError": 5,
        "DamagedError": 5,
            "TransientError": 5, "NoConnectionError": 5, "SmokeError": 6, "SizeError": 6,
        "ContentError": 6, "ConflictError": 7, "DifferenceError": 8, "TrustError": 9,
        "HeldBackError": 10,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(28, "Full"), "Full\n  hint: free disk space, and run the command again"),
        (OSError(13, "Permission denied", "/x"), "/x: Permission denied"),
        (OSError("it said"), "it said"),
    ],
)
def test_what_the_machine_refuses(error: OSError, text: str) -> None:
    assert str(refused(error)) == text
    assert refused(error).exit_code == 5


def test_nothing_one_or_several() -> None:
    raise_all([])
    one, two = SmokeError("one"), ConfigError("two")
    with pytest.raises(SmokeError) as single:
        raise_all([one])
    assert single.value is one
    with pytest.raises(Problems) as several:
        raise_all([one, two])
    assert (str(several.value), several.value.exit_code) == ("one\ntwo", 6)


def test_did_you_mean() -> None:
    assert did_you_mean("pyhton", ["python", "r"]) == "did you mean python?"
    assert did_you_mean("zzz", ["a", "b"]) == "known: a, b"
    assert did_you_mean("zzz", []) == ""
    assert did_you_mean("zzz", map(str, range(13))) == ""


def test_counts() -> None:
    assert [count(number, "chart") for number in (0, 1, 2)] == ["0 charts", "1 chart", "2 charts"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RecursionError("maximum recursion depth"), "it is nested too deeply"),
        (MemoryError(), "it is too large for the memory of this machine"),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "x"), "it is not text of Unicode"),
        (OverflowError("x"), "it has a number that is too large"),
    ],
)
def test_what_a_file_makes_a_reader_raise_names_the_file(error: Exception, reason: str) -> None:
    with pytest.raises(ConfigError) as caught, reading("matrix.yaml"):
        raise error
    assert (str(caught.value), caught.value.exit_code) == (f"matrix.yaml: {reason}", 2)
    assert str(unreadable(error)) == f"an input cannot be read: {reason}"
