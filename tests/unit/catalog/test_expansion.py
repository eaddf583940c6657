"""What a matrix stands for: variants, targets, bases, charts."""

from __future__ import annotations

import pytest

from builder.catalog.constraints import matches
from builder.common.errors import ConfigError
from tests.fakes.matrices import HEAD, expanded, ids

AXES = """
axes:
  os:
    "2": {sources: [{bootstrap: two}]}
    "1": {sources: [{bootstrap: one}]}
  a: {x: {}, y: {}}
  b: {p: {}, q: {}}
  forced:
    new: {requires: {os: "2"}}
    old: {requires: {os: "1"}}
  picky:
    any: {}
    few: {only: {os: ["1"], a: [y]}}
"""
BASE = "images:\n  base: {from: os, axes: [os]}\n"


def variants(images: str, image: str = "it") -> list[str]:
    return ids(AXES + BASE + images, image)


def test_a_root_has_a_variant_for_each_value() -> None:
    assert variants("", "base") == ["os=2", "os=1"]


def test_a_child_without_axes_has_the_variants_of_its_parent() -> None:
    assert variants("  it: {from: base}\n") == ["os=2", "os=1"]


def test_a_platform_is_only_where_everything_has_it() -> None:
    text = (
        AXES.replace("x: {}", "x: {platforms: [linux/amd64]}")
        + BASE
        + "  part: {from: base, platforms: [linux/arm64]}\n"
        + "  it: {from: base, axes: [a]}\n"
        + "  child: {from: it}\n"
        + "  user: {from: base, inputs: [part]}\n"
    )
    head = HEAD.replace("{name", "{platforms: [linux/amd64, linux/arm64], name")
    _, expansion = expanded(text, head)
    assert {key for key in expansion.targets if "os=2" in key} == {
        "base/os=2", "base/os=2@linux/arm64", "part/os=2@linux/arm64", "it/os=2,a=x",
        "it/os=2,a=y", "it/os=2,a=y@linux/arm64", "child/os=2,a=x", "child/os=2,a=y",
        "child/os=2,a=y@linux/arm64", "user/os=2@linux/arm64",
    }  # fmt: skip


def test_a_chart_of_previews_alone_is_refused() -> None:
    text = AXES.replace("y: {}", "y: {preview: true}") + BASE + "  it: {from: base, axes: [a]}\n"
    _, expansion = expanded(text + "charts:\n  it: {recipe: desk, image: it}\n")
    assert [variant.values["a"] for variant in expansion.charts["it"]] == ["x", "x", "y", "y"]
    with pytest.raises(ConfigError) as caught:
        expanded(text + "charts:\n  it: {recipe: desk, image: it, only: {a: [y]}}\n")
    assert str(caught.value).splitlines()[0] == (
        "matrix.yaml:19:3: chart it selects only previews of image it"
    )


def test_axes_are_the_parents_then_its_own_and_the_last_turns_fastest() -> None:
    assert variants("  it: {from: base, axes: [b, a]}\n") == [
        "os=2,b=p,a=x", "os=2,b=p,a=y", "os=2,b=q,a=x", "os=2,b=q,a=y",
        "os=1,b=p,a=x", "os=1,b=p,a=y", "os=1,b=q,a=x", "os=1,b=q,a=y",
    ]  # fmt: skip


def test_requires_keeps_the_variants_that_have_it() -> None:
    assert variants("  it: {from: base, axes: [forced]}\n") == [
        "os=2,forced=new",
        "os=1,forced=old",
    ]


def test_requires_may_be_met_by_an_axis_of_the_same_image() -> None:
    text = AXES + "images:\n  it: {from: os, axes: [forced, os]}\n"
    assert ids(text, "it") == ["forced=new,os=2", "forced=old,os=1"]


def test_requires_may_list_values() -> None:
    axes = AXES.replace('new: {requires: {os: "2"}}', 'new: {requires: {os: ["2", "1"]}}')
    assert ids(axes + BASE + "  it: {from: base, axes: [forced]}\n", "it") == [
        "os=2,forced=new", "os=1,forced=new", "os=1,forced=old",
    ]  # fmt: skip


def test_only_of_a_value_needs_all_its_axes() -> None:
    assert variants("  it: {from: base, axes: [a, picky]}\n") == [
        "os=2,a=x,picky=any", "os=2,a=y,picky=any",
        "os=1,a=x,picky=any", "os=1,a=y,picky=any", "os=1,a=y,picky=few",
    ]  # fmt: skip


