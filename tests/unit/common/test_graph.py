"""Graphs of what needs what."""

from __future__ import annotations

from builder.common import graph

NEEDS = {"d": ["b", "c"], "b": ["a"], "c": ["a"], "a": [], "lone": []}


def test_order_keeps_that_of_declaration_where_it_can() -> None:
    assert graph.order(NEEDS) == ("a", "b", "c", "d", "lone")
    assert graph.order({"x": [], "y": [], "z": ["x"]}) == ("x", "y", "z")


def test_order_leaves_out_what_is_no_node() -> None:
    assert graph.order({"x": ["elsewhere"]}) == ("x",)


def test_a_long_chain_is_no_recursion() -> None:
    chain = {str(n): [str(n + 1)] for n in range(1000)}
    assert graph.order(chain)[0] == "999"
    assert graph.find_cycle(chain) == ()
    assert len(graph.reach(["0"], chain)) == 1001


def test_a_cycle_is_a_path_that_ends_where_it_began() -> None:
    assert graph.find_cycle(NEEDS) == ()
    assert graph.find_cycle({"a": ["a"]}) == ("a", "a")
    assert graph.find_cycle({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}) == (
        "a", "b", "c", "a",
    )  # fmt: skip


def test_two_ways_to_a_node_are_no_cycle() -> None:
    assert graph.find_cycle({"d": ["b", "c"], "b": ["a"], "c": ["a", "b"]}) == ()


def test_reach_and_reverse() -> None:
    assert graph.reach(["b"], NEEDS) == {"a", "b"}
    needed = graph.reverse(NEEDS)
    assert needed == {"d": [], "b": ["d"], "c": ["d"], "a": ["b", "c"], "lone": []}
    assert graph.reach(["a"], needed) == {"a", "b", "c", "d"}
