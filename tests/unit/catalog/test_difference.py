"""What a file has to say to make another one of the file below it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from builder.catalog.difference import difference
from builder.catalog.merge import Layer, merge
from builder.catalog.models import FeatureFile
from builder.catalog.yaml_document import load

NAMES = st.sampled_from(("values", "changes", "a", "b", "c"))
SCALARS = st.one_of(st.integers(0, 2), st.booleans(), st.sampled_from(("x", "1")))
TREES = st.recursive(
    st.one_of(SCALARS, st.lists(SCALARS, max_size=4, unique_by=repr)),
    lambda inner: st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(NAMES, TREES, max_size=4)


def laid(below: Any, above: Any) -> Any:
    layers = [
        Layer(catalog=name, document=load(json.dumps(data), f"{name}:m.yaml")[0])
        for name, data in (("low", below), ("top", above))
    ]
    document, errors = merge(layers, FeatureFile)
    assert errors == []
    return document.data


def kinds_fit(below: Any, above: Any) -> bool:
    """Whether no mapping is to become a list or a text, which no catalog above can say."""
    if isinstance(below, dict) and isinstance(above, dict):
        return all(kinds_fit(below[key], above[key]) for key in below if key in above)
    return isinstance(below, dict) is isinstance(above, dict)


@given(DOCUMENTS, DOCUMENTS)
@settings(max_examples=60, deadline=None)
def test_laid_over_the_one_it_makes_the_other(below: Any, above: Any) -> None:
    if kinds_fit(below, above):
        found = laid(below, difference(below, above))
        assert json.dumps(found, sort_keys=True) == json.dumps(above, sort_keys=True)


def test_it_says_no_more_than_what_differs() -> None:
    below = {
        "catalog": {"name": "shop", "registries": ["a", "b"]},
        "axes": {"lang": {"3": {"tag": "x"}, "2": {"tag": "y"}, "1": None}},
        "images": {"base": {"axes": ["os"], "publish": True}, "desk": {"from": "base"}},
    }
    above = {
        "catalog": {"name": "shop", "registries": ["b", "c"]},
        "axes": {"lang": {"2": {"tag": "y"}, "3": {"tag": "x"}, "1": None}},
        "images": {"base": {"axes": ["lang", "os"], "publish": True}, "new": {"from": "base"}},
    }
    found = difference(below, above)
    assert found == {
        "catalog": {"registries-": ["a"], "registries+": ["c"]},
        "axes": {"lang": {"$order": ["2"]}},
        "images": {"desk": None, "base": {"+axes": ["lang"]}, "new": {"from": "base"}},
    }
    assert list(laid(below, found)["axes"]["lang"]) == ["2", "3", "1"]
    assert difference(below, below) == {}