def test_only_of_an_image() -> None:
    assert variants("  it: {from: base, axes: [a, b], only: {a: x, b: [q, p]}}\n") == [
        "os=2,a=x,b=p", "os=2,a=x,b=q", "os=1,a=x,b=p", "os=1,a=x,b=q",
    ]  # fmt: skip


def test_only_on_an_inherited_axis_narrows_the_child_alone() -> None:
    images = "  it: {from: base, only: {os: '1'}}\n  child: {from: it}\n"
    assert variants(images) == ["os=1"]
    assert variants(images, "child") == ["os=1"]
    assert variants(images, "base") == ["os=2", "os=1"]


def test_exclude_drops_what_matches_in_all_its_keys() -> None:
    images = "  it: {from: base, axes: [a], exclude: [{os: '2', a: y}, {a: x, os: '1'}]}\n"
    assert variants(images) == ["os=2,a=x", "os=1,a=y"]


def test_exclude_takes_lists() -> None:
    assert variants("  it: {from: base, axes: [a], exclude: [{os: ['1', '2'], a: y}]}\n") == [
        "os=2,a=x", "os=1,a=x",
    ]  # fmt: skip


def test_a_parent_may_be_declared_later() -> None:
    text = AXES + "images:\n  it: {from: base, axes: [a]}\n  base: {from: os, axes: [os]}\n"
    _, expansion = expanded(text)
    assert list(expansion.variants) == ["it", "base"]
    assert [target.variant.image for target in expansion.targets.values()] == ["base"] * 2 + [
        "it"
    ] * 4


def test_one_recipe_on_several_parents() -> None:
    images = (
        "  left: {from: base, axes: [a]}\n  right: {from: base, axes: [b]}\n"
        "  it-left: {recipe: it, from: left}\n  it-right: {recipe: it, from: right, only: {b: q}}\n"
    )
    _, expansion = expanded(AXES + BASE + images)
    found = [target for target in expansion.targets.values() if target.recipe == "it"]
    assert [(target.id, target.parent) for target in found] == [
        ("it-left/os=2,a=x", "left/os=2,a=x"),
        ("it-left/os=2,a=y", "left/os=2,a=y"),
        ("it-left/os=1,a=x", "left/os=1,a=x"),
        ("it-left/os=1,a=y", "left/os=1,a=y"),
        ("it-right/os=2,b=q", "right/os=2,b=q"),
        ("it-right/os=1,b=q", "right/os=1,b=q"),
    ]


def test_every_parent_is_a_variant() -> None:
    images = (
        "  mid: {from: base, axes: [a, picky], exclude: [{a: x, picky: any, os: '2'}]}\n"
        "  it: {from: mid, axes: [forced, b], only: {b: q}}\n"
    )
    _, expansion = expanded(AXES + BASE + images)
    known = set(expansion.targets) | set(expansion.bases)
    assert all(target.parent in known for target in expansion.targets.values())
    for target in expansion.targets.values():
        parent = expansion.targets.get(target.parent)
        if parent is not None:
            assert parent.variant.values.items() <= target.variant.values.items()


def test_inputs_are_matched_on_the_axes_that_both_have() -> None:
    images = (
        "  tool: {from: base, axes: [b]}\n"
        "  it: {from: base, axes: [a, b], inputs: [tool, base], only: {b: q}}\n"
    )
    _, expansion = expanded(AXES + BASE + images)
    assert expansion.targets["it/os=1,a=y,b=q"].inputs == (
        ("tool", "tool/os=1,b=q"),
        ("base", "base/os=1"),
    )


def test_an_input_with_more_axes_gives_its_first_variant_that_agrees() -> None:
    images = "  tool: {from: base, axes: [b], only: {b: [q]}}\n  it: {from: base, inputs: [tool]}\n"
    _, expansion = expanded(AXES + BASE + images)
    assert expansion.targets["it/os=1"].inputs == (("tool", "tool/os=1,b=q"),)


