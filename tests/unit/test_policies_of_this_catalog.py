"""Release lines of this catalog: each has a policy, and an end of life or a reason for none."""

from __future__ import annotations

from tests.fakes.this_catalog import this_catalog


def test_every_axis_says_where_its_ends_of_life_come_from() -> None:
    matrix = this_catalog().catalog.matrix
    tables = {axis: matrix.bump.policy(axis).eol for axis in matrix.axes}
    assert [axis for axis, eol in tables.items() if eol is None] == []
    without = [axis for axis, eol in tables.items() if eol and eol.origin == "none"]
    assert [axis for axis in without if not matrix.bump.axes[axis].eol.reason] == []


def test_it_is_said_which_end_of_debian_is_meant() -> None:
    matrix = this_catalog().catalog.matrix
    debian = matrix.bump.policy("debian").eol
    assert debian is not None
    assert debian.support == "lts"
