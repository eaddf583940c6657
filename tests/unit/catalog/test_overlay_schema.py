"""The schema of a matrix.yaml with `extends`: what is valid there, and what is a typo."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from builder.catalog import schema, yaml_document
from builder.catalog.models import Matrix
from builder.catalog.overlay_schema import Names
from builder.catalog.parser import layered
from tests.fakes.catalog import Folder
from tests.unit.overlay.test_overlay import TWO_LINES, load, mine

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/overlay.md"
NAMES = Names(
    axes={"os": ("2", "1"), "lang": ("1.10", "1.9")},
    images=("base", "desk"),
    charts=("desk",),
    features=("core", "plan"),
    values=("size.limit", "size.max"),
    patches=("sizes",),
)
EXTENDS = {"extends": {"path": "../shop"}}


def read_yaml(text: str) -> dict[str, Any]:
    """The data of a text."""
    document, errors = yaml_document.load(text, "matrix.yaml")
    assert errors == []
    data: dict[str, Any] = document.data
    return data


def problems(document: Mapping[str, Any], text: str) -> list[str]:
    """What a schema finds wrong: the path of each mistake."""
    validator = jsonschema.Draft202012Validator(json.loads(text))
    return [error.json_path for error in validator.iter_errors(document)]


@pytest.fixture(scope="module")
def plain() -> str:
    return schema.json_schema(schema.OVERLAY)


@pytest.fixture(scope="module")
def named() -> str:
    return schema.overlay_schema(NAMES)


def examples() -> list[dict[str, Any]]:
    """The parts of matrix.yaml that the page shows."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [read_yaml(block) for block in blocks]


@pytest.mark.parametrize("document", examples(), ids=lambda document: next(iter(document)))
def test_what_the_page_shows_is_valid(document: dict[str, Any], plain: str) -> None:
    assert problems({**EXTENDS, **document}, plain) == []


VALID = """
catalog: {name: mine, "registries+": [a.example], repository: null}
network: {"mirrors+": {pip: "https://a.example"}, ca: null}
axes:
  os: {"1": null, "3": {sources: [{bootstrap: three}]}, $order: ["2", "*"]}
  lang: {"1.10": {eol: null, "sources+": [{bootstrap: x}], "requires": {"os+": ["2"]}}}
images:
  base: null
  desk: {"inputs+": [base], "inputs-": [{image: base, optional: true}], "+axes": [lang]}
  both: {from-catalog: left, publish: false}
  more: {from: desk, only: {os: [first], "lang-": ["1.9"]}, "exclude+": [{os: "not 1"}]}
  $order: [more, "*"]
charts:
  desk: {$replace: true, image: base, "features+": [plan], values: {size.limit: 3}}
patches:
  sizes: {"except+": [more], why: ours, values: {size.limit: null, size.max: {"onyxia+": {a: b}}}}
  other: {charts: "*", why: ours, features+: [plan]}
bump: {axes: {os: {grace: null}}}
x-own: {a: 1}
"""


def test_all_that_is_merged_is_valid(plain: str, named: str) -> None:
    document = {**EXTENDS, **read_yaml(VALID)}
    assert problems(document, plain) == []
    assert problems(document, named) == []


TYPOS = {
    "no extends": ("catalog: {name: a}", "$"),
    "a key": ("extends: {path: a}\nimagse: {}", "$"),
    "a key of extends": ("extends: {paht: a}", "$.extends"),
    "a key of an image": ("extends: {path: a}\nimages: {desk: {form: base}}", "$.images.desk"),
    "an operator": ("extends: {path: a}\nimages: {desk: {inputs*: [a]}}", "$.images.desk"),
    "a list": ("extends: {path: a}\nimages: {desk: {inputs+: a}}", "$.images.desk"),
    "a name": ("extends: {path: a}\nimages: {Desk: {from: base}}", "$.images"),
    "what is required": ("extends: {path: a}\ncatalog: {name: null}", "$.catalog.name"),
    "a whole source": ("extends: {path: a}\nimages: {desk: {inputs+: [{optional: true}]}}", "$"),
    "an order": ("extends: {path: a}\ncharts: {$order: desk}", "$.charts['$order']"),
    "a replacement": ("extends: {path: a}\ncharts: {desk: {$replace: yes please}}", "$.charts"),
    "a patch": ("extends: {path: a}\npatches: {p: {chart: a}}", "$.patches.p"),
    "a value": ("extends: {path: a}\npatches: {p: {values: {a.b: {defualt: 1}}}}", "$.patches.p"),
}


@pytest.mark.parametrize("name", TYPOS)
def test_a_typo_is_found(name: str, plain: str) -> None:
    text, place = TYPOS[name]
    found = problems(read_yaml(text), plain)
    assert found
    assert all(path.startswith(place) for path in found)


@pytest.mark.parametrize(
    "text",
    [
        "images: {dask: null}",
        "images: {more: {from: desc}}",
        "images: {more: {from: desk, inputs+: [bass]}}",
        "images: {more: {inputs+: [{image: bass}]}}",
        "images: {more: {axes: [lnag]}}",
        "images: {desk: {only: {so: [first]}}}",
        'images: {desk: {only: {os: ["7"]}}}',
        'images: {desk: {exclude+: [{os: "7"}]}}',
        'axes: {lang: {"1.8": null}}',
        "axes: {lnag: null}",
        "charts: {desc: null}",
        "charts: {desk: {features: [plain]}}",
        "charts: {more: {image: desc}}",
        "patches: {size: null}",
        "patches: {more: {features+: [plain]}}",
        "patches: {more: {values: {size.limt: {default: 1}}}}",
        "bump: {axes: {so: null}}",
    ],
)
def test_a_name_that_is_not_there_is_found(text: str, plain: str, named: str) -> None:
    document = {**EXTENDS, **read_yaml(text)}
    assert problems(document, plain) == []
    assert problems(document, named) != []


def test_the_names_are_those_of_the_merged_catalog_and_what_it_removes(tmp_path: Path) -> None:
    shop = Folder(tmp_path / "shop")
    more = "  image.tag: {type: string, default: a, text: t, formerly: [image.old]}\n"
    shop.edit("charts/features/core/feature.yaml", "values:\n", f"values:\n{more}")
    shop.edit("matrix.yaml", "charts:\n", "charts:\n  old: {recipe: desk, image: desk}\n")
    own = (
        TWO_LINES + 'axes: {os: {"1": null}, lang: {"1.9": null}}\ncharts: {old: null}\n'
        "images: {more: {from: desk}}\n"
    )
    files = {
        "images/more/recipe.yaml": "summary: More\n",
        "images/more/Dockerfile.j2": "FROM {{ parent }}\n",
    }
    workspace = mine(shop, own, files)
    document = layered(workspace.files.texts_of("matrix.yaml"), "matrix.yaml", Matrix)
    names = schema.names_of(load(workspace).catalog, document)
    assert names == Names(
        axes={"os": ("2", "1"), "lang": ("1.10", "1.9")},
        images=("base", "tool", "speech", "desk", "more"),
        charts=("desk", "old"),
        features=names.features,
        values=names.values,
    )
    assert "core" in names.features
    assert {"image", "image.version", "image.tag", "image.old"} <= set(names.values)
    assert problems(read_yaml(own), schema.overlay_schema(names)) == []


def test_an_editor_has_names_to_choose_from(named: str) -> None:
    top = json.loads(named)["properties"]
    assert list(top["charts"]["properties"]) == ["$order", "$replace", "desk"]
    assert list(top["patches"]["properties"]) == ["$order", "$replace", "sizes"]
