"""The grammar of tags."""

from __future__ import annotations

import pytest

from builder.catalog import tags
from builder.common.errors import ConfigError, Location
from builder.oci.reference import is_tag
from tests.fakes.matrices import expanded

AXES = """
axes:
  os:
    "2": {sources: [{bootstrap: two}]}
    "1": {sources: [{bootstrap: one}]}
  lang:
    "1.10": {requires: {os: "2"}, tag: "lang{version}"}
    "1.9": {requires: {os: "1"}, tag: "lang{version}"}
  gpu: {none: {}, "12": {tag: gpu}, "13": {}}
images:
  base: {from: os, axes: [os]}
  lame: {from: base, axes: [lang]}
  full: {from: lame, axes: [gpu]}
"""
VERSIONS = {"lang=1.10": "1.10.4", "lang=1.9": "1.9.7"}


@pytest.mark.parametrize(
    ("variant", "exact", "line"),
    [
        ("base/os=2", "latest", "latest"),
        ("base/os=1", "os1", "os1"),
        ("lame/os=2,lang=1.10", "lang1.10.4", "lang1.10"),
        ("lame/os=1,lang=1.9", "lang1.9.7", "lang1.9"),
        ("full/os=2,lang=1.10,gpu=none", "lang1.10.4", "lang1.10"),
        ("full/os=2,lang=1.10,gpu=12", "lang1.10.4-gpu", "lang1.10-gpu"),
        ("full/os=1,lang=1.9,gpu=13", "lang1.9.7-gpu13", "lang1.9-gpu13"),
    ],
)
def test_a_tag_says_what_cannot_be_taken_for_granted(variant: str, exact: str, line: str) -> None:
    matrix, expansion = expanded(AXES)
    found = expansion.targets[variant].variant
    assert tags.tag(found, matrix, VERSIONS) == exact
    assert tags.line_tag(found, matrix) == line


PREVIEW = """
axes:
  os:
    "3": {sources: [{bootstrap: three}], tag: "-os3", preview: true}
    "2": {sources: [{bootstrap: two}]}
  lang: {"1.10": {tag: "lang{version}"}, "1.11": {preview: true}, "1.12": {preview: true, tag: ""}}
images:
  base: {from: os, axes: [os]}
  lame: {from: base, axes: [lang]}
  mute: {from: lame, untagged: [lang]}
"""


@pytest.mark.parametrize(
    ("variant", "exact"),
    [
        ("base/os=2", "latest"),
        ("base/os=3", "os3"),
        ("lame/os=2,lang=1.11", "lang1.11"),
        ("lame/os=3,lang=1.10", "lang1.10.4-os3"),
        ("mute/os=2,lang=1.12", "lang1.12"),
    ],
)
def test_a_preview_always_has_a_part_of_its_own(variant: str, exact: str) -> None:
    matrix, expansion = expanded(PREVIEW)
    found = expansion.targets[variant].variant
    assert tags.tag(found, matrix, VERSIONS) == exact


def test_a_preview_is_last_and_is_not_latest() -> None:
    matrix, expansion = expanded(PREVIEW)
    assert [variant.id for variant in expansion.variants["lame"]] == [
        "lame/os=2,lang=1.10", "lame/os=2,lang=1.11", "lame/os=2,lang=1.12",
        "lame/os=3,lang=1.10", "lame/os=3,lang=1.11", "lame/os=3,lang=1.12",
    ]  # fmt: skip
    for variant in expansion.variants["lame"][1:]:
        exact = tags.tag(variant, matrix, VERSIONS)
        assert "latest" not in tags.rolling(variant, matrix, exact, first=variant.id)[-1]


SUFFIX = AXES.replace("{tag: gpu}", '{tag: "-gpu"}')


