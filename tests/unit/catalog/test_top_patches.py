"""Patches put recipes on top of the images that they select, or take them away."""

from __future__ import annotations

import pytest

from builder.catalog.evaluation import Evaluated, evaluated
from builder.common.errors import BuilderError
from tests.fakes.small_catalog import MATRIX, folders, with_patches

TOPS = {"trust": "summary: Trust\n", "words": "summary: Words\nneeds: [lang]\n"}
DESK = "desk/os=2,lang=1.9"


def tops(found: Evaluated) -> dict[str, tuple[str, ...]]:
    """The top recipes of the images that have any."""
    return {name: image.top for name, image in found.matrix.images.items() if image.top}


def test_they_are_put_on_what_is_selected_one_on_the_other() -> None:
    found = with_patches(
        "  authority: {images: charted, top+: [trust], why: w}\n"
        "  packages: {images: 'charted, has:lang', top+: [words], why: w}",
        more=TOPS,
    )
    assert tops(found) == {"desk": ("trust", "words"), "tray": ("trust",)}
    targets = found.expansion.targets
    assert [targets[key].recipe for key in (DESK, f"{DESK}~trust", f"{DESK}~")] == [
        "words", "trust", "desk",
    ]  # fmt: skip
    assert found.recipes.keys() == {"base", "speech", "desk", "tray", "trust", "words"}
    assert "speech/os=2,lang=1.9~" not in targets


def test_they_are_taken_away_where_they_are() -> None:
    matrix = MATRIX.replace("desk: {from: speech}", "desk: {from: speech, top: [trust, words]}")
    found = with_patches("  p: {images: charted, top-: [trust], why: w}", matrix, TOPS)
    assert tops(found) == {"desk": ("words",)}


def test_a_catalog_above_puts_them_on_what_one_below_has_and_what_it_has_not() -> None:
    below = MATRIX.replace("desk: {from: speech}", "desk: {from: speech, top: [trust]}")
    text = "extends: {path: x, name: below1}\ncatalog: {name: mine}\n"
    line = "images: {desk: {top+: [words]}, tray: {top: [trust]}}\n"
    found = evaluated(folders(text + line, below, more=TOPS), [])
    assert tops(found) == {"desk": ("trust", "words"), "tray": ("trust",)}


@pytest.mark.parametrize(
    ("patches", "message"),
    [
        (
            "  p: {images: '*', top+: [words], why: w}",
            "matrix.yaml:15:27: patch 'p': recipe words needs lang, and image base has no axis lang"
            " [E-PATCH-VALUE]\n"
            "      p: {images: '*', top+: [words], why: w}\n"
            "                              ^\n"
            "  hint: select images that have it: `has:lang`",
        ),
        (
            "  p: {images: tray, top+: [words, trust], except: tray, expect: 0+, why: w}\n"
            "  q: {images: tray, top+: [trust], why: w}\n"
            "  r: {images: tray, top+: [trust], why: w}",
            "matrix.yaml:17:28: patch 'r': each of its 1 image has top 'trust' already"
            " [E-PATCH-VALUE]\n"
            "      r: {images: tray, top+: [trust], why: w}\n"
            "                               ^",
        ),
        (
            "  q: {images: tray, top+: [trust], why: w}\n"
            "  r: {images: [tray, desk], top-: [trsut], why: w}",
            "matrix.yaml:16:36: patch 'r': none of its 2 images has top 'trsut' [E-PATCH-VALUE]\n"
            "      r: {images: [tray, desk], top-: [trsut], why: w}\n"
            "                                       ^\n"
            "  hint: did you mean trust?",
        ),
    ],
)
def test_what_is_wrong_is_said_where_the_patch_says_it(patches: str, message: str) -> None:
    with pytest.raises(BuilderError) as caught:
        with_patches(patches, more=TOPS)
    assert str(caught.value) == message


def test_what_is_not_offered_gets_none() -> None:
    matrix = MATRIX.replace("axes: [lang]}", "axes: [lang], publish: false}")
    offer = f"offer: {{charts: [desk]}}\n{MATRIX}"
    patch = "  p: {images: speech, top+: [trust], why: w}"
    for text, line in ((matrix, 15), (offer, 16)):
        with pytest.raises(BuilderError) as caught:
            with_patches(patch, text, TOPS)
        assert str(caught.value).startswith(
            f"matrix.yaml:{line}:30: patch 'p': image 'speech' is not offered, so nothing gets its"
            " top 'trust' [E-TOP-UNUSED]\n"
        )


def test_a_mirrored_image_is_left_alone_and_told() -> None:
    matrix = MATRIX.replace(
        "images:\n", "  far: {'1': {sources: [{image: example.org/far}]}}\nimages:\n"
        "  far: {upstream: far, axes: [far]}\n",
    )  # fmt: skip
    more = {**TOPS, "far": "summary: Far\n"}
    found = with_patches("  p: {images: offered, top+: [trust], why: w}", matrix, more)
    assert tops(found).keys() == {"base", "speech", "desk", "tray"}
    assert found.notes == ("patch 'p': far is mirrored as it is, and gets no top 'trust'",)
    with pytest.raises(BuilderError) as caught:
        with_patches("  p: {images: far, top+: [trust], why: w}", matrix, more)
    assert str(caught.value).startswith(
        "matrix.yaml:17:27: patch 'p': image 'far' is mirrored as it is, and gets no top 'trust'"
        " [E-TOP-MIRRORED]\n"
    )
