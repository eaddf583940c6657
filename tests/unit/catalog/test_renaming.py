"""A catalog calls images and charts of the one that it stands on otherwise, and brands them."""

from __future__ import annotations

import pytest

from builder.catalog.evaluation import Evaluated, evaluated
from builder.common.errors import BuilderError
from tests.fakes.small_catalog import MATRIX, folders, rendered

BELOW = (
    MATRIX.replace("desk: {from: speech}", "desk: {from: speech, inputs: [tray]}") + "patches:\n"
    "  p: {charts: [desk, 'ne*'], expect: '2', why: w, values: {image.version: {title: T}}}\n"
    "  q: {images: [desk, tray], expect: '2', why: w, untagged+: [os], only: {os: [first]}}\n"
    "  r: {charts: image=desk, expect: '2', why: w, head: {home: https://a.org}}\n"
)
TOP = "extends: {path: ../below}\ncatalog: {name: mine}\n"
NAMES = "images:\n  tray: {as: board}\n  desk: {as: table}\ncharts:\n  desk: {as: workplace}\n"


def over(text: str, *below: str) -> Evaluated:
    return evaluated(folders(TOP + text, *(below or (BELOW,))), [])


def refused(text: str, *below: str) -> str:
    with pytest.raises(BuilderError) as caught:
        over(text, *below)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_images_and_charts_have_the_new_names_and_the_recipes_of_the_old() -> None:
    found = over(NAMES)
    assert list(found.matrix.images) == ["base", "speech", "table", "board"]
    assert {name: chart.image for name, chart in found.matrix.charts.items()} == {
        "workplace": "table", "new": "table", "tray": "board",
    }  # fmt: skip
    assert (found.matrix.images["table"].recipe, found.matrix.charts["workplace"].recipe) == (
        "desk", "desk",
    )  # fmt: skip
    target = found.expansion.targets["table/os=2,lang=1.10"]
    assert target.inputs == (("tray", "board/os=2"),)


def test_patches_below_select_by_the_old_names() -> None:
    found = over(NAMES)
    assert found.matrix.matched == {
        "p": ("workplace", "new"), "q": ("table", "board"), "r": ("workplace", "new"),
    }  # fmt: skip


def test_selectors_above_have_the_new_names_alone() -> None:
    assert over(NAMES + "offer: {charts: workplace}\n").expansion.charts.keys() == {"workplace"}
    assert refused(NAMES + "offer: {charts: [desk]}\n") == (
        "matrix.yaml:8:18: offer: 'desk' selects no chart [E-OFFER-NOTHING]\n"
        "    offer: {charts: [desk]}\n"
        "                     ^\n"
        "  hint: it is called workplace here (matrix.yaml:7:14)"
    )
    assert refused(NAMES + "patches: {o: {images: tray, why: w}}\n") == (
        "matrix.yaml:8:15: patch 'o' selects no image [E-PATCH-NOTHING]\n"
        "    patches: {o: {images: tray, why: w}}\n"
        "                  ^\n"
        "  hint: it is called board here (matrix.yaml:4:14)"
    )
    assert refused(NAMES.replace("images:", "images:\n  own: {from: tray, recipe: tray}")) == (
        "matrix.yaml:4:15: unknown parent 'tray'\n"
        "      own: {from: tray, recipe: tray}\n"
        "                  ^\n"
        "  hint: it is called board here (matrix.yaml:5:14)"
    )


def test_a_third_catalog_has_the_names_of_the_second() -> None:
    middle = TOP + NAMES
    found = over("charts:\n  workplace: {as: bench, only: {lang: [first]}}\n", BELOW, middle)
    assert list(found.expansion.charts) == ["bench", "new", "tray"]
    assert len(found.expansion.charts["bench"]) == 1
    assert found.matrix.matched["p"] == ("bench", "new")
    assert refused("charts: {desk: null}\n", BELOW, middle).startswith(
        "matrix.yaml:3:10: there is no chart 'desk' to remove [E-MERGE-NOTHING]"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "charts: {mine: {as: yours, image: desk, recipe: big}}\n",
            "matrix.yaml:3:17: there is no chart 'mine' below to call otherwise"
            " [E-MERGE-NOTHING]\n"
            "    charts: {mine: {as: yours, image: desk, recipe: big}}\n"
            "                    ^\n"
            "  hint: did you mean new?",
        ),
        (
            "charts: {desk: {as: new}}\n",
            "matrix.yaml:3:17: there is chart 'new' already [E-MERGE-PRESENT]\n"
            "    charts: {desk: {as: new}}\n"
            "                    ^\n"
            "  hint: give it another name",
        ),
        (
            "charts: {desk: {also: [new]}}\n",
            "matrix.yaml:3:24: chart desk is also called 'new', as another chart is\n"
            "    charts: {desk: {also: [new]}}\n"
            "                           ^\n"
            "  hint: remove one of them",
        ),
    ],
)
def test_a_name_that_cannot_be(text: str, message: str) -> None:
    assert refused(text) == message


def test_a_catalog_that_stands_alone_calls_what_it_has_by_one_name() -> None:
    with pytest.raises(BuilderError) as caught:
        folders(MATRIX.replace("desk: {image: desk}", "desk: {image: desk, as: table}"))
    assert str(caught.value) == (
        "matrix.yaml:11:23: chart 'desk' is declared here, and needs no `as`\n"
        "      desk: {image: desk, as: table}\n"
        "                          ^\n"
        "  hint: call it table at once; `as` is for what a catalog below declares"
    )


def test_a_chart_is_published_under_further_names() -> None:
    found = over(NAMES.replace("as: workplace", "as: workplace, also: [desk]"))
    assert found.expansion.charts["desk"] == found.expansion.charts["workplace"]
    old, new = rendered(found, "desk"), rendered(found, "workplace")
    assert b"\ndeprecated: true\n" in old["Chart.yaml"]
    assert b"deprecated" not in new["Chart.yaml"]
    assert old["values.schema.json"] == new["values.schema.json"]
    assert found.matrix.matched["p"] == ("workplace", "new")


def test_a_head_adds_to_the_words_of_the_recipe_whatever_a_head_below_says() -> None:
    below = BELOW.replace("desk: {image: desk}", "desk: {image: desk, head: {title: Below}}")
    found = over("charts: {desk: {head: {keywords+: [ours]}}}\n", below)
    about = rendered(found, "desk")["Chart.yaml"].decode()
    assert 'keywords:\n  - "wood"\n  - "ours"\n' in about


def test_icons_come_from_a_place_of_our_own() -> None:
    text = TOP.replace("name: mine", "name: mine, branding: {icons: https://mine.org/icons/}")
    text += "charts: {new: {head: {icon: https://else.org/new.svg}}}\n"
    found = evaluated(folders(text, BELOW), [])
    icons = [rendered(found, name)["Chart.yaml"].decode() for name in ("desk", "new")]
    assert 'icon: "https://mine.org/icons/desk.svg"\n' in icons[0]
    assert 'icon: "https://else.org/new.svg"\n' in icons[1]
