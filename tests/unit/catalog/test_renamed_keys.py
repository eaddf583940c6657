"""Keys that have another name now are read under both, each with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.app.load import load as load_project
from builder.catalog.renamed_keys import ANY, RENAMED_KEYS, RenamedKey, with_new_names
from builder.catalog.schema import json_schema
from builder.catalog.yaml_document import load
from builder.common.errors import BuilderError
from tests.fakes.catalog import Folder

UPGRADE = Path(__file__).parents[3] / "docs" / "upgrade.md"
KEYS = [(kind, key) for kind, keys in RENAMED_KEYS.items() for key in keys]
PIN = "{apt: {less: '643'}, reason: its pager hangs, until: 2026-12-31}"


def document_of(key: RenamedKey, name: str) -> str:
    """Return a document with a key at its path."""
    lines = [f"{'  ' * depth}{part}:" for depth, part in enumerate((*key.path, name))]
    return "\n".join(lines).replace(f"{ANY}:", "any:") + " value\n"


@pytest.mark.parametrize(("kind", "key"), KEYS, ids=str)
def test_each_old_key_is_read_with_a_note(kind: str, key: RenamedKey) -> None:
    notes: list[str] = []
    old, errors = with_new_names(load(document_of(key, key.old), kind)[0], kind, notes.append)
    new = load(document_of(key, key.new), kind)[0]
    assert (old.data, old.keys, errors) == (new.data, new.keys, [])
    line = len(key.path) + 1
    assert notes == [
        f"note: {kind}:{line}:{2 * line - 1}: the key {key.old!r} is called {key.new!r} now;"
        " both are read"
    ]
    assert with_new_names(new, kind, notes.append) == (new, [])
    assert len(notes) == 1


@pytest.mark.parametrize(("kind", "key"), KEYS, ids=str)
def test_the_guide_names_each_old_key(kind: str, key: RenamedKey) -> None:
    names = iter(
        {"axes": ("<axis>", "<value>"), "images": ("<image>",), "patches": ("<patch>",)}[
            key.path[0]
        ]
    )
    path = ".".join(next(names) if part == ANY else part for part in key.path)
    assert f"| `{kind}` | `{path}.{key.old}` | `{key.new}` |" in UPGRADE.read_text()


@pytest.mark.parametrize(("kind", "key"), KEYS, ids=str)
def test_only_the_new_key_is_described(kind: str, key: RenamedKey) -> None:
    schema = json.loads(json_schema(kind.replace(".yaml", ".schema.json")))
    described = [node["properties"] for node in (schema, *schema["$defs"].values())]
    having = [keys for keys in described if key.new in keys]
    assert having
    assert not any(key.old in keys for keys in having)


def test_a_catalog_with_old_keys_is_the_same(folder: Folder) -> None:
    folder.edit("matrix.yaml", "axes: [os]", f"axes: [os], pin: {PIN}")
    folder.edit("matrix.yaml", '"1.9": {', '"1.9": {release_line: "1", ')
    new = folder.load()
    folder.edit("matrix.yaml", "axes: [os], pin:", "axes: [os], hold:")
    folder.edit("matrix.yaml", '{release_line: "1"', '{line: "1"')
    old = load_project(folder.root)
    assert (old.catalog, new.notes) == (new.catalog, ())
    assert old.catalog.matrix.value("lang", "1.9").upstream == "1"
    assert [note.partition(": the key ")[2] for note in old.notes] == [
        "'line' is called 'release_line' now; both are read",
        "'hold' is called 'pin' now; both are read",
    ]


def test_a_mistake_below_an_old_key_has_its_place(folder: Folder) -> None:
    folder.edit("matrix.yaml", "axes: [os]", "axes: [os], hold: {reason: x, until: soon}")
    with pytest.raises(BuilderError, match=r"not a date: 'soon'") as caught:
        folder.load()
    line = caught.value.location
    assert line is not None
    assert line.source[line.column - 1 :].startswith("soon")


def test_both_names_are_one_too_many(folder: Folder) -> None:
    folder.edit("matrix.yaml", "axes: [os]", f"axes: [os], pin: {PIN}, hold: {PIN}")
    with pytest.raises(BuilderError) as caught:
        folder.load()
    text = str(caught.value)
    assert "'hold' is the old name of 'pin', and both are here" in text
    assert "hint: keep 'pin'" in text
