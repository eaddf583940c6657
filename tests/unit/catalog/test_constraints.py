"""Lists of values: by name, and by what they are."""

from __future__ import annotations

import pytest

from builder.catalog.constraints import chosen
from builder.common.errors import ConfigError, Problems
from tests.fakes.matrices import expanded, ids, matrix
from tests.fakes.this_catalog import this_catalog

AXES = """
axes:
  os:
    "2": {sources: [{bootstrap: two}]}
    "1": {sources: [{bootstrap: one}]}
  cuda: {none: {}, "12": {provider: debian}, "9": {provider: nvidia}}
  lang:
    "3.9": {provider: apt, only: {os: "1"}}
    "3.13": {provider: apt, requires: {os: "2"}}
    "3.15": {provider: uv}
    "3.2cpu": {provider: uv, release_line: "3.2"}
images:
  base: {from: os, axes: [os]}
"""


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        ("first", "3.9"),
        ("newest", "3.15"),
        ("not 3.15", "3.9 3.13 3.2cpu"),
        ("not 3.15, not 3.9", "3.13 3.2cpu"),
        ("from apt", "3.9 3.13"),
        ("from apt, newest", "3.13"),
        ("newest, from apt", ""),
        (">= 3.13", "3.13 3.15"),
        (">=3.13", "3.13 3.15"),
        ("> 3.13", "3.15"),
        ("< 3.9", "3.2cpu"),
        ("<= 3.9", "3.9 3.2cpu"),
        ("> 3.2, < 3.15, not  3.9", "3.13"),
        ("3.13", "3.13"),
        ("not 3.16", "3.9 3.13 3.15 3.2cpu"),
        ("> x", ""),
        ("", ""),
        (">= " + "9" * 5000, ""),
    ],
)
def test_what_an_entry_chooses(entry: str, names: str) -> None:
    assert " ".join(chosen(entry, matrix(AXES).axes["lang"])) == names


def test_what_has_no_number_is_never_the_newest_and_in_no_comparison() -> None:
    cuda = matrix(AXES).axes["cuda"]
    assert chosen("newest", cuda) == ("12",)
    assert chosen(">= 0", cuda) == ("12", "9")
    assert chosen("newest", cuda[:1]) == ()


def test_an_image_chooses_among_what_its_parent_has() -> None:
    parent = "  old: {from: base, axes: [lang], only: {os: '1'}}\n"
    child = "  it: {from: old, only: {lang: [from apt, newest]}}\n"
    assert ids(AXES + parent + child, "it") == ["os=1,lang=3.9", "os=1,lang=3.15"]
    first = "  old: {from: base, axes: [lang], only: {lang: [newest, '3.13']}}\n"
    assert ids(AXES + first + "  it: {from: old, only: {lang: first}}\n", "it") == [
        "os=2,lang=3.13"
    ]


def test_what_an_image_leaves_out_is_chosen_among_what_is_left() -> None:
    images = "  it: {from: base, axes: [cuda], exclude: [{os: first, cuda: [not none]}]}\n"
    assert ids(AXES + images, "it") == [
        "os=2,cuda=none", "os=1,cuda=none", "os=1,cuda=12", "os=1,cuda=9",
    ]  # fmt: skip


def test_a_value_requires_one_of_all_that_there_are() -> None:
    """What a release line needs does not depend on what an image keeps."""
    axes = AXES.replace('requires: {os: "2"}', "requires: {os: first}").replace(
        'only: {os: "1"}', "only: {os: [not 2]}"
    )
    images = (
        "  it: {from: base, axes: [lang], only: {lang: [from apt]}}\n"
        "  old: {from: base, axes: [lang], only: {os: '1', lang: [from apt]}}\n"
    )
    assert ids(axes + images, "it") == ["os=2,lang=3.13", "os=1,lang=3.9"]
    assert ids(axes + images, "old") == ["os=1,lang=3.9"]


def test_a_chart_chooses_among_what_its_image_has() -> None:
    images = "  it: {from: base, axes: [cuda], only: {cuda: [none, '9']}}\n"
    charts = "charts:\n  it: {image: it, only: {cuda: not none}}\n"
    _, expansion = expanded(AXES + images + charts)
    assert [variant.id for variant in expansion.charts["it"]] == [
        "it/os=2,cuda=9",
        "it/os=1,cuda=9",
    ]


@pytest.mark.parametrize(
    ("entry", "message", "hint"),
    [
        ("not nonne", "axis cuda has no value 'nonne'", "did you mean none?"),
        ("newst", "axis cuda has no value 'newst'", "did you mean newest?"),
        ("from debain", "no value of axis cuda is from 'debain'", "did you mean debian?"),
        ('">= x"', "'x' is no version", "FORMS"),
        ("none of them", "'none of them' chooses no value", "FORMS"),
        ("not", "'not' chooses no value", "FORMS"),
        ('"not none,"', "'' chooses no value", "FORMS"),
        ('"==12"', "'==12' chooses no value", "FORMS"),
        ('"> 12"', "cuda: '> 12' matches no target here", "take it out of this list"),
        (
            "not none, not 9",
            "'not none' is an alternative to other entries, and chooses what they do, too",
            'join what must hold together: ["not none, not 9"]',
        ),
        (
            'not none, "12"',
            "'not none' is an alternative to other entries, and chooses what they do, too",
            "let it stand alone",
        ),
    ],
)
def test_an_entry_that_chooses_nothing(entry: str, message: str, hint: str) -> None:
    line = f"  it: {{from: base, axes: [cuda], only: {{cuda: [{entry}]}}}}"
    with pytest.raises((ConfigError, Problems)) as caught:
        expanded(AXES + line + "\n")
    error = caught.value.errors[0] if isinstance(caught.value, Problems) else caught.value
    forms = "write a name, `first`, `newest`, `not NAME`, `from PROVIDER` or `>= 3.13`"
    assert (error.message, error.hint) == (message, hint.replace("FORMS", forms))
    assert error.location is not None
    assert (error.location.source, error.location.column) == (line, line.index("cuda: [") + 8)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["first", "newest"])
def test_no_value_is_called_as_what_chooses_one(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        matrix(AXES.replace("none: {}", f"{name}: {{}}"))
    assert str(caught.value) == (
        f"matrix.yaml:7:10: a value cannot be called '{name}': lists of values mean another by it\n"
        f'      cuda: {{{name}: {{}}, "12": {{provider: debian}}, "9": {{provider: nvidia}}}}\n'
        "             ^\n"
        "  hint: give it another name, such as its release line"
    )


def test_this_catalog_names_two_values_where_it_could_say_what_they_are() -> None:
    """A new release line is entered in one place, its axis."""
    catalog = this_catalog().catalog.matrix
    lists = [
        entry
        for image in catalog.images.values()
        for constraint in (image.only, *image.exclude)
        for entry in constraint.items()
    ] + [entry for chart in catalog.charts.values() for entry in chart.only.items()]
    literals = {
        (axis, name)
        for axis, names in lists
        for name in names
        if name != "none" and name in {value.name for value in catalog.axes[axis]}
    }
    assert literals == {("spark", "4.1"), ("spark", "3.5")}