def test_an_input_without_a_variant_that_agrees() -> None:
    child = "  it: {from: base, only: {os: '2'}, inputs: [tool]}"
    images = f"  tool: {{from: base, only: {{os: '1'}}}}\n{child}\n"
    with pytest.raises(ConfigError) as caught:
        expanded(AXES + BASE + images)
    assert caught.value.message == "input tool has no target for it/os=2"
    assert caught.value.location is not None
    assert caught.value.location.source == child


def test_platforms_multiply_targets_and_the_default_is_not_named() -> None:
    head = HEAD.replace("name:", "platforms: [linux/amd64, linux/arm/v7], name:")
    _, expansion = expanded(AXES + BASE + "  it: {from: base, only: {os: '1'}}\n", head)
    assert list(expansion.targets) == [
        "base/os=2", "base/os=2@linux/arm/v7", "base/os=1", "base/os=1@linux/arm/v7",
        "it/os=1", "it/os=1@linux/arm/v7",
    ]  # fmt: skip
    it = expansion.targets["it/os=1@linux/arm/v7"]
    assert (it.platform, it.parent) == ("linux/arm/v7", "base/os=1@linux/arm/v7")
    assert expansion.targets["base/os=1"].parent == "os=1@linux/amd64"
    assert list(expansion.bases) == [
        "os=2@linux/amd64", "os=2@linux/arm/v7", "os=1@linux/amd64", "os=1@linux/arm/v7",
    ]  # fmt: skip
    assert expansion.base_of(it) == expansion.bases["os=1@linux/arm/v7"]
    assert [item.id for item in expansion.lineage(it)] == ["base/os=1@linux/arm/v7", it.id]


TWO = HEAD.replace("name:", "platforms: [linux/amd64, linux/arm64], name:")


def test_what_one_platform_lacks_nothing_on_it_has() -> None:
    images = (
        "  it: {from: base, axes: [few]}\n  on: {from: it}\n"
        "  only: {from: base, platforms: [linux/amd64]}\n  with: {from: base, inputs: [only]}\n"
    )
    axes = AXES + "  few: {here: {}, there: {platforms: [linux/amd64]}}\n"
    _, expansion = expanded(axes + BASE + images, TWO)
    assert [key for key in expansion.targets if "@" in key] == [
        "base/os=2@linux/arm64", "base/os=1@linux/arm64", "it/os=2,few=here@linux/arm64",
        "it/os=1,few=here@linux/arm64", "on/os=2,few=here@linux/arm64",
        "on/os=1,few=here@linux/arm64",
    ]  # fmt: skip
    assert expansion.members["on/os=2,few=there"] == {"linux/amd64": "on/os=2,few=there"}
    assert expansion.members["on/os=2,few=here"] == {
        "linux/amd64": "on/os=2,few=here", "linux/arm64": "on/os=2,few=here@linux/arm64",
    }  # fmt: skip
    assert "with/os=2" in expansion.targets