@pytest.mark.parametrize(
    ("variant", "exact"),
    [
        ("base/os=2,gpu=12", "latest-gpu"),
        ("base/os=1,gpu=12", "os1-gpu"),
        ("lame/os=2,gpu=12,lang=1.10", "lang1.10.4-gpu"),
        ("lame/os=2,gpu=none,lang=1.10", "lang1.10.4"),
        ("mute/os=1,gpu=12,lang=1.9", "latest-gpu"),
        ("deaf/os=1,gpu=12,lang=1.9", "latest-gpu"),
    ],
)
def test_a_suffix_goes_last_and_some_axes_say_nothing(variant: str, exact: str) -> None:
    text = SUFFIX.partition("images:")[0] + (
        "images:\n"
        "  base: {from: os, axes: [os, gpu]}\n"
        "  lame: {from: base, axes: [lang]}\n"
        "  mute: {from: lame, untagged: [lang], only: {lang: ['1.9']}}\n"
        "  deaf: {from: mute}\n"
    )
    matrix, expansion = expanded(text)
    found = expansion.targets[variant].variant
    assert tags.tag(found, matrix, VERSIONS) == exact
    assert tags.rolling(found, matrix, exact, first=found.id)[-1] == (
        "latest-gpu" if variant.count("gpu=12") else "latest"
    )


def test_without_a_lock_the_line_stands_for_the_version() -> None:
    matrix, expansion = expanded(AXES)
    assert tags.tag(expansion.variants["lame"][0], matrix, {}) == "lang1.10"


def test_what_rolls() -> None:
    matrix, expansion = expanded(AXES)
    first, second = expansion.variants["lame"]
    assert tags.rolling(first, matrix, "lang1.10.4", first=first.id) == (
        "lang1.10.4", "lang1.10", "latest",
    )  # fmt: skip
    assert tags.rolling(second, matrix, "lang1.9.7", first=first.id) == ("lang1.9.7", "lang1.9")
    base = expansion.variants["base"][0]
    assert tags.rolling(base, matrix, "latest", first=base.id) == ("latest",)


def test_the_same_tag_in_two_images_is_no_clash() -> None:
    matrix, expansion = expanded(AXES + "  twin: {recipe: lame, from: base, axes: [lang]}\n")

    class Nowhere:
        def at_key(self, path: object) -> None:
            raise AssertionError(path)

    assert tags.check(expansion, matrix, Nowhere()) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "exact"),
    [
        ("2026.04.0+526", "lang2026.04.0_526"),
        ("1:4.4.2~rc1+dfsg-1", "lang1_4.4.2_rc1_dfsg-1"),
        ("1.0 (é)", "lang1.0____"),
    ],
)
def test_a_sign_of_a_version_that_no_tag_may_have(version: str, exact: str) -> None:
    matrix, expansion = expanded(AXES)
    found = expansion.targets["lame/os=2,lang=1.10"].variant
    versions = {"lang=1.10": version}
    assert tags.tag(found, matrix, versions) == exact
    assert is_tag(exact)
    assert tags.is_replaced(found, matrix, versions)
    assert not tags.is_replaced(found, matrix, VERSIONS)


def test_a_tag_that_is_too_long_for_a_release_names_the_value() -> None:
    matrix, expansion = expanded(AXES)
    found = expansion.targets["lame/os=2,lang=1.10"].variant
    longest = "1" * (128 - len("lang-2026.11.30.99"))
    assert tags.tag(found, matrix, {"lang=1.10": longest}) == f"lang{longest}"
    with pytest.raises(ConfigError) as caught:
        tags.tag(found, matrix, {"lang=1.10": f"{longest}1"})
    assert str(caught.value) == (
        f"the tag 'lang{longest}1' of lame/os=2,lang=1.10 is not valid\n"
        f"  hint: give lang=1.10 ({longest}1) a `tag` in matrix.yaml that begins with a letter,"
        " a digit or _; with the release it may have 128 characters"
    )


def test_a_tag_that_begins_with_a_dot_is_refused_before_anything_is_locked() -> None:
    matrix, expansion = expanded(AXES.replace('tag: "lang{version}"', 'tag: ".{version}"', 1))
    (error,) = tags.check(expansion, matrix, Places())[:1]
    assert str(error) == (
        "matrix.yaml:3:1: the tag '.1.10' of lame/os=2,lang=1.10 is not valid\n"
        "  hint: give lang=1.10 (1.10) a `tag` in matrix.yaml that begins with a letter, a digit"
        " or _; with the release it may have 128 characters"
    )


class Places:
    """Every key stands at the same place."""

    def at_key(self, path: object) -> Location:
        return Location(file="matrix.yaml", line=3, column=1)

    def at(self, path: object) -> Location:
        raise AssertionError(path)
