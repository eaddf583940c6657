"""YAML of a catalog: merge keys, numbers, and what no reader can follow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builder.catalog.yaml_document import load, load_as_helm
from builder.common.errors import ConfigError
from tests.fakes.catalog import Folder

MERGED = """\
x-common: &common
  from: base
  axes: [lang]
x-more: &more {axes: [os], untagged: [lang]}
images:
  own: {<<: *common, recipe: tool}
  late: {axes: [gpu], <<: *common}
  both: {<<: [*common, *more]}
  quoted: {"<<": 1}
"""


# Each line stands for ten times the one above it.
MANY = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{above}'] * 10)}]\n"
    for above, name in zip("abcdef", "bcdefg", strict=True)
)


def test_merge_keys_are_taken() -> None:
    document, errors = load(MERGED, "matrix.yaml")
    assert errors == []
    assert document.data["images"] == {
        "own": {"from": "base", "axes": ["lang"], "recipe": "tool"},
        "late": {"from": "base", "axes": ["gpu"]},
        "both": {"from": "base", "axes": ["lang"], "untagged": ["lang"]},
        "quoted": {"<<": 1},
    }


def test_what_is_merged_has_the_place_where_it_was_written() -> None:
    document, _ = load(MERGED, "matrix.yaml")
    places = {
        ("images", "own", "from"): "matrix.yaml:2:3",
        ("images", "own", "recipe"): "matrix.yaml:6:22",
        ("images", "late", "axes"): "matrix.yaml:7:10",
        ("images", "both", "untagged"): "matrix.yaml:4:28",
    }
    assert {path: str(document.at_key(path)) for path in places} == places
    assert str(document.at(("images", "own", "axes", 0))) == "matrix.yaml:3:10"


NESTED = "[" * 40 + "{0}" + "]" * 40
NESTED_TWICE = f"a: &a {NESTED.format(1)}\nb: {NESTED.format('*a')}"
MERGED_IN_TURN = "- &a0 {b: 1}\n" + "".join(f"- &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, 2000))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {<<: 1}", "f:1:5: << takes a mapping, or a list of mappings\n"),
        ("a: {<<: [{b: 1}, 2]}", "f:1:5: << takes a mapping, or a list of mappings\n"),
        ("a: &a {b: *a}", "f:1:4: an alias refers to a node that contains it\n"),
        ("a: &a {<<: *a}", "f:1:4: an alias refers to a node that contains it\n"),
        ("[" * 5000, "f:1:66: it has more than 64 levels\n"),
        ("- " * 5000, "f:1:131: it has more than 64 levels\n"),
        ("{a: " * 5000, "f:1:258: it has more than 64 levels\n"),
        ("? " * 5000, "f:1:131: it has more than 64 levels\n"),
        (NESTED_TWICE, "f:1:31: it has more than 64 levels\n"),
        (MERGED_IN_TURN, "f:1:3: it has more than 64 levels\n"),
        (MANY, "f:1:4: its aliases expand to too many nodes\n"),
        ("a: !!float 1_000.5e99999999\nb: [" , "f:2:5: not YAML: "),
    ],
)  # fmt: skip
@pytest.mark.parametrize("reader", [load, load_as_helm])
def test_what_cannot_be_followed(reader: object, text: str, message: str) -> None:
    assert callable(reader)
    with pytest.raises(ConfigError) as caught:
        reader(text, "f")
    assert f"{caught.value}\n".startswith(message)


def test_an_octal_number_is_the_number_that_helm_has() -> None:
    document, _ = load("a: 0440\nb: 0o440\nc: '0440'\nd: yes\ne: 1.50\n", "f")
    assert document.data == {"a": 288, "b": 288, "c": "0440", "d": "yes", "e": 1.5}


# What Helm makes of each was asked of Helm 4.1.
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1" + "0" * 30, 1e30),
        ("0" + "7" * 30, 7.777777777777778e29),
        ("0x" + "f" * 30, "0x" + "f" * 30),
        ("0b" + "1" * 70, "0b" + "1" * 70),
        ("1" * 400, "1" * 400),
        ("1" * 5000, "1" * 5000),
        ("0x" + "f" * 5000, "0x" + "f" * 5000),
    ],
)
def test_an_integer_that_is_larger_than_64_bits(text: str, value: object) -> None:
    document, errors = load_as_helm(f"a: {text}", "values.yaml")
    assert (document.data, errors) == ({"a": value}, [])
    assert load(f"a: {text}", "matrix.yaml")[0].data == {"a": value}


@pytest.mark.parametrize(
    "text", [r'a: "\U99999999"', r'a: "\U00119999"', "%YAML 1." + "9" * 5000 + "\n---\na: 1"]
)
def test_a_number_that_ruamel_does_not_check(text: str) -> None:
    for reader in (load, load_as_helm):
        with pytest.raises(ConfigError, match=r"^values.yaml: not YAML: "):
            reader(text, "values.yaml")


@pytest.mark.parametrize("text", [r'a: "x\uD800"', r'"x\uD800": a'])
def test_an_escape_of_half_a_character(text: str) -> None:
    for reader in (load, load_as_helm):
        with pytest.raises(
            ConfigError, match=r"^values.yaml:1:\d: not YAML: an escape that is not a char"
        ):
            reader(text, "values.yaml")


def test_a_binary_that_is_none() -> None:
    assert load_as_helm("a: !!binary é", "values.yaml")[0].data == {"a": "é"}


def test_a_catalog_with_anchors(folder: Folder) -> None:
    before = folder.load()
    folder.edit("matrix.yaml", "axes:\n", "x-tool: &tool {publish: false}\naxes:\n")
    folder.edit("matrix.yaml", "{from: base, publish: false}", "{from: base, <<: *tool}")
    recipe = folder.root / "images/desk/recipe.yaml"
    recipe.write_text(f"x-own: 1\n{recipe.read_text()}")
    after = folder.load()
    assert replace(after, network=before.network) == before


def test_a_mistake_in_what_is_merged_stands_where_it_was_written(folder: Folder) -> None:
    folder.edit("matrix.yaml", "axes:\n", "x-tool: &tool {pubish: false}\naxes:\n")
    folder.edit("matrix.yaml", "{from: base, publish: false}", "{from: base, <<: *tool}")
    with pytest.raises(ConfigError) as caught:
        folder.load()
    assert str(caught.value) == (
        "matrix.yaml:7:16: unknown key 'pubish'\n"
        "    x-tool: &tool {pubish: false}\n"
        "                   ^\n"
        "  hint: did you mean publish or inputs?"
    )


def test_a_document_of_many_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.common.limits.NODES", 5)
    assert load("[1, 2, 3, 4]", "f")[0].data == [1, 2, 3, 4]
    with pytest.raises(ConfigError) as caught:
        load("- 1\n- 2\n- 3\n- 4\n- 5\n", "f")
    assert str(caught.value) == "f:5:3: it has more than 5 nodes\n    - 5\n      ^"


def test_many_mistakes_are_not_all_told() -> None:
    assert len(load("a: 1\n" * 1000, "f")[1]) == 100


def test_a_long_line_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"{{a: {'x' * 1000}, b: [}}", "f")
    assert str(caught.value).count("\n") == 0
