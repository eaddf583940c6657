"""A catalog offers a part of what it has: all else is neither built nor locked nor planned."""

from __future__ import annotations

import pytest

from builder.catalog.evaluation import Evaluated, evaluated
from builder.common.errors import BuilderError
from tests.fakes.small_catalog import MATRIX, folders


def offering(offer: str, more: str = "") -> Evaluated:
    return evaluated(folders(f"{MATRIX}offer: {offer}\n{more}"), [])


def released(found: Evaluated) -> list[str]:
    return [target.id for target in found.expansion.targets.values() if target.publish]


def test_what_nothing_offered_needs_is_left_out() -> None:
    found = offering("{charts: new}")
    assert list(found.expansion.charts) == list(found.matrix.charts) == ["new"]
    assert list(found.expansion.targets) == [
        "base/os=2", "base/os=1", "speech/os=2,lang=1.10", "speech/os=1,lang=1.10",
        "desk/os=2,lang=1.10", "desk/os=1,lang=1.10",
    ]  # fmt: skip
    assert released(found) == ["desk/os=2,lang=1.10", "desk/os=1,lang=1.10"]
    assert list(found.matrix.images) == list(found.recipes) == ["base", "speech", "desk"]


def test_images_are_offered_without_a_chart() -> None:
    found = offering("{charts: [tray], images: ['base', 'lang=1.9, not desk']}")
    assert list(found.expansion.variants) == ["base", "speech", "tray"]
    assert len(released(found)) == len(found.expansion.targets)


def test_a_patch_selects_only_what_is_offered() -> None:
    found = offering(
        "{charts: [new, desk]}",
        "patches:\n  p: {charts: '*', expect: '2', why: w, only: {os: [first]}}\n"
        "  q: {images: has:lang, why: w, only: {lang: [first, '1.9']}}\n",
    )
    assert [item.id for item in found.expansion.charts["desk"]] == [
        "desk/os=2,lang=1.10", "desk/os=2,lang=1.9",
    ]  # fmt: skip
    assert [target for target in found.expansion.targets if "os=1" in target] == []
    assert "base/os=1" not in found.expansion.targets
    assert list(found.expansion.bases) == ["os=2@linux/amd64"]


def test_an_optional_input_of_what_is_offered_stays() -> None:
    text = MATRIX.replace(
        "desk: {from: speech}", "desk: {from: speech, inputs: [{image: tray, optional: true}]}"
    )
    found = evaluated(folders(f"{text}offer: {{charts: [new]}}\n"), [])
    assert "tray/os=2" in found.expansion.targets
    assert "tray/os=2" not in released(found)


@pytest.mark.parametrize(
    ("offer", "message"),
    [
        (
            "{charts: [desk, nwe]}",
            "matrix.yaml:14:24: offer: 'nwe' selects no chart [E-OFFER-NOTHING]\n"
            "    offer: {charts: [desk, nwe]}\n"
            "                           ^\n"
            "  hint: did you mean new?",
        ),
        (
            "{images: feature=core}",
            "matrix.yaml:14:9: offer: 'feature=core' selects by nothing known"
            " [E-PATCH-SELECTOR]\n"
            "    offer: {images: feature=core}\n"
            "            ^\n"
            "  hint: known: recipe, from-catalog, os, lang",
        ),
    ],
)
def test_an_offer_of_nothing(offer: str, message: str) -> None:
    with pytest.raises(BuilderError) as caught:
        offering(offer)
    assert str(caught.value) == message
