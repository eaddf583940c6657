"""A catalog takes values and variants away from those that it stands on, and fewer are left."""

from __future__ import annotations

import json

import pytest

from builder.app.pruned_data import without
from builder.catalog.evaluation import Evaluated, evaluated
from builder.common.errors import BuilderError
from tests.fakes.small_catalog import MATRIX, folders

BELOW = (
    MATRIX.replace(
        "tray: {from: base}",
        "tray: {from: base, only: {os: ['1', '2']}}\n"
        "  pad: {from: speech, recipe: tray, only: {lang: ['1.9', '1.8']},"
        " exclude: [{lang: '1.8'}]}\n"
        "  ink: {from: pad, recipe: tray}\n"
        "  pen: {from: base, recipe: tray, inputs: [{image: pad, optional: true}]}\n"
        "  cap: {from: base, recipe: tray, inputs: [pen]}",
    )
    + "  pad: {recipe: big, image: pad}\n"
)
TOP = "extends: {path: ../below}\ncatalog: {name: mine}\n"


def over(text: str, below: str = BELOW) -> Evaluated:
    return evaluated(folders(TOP + text, below), [])


def refused(text: str, below: str = BELOW) -> str:
    with pytest.raises(BuilderError) as caught:
        over(text, below)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_lists_below_lose_the_names_of_values_that_are_gone() -> None:
    found = over("axes: {os: {'1': null}, lang: {'1.10': null}}\n")
    assert [item.id for item in found.expansion.variants["tray"]] == ["tray/os=2"]
    assert [item.id for item in found.expansion.variants["pad"]] == ["pad/os=2,lang=1.9"]
    assert found.expansion.pruned.entries == (("images", "tray", "only", "os", 0),)
    assert found.notes == (
        "note: 1 name in lists of catalogs below left out: nothing here has them",
    )


def test_what_has_no_target_left_is_left_out_with_all_that_needs_only_it() -> None:
    found = over("patches: {p: {images: has:lang, why: w, only: {lang: [first]}}}\n")
    assert list(found.matrix.images) == list(found.expansion.variants) == [
        "base", "speech", "desk", "tray", "pen", "cap",
    ]  # fmt: skip
    assert list(found.matrix.charts) == ["desk", "new", "tray"]
    assert found.matrix.images["pen"].inputs == ()
    assert found.expansion.targets["pen/os=2"].inputs == ()
    assert found.notes == (
        "note: 3 names in lists of catalogs below left out: nothing here has them",
        "note: 2 images of catalogs below left out: no target of pad and ink is left",
        "note: 1 chart of catalogs below left out: no target of pad is left",
    )


def test_a_variant_whose_input_is_gone_is_left_out() -> None:
    found = over("patches: {p: {images: pen, why: w, only: {os: ['2']}}}\n")
    assert [item.id for item in found.expansion.variants["cap"]] == ["cap/os=2"]
    assert "base/os=1" in found.expansion.targets


def test_what_no_platform_has_is_left_out() -> None:
    below = BELOW.replace("tray: {from: base,", "tray: {from: base, platforms: [linux/amd64],")
    text = "catalog: {name: mine, platforms: [linux/arm64]}\n"
    found = evaluated(folders(f"extends: {{path: ../below}}\n{text}", below), [])
    assert "tray" not in found.matrix.images
    assert "tray" not in found.matrix.charts
    assert "desk/os=2,lang=1.10" in found.expansion.targets


def test_what_a_patch_below_expects_it_expects_of_its_own_catalog() -> None:
    below = BELOW + "patches: {p: {charts: [pad, new], expect: '2', why: w, features+: [plain]}}\n"
    found = over("charts: {pad: null, new: {features: [plain]}}\n", below)
    assert found.matrix.matched == {"p": ("new",)}
    own = refused("charts: {pad: null}\npatches: {p: {why: ours}}\n", below)
    assert own.startswith("below1:matrix.yaml:19:35: patch 'p' selects 1 chart, and expects 2")


@pytest.mark.parametrize(
    "text",
    [
        "axes: {os: {'1': null}, lang: {'1.10': null}}\n",
        "patches: {p: {images: has:lang, why: w, only: {lang: [first]}}}\n",
        "axes: {lang: {'1.8': null}}\npatches: {p: {images: pen, why: w, only: {os: ['2']}}}\n",
    ],
)
def test_what_is_left_out_is_left_out_of_the_catalog_that_stands_alone(text: str) -> None:
    found = over(text)
    data = folders(TOP + text, BELOW).file.document.data
    alone = {key: value for key, value in data.items() if key != "extends"}
    again = evaluated(folders(json.dumps(without(alone, found.expansion.pruned))), [])
    assert again.expansion.needs == found.expansion.needs
    assert again.expansion.charts == found.expansion.charts
    assert again.notes == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "axes: {lang: {'1.9': null}}\ncharts: {new: {only: {lang: ['1.10', '1.9']}}}\n",
            "matrix.yaml:3:15: value '1.9' of axis lang is removed, and 1 thing needs it"
            " [E-REMOVED-IN-USE]\n"
            "    axes: {lang: {'1.9': null}}\n"
            "                  ^\n"
            "  hint: keep it, or change or remove, too: charts.new (matrix.yaml:4:38)",
        ),
        (
            "images: {pad: null}\n",
            "matrix.yaml:3:10: image 'pad' is removed, and 3 things need it [E-REMOVED-IN-USE]\n"
            "    images: {pad: null}\n"
            "             ^\n"
            "  hint: keep it, or change or remove, too: images.ink (below1:matrix.yaml:11:15),"
            " images.pen (below1:matrix.yaml:12:44) and charts.pad (below1:matrix.yaml:18:29)",
        ),
        (
            "images: {mine: {from: pad, recipe: tray}}\n"
            "patches: {p: {images: has:lang, why: w, only: {lang: [first]}}}\n",
            "matrix.yaml:3:10: image mine needs pad, of which no target is left\n"
            "    images: {mine: {from: pad, recipe: tray}}\n"
            "             ^\n"
            "  hint: remove it here, too, or keep what it needs",
        ),
        (
            "charts: {mine: {recipe: big, image: pad}}\n"
            "patches: {p: {images: has:lang, why: w, only: {lang: [first]}}}\n",
            "matrix.yaml:3:10: chart mine offers pad, of which no target is left\n"
            "    charts: {mine: {recipe: big, image: pad}}\n"
            "             ^\n"
            "  hint: remove it here, too, or keep what it needs",
        ),
        (
            "images: {pad: {publish: true}}\n"
            "patches: {p: {images: speech, why: w, only: {lang: [first]}}}\n",
            "matrix.yaml:3:15: the constraints of image pad leave no target\n"
            "    images: {pad: {publish: true}}\n"
            "                  ^",
        ),
        (
            "patches: {p: {images: [tray], why: w, only: {os: ['1']}, exclude+: [{os: '1'}]}}\n",
            "matrix.yaml:3:69: patch 'p' leaves no target of image tray [E-PATCH-VALUE]\n"
            "    patches: {p: {images: [tray], why: w, only: {os: ['1']}, exclude+: [{os: '1'}]}}\n"
            "                                                                        ^\n"
            "  hint: `except: tray`, or remove the image",
        ),
    ],
)
def test_what_the_own_catalog_names_is_an_error(text: str, message: str) -> None:
    assert refused(text) == message
