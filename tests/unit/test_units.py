"""How the tests of `make test` are dealt out to processes."""

from __future__ import annotations

import pytest

from tests.units import LONGEST, ROOT, SHARED, place_of, unit_of


@pytest.mark.parametrize("pattern", [item for files in SHARED.values() for item in files])
def test_every_pattern_of_a_unit_has_files(pattern: str) -> None:
    assert list(ROOT.glob(pattern))


def test_what_begins_first_is_there() -> None:
    missing = [unit for unit in LONGEST if unit not in SHARED and not (ROOT / unit).is_file()]
    assert not missing


def test_files_that_share_are_one_unit_and_others_are_their_own() -> None:
    faults = "tests/integration/faults/test_killed.py"
    assert unit_of(faults) == unit_of("tests/integration/faults/test_disk.py") == "faults"
    other = "tests/integration/session/test_git.py"
    assert unit_of(other) == other
    assert place_of("starter") < place_of("faults") < place_of(other)
