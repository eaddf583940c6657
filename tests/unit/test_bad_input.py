"""What a user is told of each mistake: the whole text, in a file of tests/golden/errors.

UPDATE_GOLDEN=1 writes these files again, e.g. where a line of `tests/fakes/catalog.py` moves.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from builder.common.errors import BuilderError
from tests.fakes.catalog import Folder

GOLDEN = Path(__file__).parents[1] / "golden" / "errors"
Edits = tuple[tuple[str, str | None, str], ...]


class Case(NamedTuple):
    """A mistake as edits of the catalog, (file, old, new)."""

    name: str
    edits: Edits

    @property
    def golden(self) -> Path:
        """The file with what a user is told of it."""
        return GOLDEN / f"{re.sub(r'[^a-z0-9]+', '-', self.name.lower()).strip('-')}.txt"


CASES = [
    Case(
        "unknown key",
        (("matrix.yaml", "  repository:", "  repositry:"),),
    ),
    Case(
        "unknown key of a value",
        (("matrix.yaml", "eol: 2027-01-31", "eoll: 2027-01-31"),),
    ),
    Case(
        "unknown key of an image",
        (("matrix.yaml", "publish: false", "pubish: false"),),
    ),
    Case(
        "unknown section",
        (("matrix.yaml", "axes:\n", "axis: {}\naxes:\n"),),
    ),
    Case(
        "unknown key that is like no other",
        (("matrix.yaml", "catalog:\n", "zzzzz: {}\ncatalog:\n"),),
    ),
    Case(
        "grace of an axis that is not there",
        (("matrix.yaml", "axes:\n", "bump: {axes: {lnag: {grace: 30}}}\naxes:\n"),),
    ),
    Case(
        "grace that is no number of days",
        (("matrix.yaml", "axes:\n", "bump: {defaults: {grace: -1}}\naxes:\n"),),
    ),
    Case(
        "part of a policy that this builder does not know",
        (("matrix.yaml", "axes:\n", "bump: {defaults: {gracious: 30}}\naxes:\n"),),
    ),
    Case(
        "duplicate key",
        (
            (
                "matrix.yaml",
                "  desk: {from: speech, inputs: [tool]}\n",
                "  desk: {from: speech, inputs: [tool]}\n  tool: {from: base}\n",
            ),
        ),
    ),
    Case(
        "duplicate value of an axis",
        (("matrix.yaml", '    "1.9":', '    "1.10":'),),
    ),
    Case(
        "unquoted 3.10 as a key",
        (("matrix.yaml", '    "1.10":', "    1.10:"),),
    ),
    Case(
        "unquoted 3.10 in a list",
        (("matrix.yaml", "desk: {image: desk}", "desk: {image: desk, only: {lang: [1.10]}}"),),
    ),
    Case(
        "unquoted 3.10 by itself",
        (("matrix.yaml", "desk: {image: desk}", "desk: {image: desk, only: {lang: 1.10}}"),),
    ),
    Case(
        "unquoted number in requires",
        (("matrix.yaml", 'requires: {os: "2"}', "requires: {os: 2}"),),
    ),
    Case(
        "unquoted number as a tag",
        (("matrix.yaml", 'tag: "lang{version}"}\n', "tag: 1.10}\n"),),
    ),
    Case(
        "unknown parent",
        (("matrix.yaml", "from: speech,", "from: speach,"),),
    ),
    Case(
        "cycle",
        (("matrix.yaml", "speech: {from: base,", "speech: {from: desk,"),),
    ),
    Case(
        "image from itself",
        (("matrix.yaml", "speech: {from: base,", "speech: {from: speech,"),),
    ),
    Case(
        "cycle through an input",
        (("matrix.yaml", "tool: {from: base,", "tool: {from: base, inputs: [desk],"),),
    ),
    Case(
        "unknown axis in only",
        (("matrix.yaml", "inputs: [tool]}", 'inputs: [tool], only: {long: ["1.9"]}}'),),
    ),
    Case(
        "unknown value in only",
        (("matrix.yaml", "inputs: [tool]}", 'inputs: [tool], only: {lang: ["1.8"]}}'),),
    ),
    Case(
        "value that was dropped, and what nothing has without it",
        (
            ("matrix.yaml", '    "1": {sources: [{bootstrap: one}], eol: 2028-06-30}\n', ""),
            ("matrix.yaml", "inputs: [tool]}", "inputs: [tool], exclude: [{os: '1'}]}"),
            ("matrix.yaml", "desk: {image: desk}", "desk: {image: desk, only: {lang: ['1.9']}}"),
        ),
    ),
    Case(
        "mistakes of different images and charts",
        (
            ("matrix.yaml", "base: {from: os, axes: [os]}", "base: {from: os, axes: [os, os]}"),
            ("matrix.yaml", "inputs: [tool]}", "inputs: [tool], exclude: [{os: '2'}, {os: '1'}]}"),
            (
                "matrix.yaml",
                "  desk: {image: desk}",
                "  desk: {image: desk}\n  tool: {recipe: desk, image: tool}",
            ),
        ),
    ),
    Case(
        "unknown value in requires",
        (("matrix.yaml", 'requires: {os: "2"}', 'requires: {os: "3"}'),),
    ),
    Case(
        "unknown axis in requires",
        (("matrix.yaml", 'requires: {os: "2"}', 'requires: {so: "2"}'),),
    ),
    Case(
        "unknown axis in exclude",
        (("matrix.yaml", "inputs: [tool]}", 'inputs: [tool], exclude: [{lng: "1.9"}]}'),),
    ),
    Case(
        "unknown axis in a chart",
        (("matrix.yaml", "desk: {image: desk}", "desk: {image: desk, only: {lng: '1.9'}}"),),
    ),
    Case(
        "unknown axis of an image",
        (("matrix.yaml", "axes: [lang]", "axes: [lagn]"),),
    ),
    Case(
        "unknown input",
        (("matrix.yaml", "inputs: [tool]", "inputs: [tol]"),),
    ),
    Case(
        "unknown image of a chart",
        (("matrix.yaml", "desk: {image: desk}", "desk: {image: dek}"),),
    ),
    Case(
        "chart of an unpublished image",
        (("matrix.yaml", "desk: {image: desk}", "desk: {image: tool}"),),
    ),
    Case(
        "constraint on an axis that the image lacks",
        (("matrix.yaml", "tool: {from: base,", "tool: {from: base, only: {lang: '1.9'},"),),
    ),
    Case(
        "exclude that matches nothing",
        (("matrix.yaml", "inputs: [tool]}", "inputs: [tool], exclude: [{os: '2', lang: '1.9'}]}"),),
    ),
    Case(
        "only that matches nothing",
        (
            ("matrix.yaml", "inputs: [tool]}", "inputs: [tool], only: {lang: ['1.9']}}"),
            ("matrix.yaml", "desk: {image: desk}", "desk: {image: desk, only: {lang: '1.10'}}"),
        ),
    ),
    Case(
        "excludes that leave nothing",
        (("matrix.yaml", "inputs: [tool]}", "inputs: [tool], exclude: [{os: '2'}, {os: '1'}]}"),),
    ),
    Case(
        "only that leaves nothing",
        (("matrix.yaml", "inputs: [tool]}", "inputs: [tool], only: {lang: '1.9', os: '2'}}"),),
    ),
    Case(
        "chart that is left nothing",
        (
            (
                "matrix.yaml",
                "desk: {image: desk}",
                "desk: {image: desk, only: {lang: '1.9', os: '2'}}",
            ),
        ),
    ),
    Case(
        "axis of the parent again",
        (("matrix.yaml", "axes: [lang]", "axes: [os, lang]"),),
    ),
    Case(
        "axis twice",
        (("matrix.yaml", "axes: [lang]", "axes: [lang, lang]"),),
    ),
    Case(
        "two variants with one tag",
        (
            (
                "matrix.yaml",
                '"1.9": {provider: apt, requires: {os: "1"}, tag: "lang{version}"',
                '"1.9": {provider: apt, requires: {os: "1"}, tag: "lang1.10"',
            ),
        ),
    ),
    Case(
        "missing recipe",
        (("matrix.yaml", "desk: {from: speech,", "desk: {recipe: dsk, from: speech,"),),
    ),
    Case(
        "missing recipe of the image's name",
        (
            ("matrix.yaml", "  tool: {", "  toole: {"),
            ("matrix.yaml", "inputs: [tool]", "inputs: [toole]"),
        ),
    ),
    Case(
        "missing chart recipe",
        (("matrix.yaml", "desk: {image: desk}", "dsk: {image: desk}"),),
    ),
    Case(
        "chart on an image without the recipe that it needs",
        (
            ("charts/desk/chart.yaml", "port: 8000", "needs: [desk]\nport: 8000"),
            ("matrix.yaml", "desk: {image: desk}", "voice: {recipe: desk, image: speech}"),
        ),
    ),
    Case(
        "chart that needs a recipe which no image is made with",
        (("charts/desk/chart.yaml", "port: 8000", "needs: chair\nport: 8000"),),
    ),
    Case(
        "missing recipe of no known name",
        (("matrix.yaml", "desk: {from: speech,", "desk: {recipe: window, from: speech,"),),
    ),
    Case(
        "missing Dockerfile",
        (
            ("images/tools/recipe.yaml", None, "summary: A tool\n"),
            ("matrix.yaml", "  tool: {", "  tool: {recipe: tools, "),
        ),
    ),
    Case(
        "missing chart.yaml",
        (
            ("charts/lamp/tests/test_lamp.py", None, ""),
            ("matrix.yaml", "desk: {image: desk}", "desk: {recipe: lamp, image: desk}"),
        ),
    ),
    Case(
        "day that is none",
        (("matrix.yaml", "2028-06-30", "2028-06-31"),),
    ),
    Case(
        "date in words",
        (("matrix.yaml", "2028-06-30", "June 2028"),),
    ),
    Case(
        "date that is a number",
        (("matrix.yaml", "2028-06-30", "2028"),),
    ),
    Case(
        "not YAML",
        (("matrix.yaml", "  name: shop", "  name: [shop"),),
    ),
    Case(
        "tab",
        (("matrix.yaml", "  name: shop", "\tname: shop"),),
    ),
    Case(
        "list for a mapping",
        (("matrix.yaml", None, "- a\n"),),
    ),
    Case(
        "empty file",
        (("matrix.yaml", None, ""),),
    ),
    Case(
        "missing key",
        (("matrix.yaml", "  name: shop\n", ""),),
    ),
    Case(
        "missing section",
        (("matrix.yaml", None, "axes: {}\nimages: {}\n"),),
    ),
    Case(
        "image from nothing",
        (("matrix.yaml", "desk: {from: speech, inputs: [tool]}", "desk: {inputs: [tool]}"),),
    ),
    Case(
        "text for a list",
        (("matrix.yaml", "inputs: [tool]", "inputs: tool"),),
    ),
    Case(
        "text for a boolean",
        (("matrix.yaml", "publish: false", "publish: 'no'"),),
    ),
    Case(
        "nothing for a mapping",
        (("matrix.yaml", "  tool: {from: base, publish: false}", "  tool:"),),
    ),
    Case(
        "name in capitals",
        (
            ("matrix.yaml", "  tool: {from", "  Tool: {from"),
            ("matrix.yaml", "inputs: [tool]", "inputs: [Tool]"),
        ),
    ),
    Case(
        "reserved name",
        (
            ("matrix.yaml", "  tool: {from", "  charts: {recipe: tool, from"),
            ("matrix.yaml", "inputs: [tool]", "inputs: [charts]"),
        ),
    ),
    Case(
        "base that is no reference",
        (("matrix.yaml", "registry: example.org/os:two", "registry: example.org/os:two:2"),),
    ),
    Case(
        "registries that are none",
        (
            (
                "matrix.yaml",
                "registries: [embedded]",
                'registries: ["https://ghcr.io", ghcr.io/Me, ghcr.io/me]',
            ),
            ("matrix.yaml", "embedded: 127.0.0.1:5999", "embedded: 127.0.0.1:5999/"),
        ),
    ),
    Case(
        "repository without a field",
        (("matrix.yaml", '"{registry}/shop-{image}"', '"{registry}/shop"'),),
    ),
    Case(
        "repository with a strange field",
        (("matrix.yaml", '"{registry}/shop-{image}"', '"{registry}/shop-{image}-{what}"'),),
    ),
    Case(
        "repository that is none",
        (("matrix.yaml", '"{registry}/shop-{image}"', '"{registry}/Shop-{image}"'),),
    ),
    Case(
        "source of two kinds",
        (("matrix.yaml", "{bootstrap: one}", "{bootstrap: one, registry: a}"),),
    ),
    Case(
        "no source",
        (("matrix.yaml", "sources: [{bootstrap: one}], ", ""),),
    ),
    Case(
        "root without its axis",
        (("matrix.yaml", "base: {from: os, axes: [os]}", "base: {from: os}"),),
    ),
    Case(
        "tag that is none",
        (
            (
                "matrix.yaml",
                'requires: {os: "1"}, tag: "lang{version}"',
                'requires: {os: "1"}, tag: "lang {version}"',
            ),
        ),
    ),
    Case(
        "unknown key of a recipe",
        (("images/tool/recipe.yaml", "summary", "sumary"),),
    ),
    Case(
        "unknown axis of a condition",
        (("images/desk/recipe.yaml", "os=1", "oss=1"),),
    ),
    Case(
        "not a condition",
        (("images/desk/recipe.yaml", "os=1", "os==1 or x"),),
    ),
    Case(
        "a recipe on a parent without the language it needs",
        (
            ("images/desk/recipe.yaml", "summary: A desk\n", "summary: A desk\nneeds: [lang]\n"),
            ("matrix.yaml", "desk: {from: speech,", "desk: {from: base,"),
        ),
    ),
    Case(
        "needs of an unknown axis",
        (("images/desk/recipe.yaml", "summary: A desk\n", "summary: A desk\nneeds: [lng]\n"),),
    ),
    Case(
        "a file of the network without its hash",
        (
            (
                "images/desk/recipe.yaml",
                "  apt: [desk]\n",
                "  apt: [desk]\n  url: [https://example.org/a.tar.gz]\n",
            ),
        ),
    ),
    Case(
        "a budget that is no size",
        (("images/desk/recipe.yaml", "summary: A desk\n", "summary: A desk\nbudget: 60MB\n"),),
    ),
    Case(
        "untagged of an unknown axis",
        (("matrix.yaml", "desk: {from: speech,", "desk: {from: speech, untagged: [lng],"),),
    ),
    Case(
        "a platform that is none",
        (("matrix.yaml", "desk: {from: speech,", "desk: {from: speech, platforms: [arm64],"),),
    ),
    Case(
        "unknown axis of provides",
        (("images/speech/recipe.yaml", "  lang: {apt", "  lng: {apt"),),
    ),
    Case(
        "number in a recipe",
        (("images/desk/recipe.yaml", "[desk, --open]", "[desk, 3.10]"),),
    ),
    Case(
        "port as text",
        (("images/desk/recipe.yaml", "[8000]", "['8000']"),),
    ),
    Case(
        "port that is none",
        (("images/desk/recipe.yaml", "[8000]", "[0, 70000]"),),
    ),
    Case(
        "torn lock",
        (("matrix.lock", None, '{\n "bases": {\n  "os=1'),),
    ),
    Case(
        "empty lock",
        (("matrix.lock", None, ""),),
    ),
    Case(
        "newer lock",
        (("matrix.lock", '"format": 9', '"format": 11'),),
    ),
    Case(
        "lock without lines",
        (("matrix.lock", '"release_lines"', '"linez"'),),
    ),
    Case(
        "lock with a wrong value",
        (("matrix.lock", '"epoch": 1,', '"epoch": "soon",'),),
    ),
    Case(
        "lock that is a list",
        (("matrix.lock", None, "[]"),),
    ),
    Case(
        "lock with a merge conflict",
        (("matrix.lock", '{\n "bases"', '<<<<<<< HEAD\n{\n "bases"'),),
    ),
    Case(
        "requires on a missing axis",
        (
            ("matrix.yaml", "  lang:\n", "  shape: {round: {}}\n  lang:\n"),
            ("matrix.yaml", 'requires: {os: "1"}, tag', "requires: {shape: round}, tag"),
        ),
    ),
    Case(
        "lock with no source",
        (("matrix.lock", '   "source": {\n    "bootstrap": "one"\n   },', '   "source": {},'),),
    ),
    Case(
        "several mistakes in one run",
        (
            ("matrix.yaml", "from: speech,", "from: speach,"),
            ("matrix.yaml", 'requires: {os: "2"}', 'requires: {os: "3"}'),
            ("matrix.yaml", "axes: [lang]", "axes: [lang, log]"),
            ("images/tool/recipe.yaml", "summary", "sumary"),
            ("matrix.lock", None, "{"),
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_says_where_what_and_how_to_mend_it(folder: Folder, case: Case) -> None:
    for path, old, new in case.edits:
        if old is None:
            folder.write(path, new)
        else:
            folder.edit(path, old, new)
    with pytest.raises(BuilderError) as caught:
        folder.load()
    assert caught.value.exit_code == 2
    text = f"{caught.value}\n"
    if os.environ.get("UPDATE_GOLDEN"):
        case.golden.write_text(text, encoding="utf-8")
    assert text == case.golden.read_text(encoding="utf-8")


def test_every_kept_text_has_its_mistake() -> None:
    assert {file.name for file in GOLDEN.iterdir()} == {case.golden.name for case in CASES}
    assert len({case.golden for case in CASES}) == len(CASES)