@pytest.mark.parametrize(
    ("axes", "images", "source", "name", "hint"),
    [
        (
            "  few: {here: {}, there: {platforms: [linux/s390x]}}\n",
            "  it: {from: base, axes: [few]}\n  on: {from: it}\n",
            "  few: {here: {}, there: {platforms: [linux/s390x]}}",
            "it/os=2,few=there",
            "this has linux/s390x; the catalog is for linux/amd64, linux/arm64",
        ),
        (
            "",
            "  it: {from: base, platforms: [linux/s390x]}\n  on: {from: it}\n",
            "  it: {from: base, platforms: [linux/s390x]}",
            "it/os=2",
            "this has linux/s390x; the catalog is for linux/amd64, linux/arm64",
        ),
        (
            "",
            "  a1: {from: base, platforms: [linux/amd64]}\n"
            "  b1: {from: base, platforms: [linux/arm64]}\n"
            "  it: {from: a1, inputs: [b1]}\n",
            "  it: {from: a1, inputs: [b1]}",
            "it/os=2",
            "the catalog is for linux/amd64, linux/arm64",
        ),
    ],
)
def test_a_variant_that_no_platform_has(
    axes: str, images: str, source: str, name: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        expanded(AXES + axes + BASE + images, TWO)
    assert (caught.value.message, caught.value.hint) == (f"no platform has {name}", hint)
    assert caught.value.location is not None
    assert caught.value.location.source == source


def test_slugs_are_for_folders_and_bake_targets() -> None:
    head = HEAD.replace("name:", "platforms: [linux/amd64, linux/arm/v7], name:")
    text = (
        "axes:\n  os: {'1.2': {sources: [{bootstrap: one}]}}\n"
        "images:\n  it: {from: os, axes: [os]}\n"
    )
    _, expansion = expanded(text, head)
    slugs = [item.slug for item in [*expansion.targets.values(), *expansion.bases.values()]]
    assert slugs == [
        "it-os1_2", "it-os1_2-linux-arm-v7", "os-1_2-linux-amd64", "os-1_2-linux-arm-v7",
    ]  # fmt: skip


def test_a_chart_offers_the_variants_that_its_only_keeps() -> None:
    charts = "charts:\n  all: {image: it}\n  some: {image: it, only: {a: y}}\n"
    _, expansion = expanded(AXES + BASE + "  it: {from: base, axes: [a]}\n" + charts)
    found = {name: [variant.id for variant in kept] for name, kept in expansion.charts.items()}
    assert found == {
        "all": ["it/os=2,a=x", "it/os=2,a=y", "it/os=1,a=x", "it/os=1,a=y"],
        "some": ["it/os=2,a=y", "it/os=1,a=y"],
    }


def test_the_end_of_a_target_is_the_first_of_its_values() -> None:
    axes = (
        "axes:\n  os: {'1': {sources: [{bootstrap: one}], eol: 2027-02-01}}\n"
        "  a: {x: {eol: 2026-12-31}, y: {eol: 2028-01-01}, z: {}}\n"
    )
    _, expansion = expanded(axes + BASE + "  it: {from: base, axes: [a]}\n")
    assert [target.eol for target in expansion.targets.values()] == [
        "2027-02-01", "2026-12-31", "2027-02-01", "2027-02-01",
    ]  # fmt: skip


def test_the_last_day_is_the_first_end_with_its_days_of_grace() -> None:
    policy = "bump: {defaults: {grace: 5}, axes: {a: {grace: 31}, b: {grace: 0}}}\n"
    axes = (
        "axes:\n  os: {'1': {sources: [{bootstrap: one}], eol: 2027-02-01}}\n"
        "  a: {x: {eol: 2026-12-31}, y: {eol: 9999-12-01}}\n  b: {z: {eol: 2027-02-05}}\n"
    )
    images = "  it: {from: base, axes: [a]}\n  on: {from: it, axes: [b]}\n"
    _, expansion = expanded(policy + axes + BASE + images)
    assert {key: target.last_day for key, target in expansion.targets.items()} == {
        "base/os=1": "2027-02-06",
        "it/os=1,a=x": "2027-01-31",
        "it/os=1,a=y": "2027-02-06",
        "on/os=1,a=x,b=z": "2027-01-31",
        "on/os=1,a=y,b=z": "2027-02-05",
    }
    target = expansion.targets["it/os=1,a=x"]
    days = ("2026-12-31", "2027-01-01", "2027-01-31", "2027-02-01")
    assert [(target.is_past(day), target.has_ended(day)) for day in days] == [
        (False, False), (True, False), (True, False), (True, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ({}, True),
        ({"a": ("x",)}, True),
        ({"a": ("y", "x")}, True),
        ({"a": ("y",)}, False),
        ({"a": ("x",), "b": ("p",)}, False),
        ({"b": ("p",)}, False),
    ],
)
def test_the_one_predicate(constraint: dict[str, tuple[str, ...]], *, expected: bool) -> None:
    assert matches(constraint, {"a": "x"}) is expected


def test_a_matrix_that_nobody_could_build() -> None:
    values = ", ".join(f"v{number}: {{}}" for number in range(20))
    axes = [f"x{number}" for number in range(8)]
    text = AXES + "".join(f"  {axis}: {{{values}}}\n" for axis in axes) + BASE
    with pytest.raises(ConfigError) as caught:
        expanded(text + f"  it: {{from: base, axes: [{', '.join(axes)}]}}\n")
    assert caught.value.message == "up to image it there are more than 200,000 variants"
    with pytest.raises(ConfigError) as caught:
        expanded(text + "  it: {from: base, axes: [x0, x1, x2]}\n")
    assert str(caught.value) == (
        "matrix.yaml:25:3: with image it the catalog has more than 10,000 variants\n"
        "      it: {from: base, axes: [x0, x1, x2]}\n"
        "      ^\n"
        "  hint: give its images fewer axes, or `only` a part of their values"
    )
