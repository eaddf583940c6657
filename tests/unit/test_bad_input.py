"""What a user is told of each mistake: the whole text, and nothing but it."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from builder.common.errors import BuilderError
from tests.fakes.catalog import Folder

Edits = tuple[tuple[str, str | None, str], ...]


class Case(NamedTuple):
    """A mistake as edits of the catalog, (file, old, new), and what is said of it."""

    name: str
    edits: Edits
    text: str


CASES = [
    Case(
        "unknown key",
        (("matrix.yaml", "  repository:", "  repositry:"),),
        """\
matrix.yaml:3:3: unknown key 'repositry'
      repositry: "{registry}/shop-{image}"
      ^
  hint: did you mean repository or registries?
""",
    ),
    Case(
        "unknown key of a value",
        (("matrix.yaml", "eol: 2027-01-31", "eoll: 2027-01-31"),),
        """\
matrix.yaml:13:71: unknown key 'eoll'
        "1.9": {provider: apt, requires: {os: "1"}, tag: "lang{version}", eoll: 2027-01-31}
                                                                          ^
  hint: did you mean eol or only?
""",
    ),
    Case(
        "unknown key of an image",
        (("matrix.yaml", "publish: false", "pubish: false"),),
        """\
matrix.yaml:17:22: unknown key 'pubish'
      tool: {from: base, pubish: false}
                         ^
  hint: did you mean publish or inputs?
""",
    ),
    Case(
        "unknown section",
        (("matrix.yaml", "axes:\n", "axis: {}\naxes:\n"),),
        """\
matrix.yaml:7:1: unknown key 'axis'
    axis: {}
    ^
  hint: did you mean axes?
""",
    ),
    Case(
        "unknown key that is like no other",
        (("matrix.yaml", "catalog:\n", "zzzzz: {}\ncatalog:\n"),),
        """\
matrix.yaml:1:1: unknown key 'zzzzz'
    zzzzz: {}
    ^
  hint: known: catalog, network, retention, axes, images, charts
""",
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
        """\
matrix.yaml:20:3: duplicate key 'tool'
      tool: {from: base}
      ^
  hint: it stands already on line 17
""",
    ),
    Case(
        "duplicate value of an axis",
        (("matrix.yaml", '    "1.9":', '    "1.10":'),),
        """\
matrix.yaml:13:5: duplicate key '1.10'
        "1.10": {provider: apt, requires: {os: "1"}, tag: "lang{version}", eol: 2027-01-31}
        ^
  hint: it stands already on line 12
""",
    ),
    Case(
        "unquoted 3.10 as a key",
        (("matrix.yaml", '    "1.10":', "    1.10:"),),
        """\
matrix.yaml:12:5: 1.10 is a number here, and a key must be a string
        1.10: {provider: apt, requires: {os: "2"}, tag: "lang{version}"}
        ^
  hint: quote it: "1.10"
""",
    ),
    Case(
        "unquoted 3.10 in a list",
        (("matrix.yaml", "desk: {image: desk}", "desk: {image: desk, only: {lang: [1.10]}}"),),
        """\
matrix.yaml:22:37: 1.10 is a number here, and must be a string
      desk: {image: desk, only: {lang: [1.10]}}
                                        ^
  hint: quote it: "1.10"
""",
    ),
    Case(
        "unquoted 3.10 by itself",
        (("matrix.yaml", "desk: {image: desk}", "desk: {image: desk, only: {lang: 1.10}}"),),
        """\
matrix.yaml:22:30: 1.10 is a number here, and must be a string
      desk: {image: desk, only: {lang: 1.10}}
                                 ^
  hint: quote it: "1.10"
""",
    ),
    Case(
        "unquoted number in requires",
        (("matrix.yaml", 'requires: {os: "2"}', "requires: {os: 2}"),),
        """\
matrix.yaml:12:40: 2 is a number here, and must be a string
        "1.10": {provider: apt, requires: {os: 2}, tag: "lang{version}"}
                                           ^
  hint: quote it: "2"
""",
    ),
    Case(
        "unquoted number as a tag",
        (("matrix.yaml", 'tag: "lang{version}"}\n', "tag: 1.10}\n"),),
        """\
matrix.yaml:12:55: 1.10 is a number here, and must be a string
        "1.10": {provider: apt, requires: {os: "2"}, tag: 1.10}
                                                          ^
  hint: quote it: "1.10"
""",
    ),
    Case(
        "unknown parent",
        (("matrix.yaml", "from: speech,", "from: speach,"),),
        """\
matrix.yaml:19:16: unknown parent 'speach'
      desk: {from: speach, inputs: [tool]}
                   ^
  hint: did you mean speech?
""",
    ),
    Case(
        "cycle",
        (("matrix.yaml", "speech: {from: base,", "speech: {from: desk,"),),
        """\
matrix.yaml:18:18: images form a cycle: speech → desk → speech
      speech: {from: desk, axes: [lang]}
                     ^
""",
    ),
    Case(
        "image from itself",
        (("matrix.yaml", "speech: {from: base,", "speech: {from: speech,"),),
        """\
matrix.yaml:18:18: images form a cycle: speech → speech
      speech: {from: speech, axes: [lang]}
                     ^
""",
    ),
    Case(
        "cycle through an input",
        (("matrix.yaml", "tool: {from: base,", "tool: {from: base, inputs: [desk],"),),
        """\
matrix.yaml:17:16: images form a cycle: tool → desk → tool
      tool: {from: base, inputs: [desk], publish: false}
                   ^
""",
    ),
    Case(
        "unknown axis in only",
        (("matrix.yaml", "inputs: [tool]}", 'inputs: [tool], only: {long: ["1.9"]}}'),),
        """\
matrix.yaml:19:47: unknown axis 'long'
      desk: {from: speech, inputs: [tool], only: {long: ["1.9"]}}
                                                  ^
  hint: did you mean lang?
""",
    ),
    Case(
        "unknown value in only",
        (("matrix.yaml", "inputs: [tool]}", 'inputs: [tool], only: {lang: ["1.8"]}}'),),
        """\
matrix.yaml:19:54: axis lang has no value '1.8'
      desk: {from: speech, inputs: [tool], only: {lang: ["1.8"]}}
                                                         ^
  hint: did you mean 1.9 or 1.10?
""",
    ),
    Case(
        "value that was dropped, and what nothing has without it",
        (
            ("matrix.yaml", '    "1": {sources: [{bootstrap: one}], eol: 2028-06-30}\n', ""),
            ("matrix.yaml", "inputs: [tool]}", "inputs: [tool], exclude: [{os: '1'}]}"),
            ("matrix.yaml", "desk: {image: desk}", "desk: {image: desk, only: {lang: ['1.9']}}"),
        ),
        """\
matrix.yaml:18:51: axis os has no value '1'
      desk: {from: speech, inputs: [tool], exclude: [{os: '1'}]}
                                                      ^
  hint: known: 2
matrix.yaml:12:39: axis os has no value '1'
        "1.9": {provider: apt, requires: {os: "1"}, tag: "lang{version}", eol: 2027-01-31}
                                          ^
  hint: known: 2
matrix.yaml:21:37: lang=1.9 matches no target here
      desk: {image: desk, only: {lang: ['1.9']}}
                                        ^
  hint: take it out of this list
""",
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
        """\
matrix.yaml:16:31: image base has axis os already
      base: {from: os, axes: [os, os]}
                                  ^
matrix.yaml:19:3: no target of image desk is left by its constraints
      desk: {from: speech, inputs: [tool], exclude: [{os: '2'}, {os: '1'}]}
      ^
matrix.yaml:23:31: image tool is not published
      tool: {recipe: desk, image: tool}
                                  ^
""",
    ),
    Case(
        "unknown value in requires",
        (("matrix.yaml", 'requires: {os: "2"}', 'requires: {os: "3"}'),),
        """\
matrix.yaml:12:40: axis os has no value '3'
        "1.10": {provider: apt, requires: {os: "3"}, tag: "lang{version}"}
                                           ^
  hint: known: 2, 1
""",
    ),
    Case(
        "unknown axis in requires",
        (("matrix.yaml", 'requires: {os: "2"}', 'requires: {so: "2"}'),),
        """\
matrix.yaml:12:40: unknown axis 'so'
        "1.10": {provider: apt, requires: {so: "2"}, tag: "lang{version}"}
                                           ^
  hint: did you mean os?
""",
    ),
    Case(
        "unknown axis in exclude",
        (("matrix.yaml", "inputs: [tool]}", 'inputs: [tool], exclude: [{lng: "1.9"}]}'),),
        """\
matrix.yaml:19:51: unknown axis 'lng'
      desk: {from: speech, inputs: [tool], exclude: [{lng: "1.9"}]}
                                                      ^
  hint: did you mean lang?
""",
    ),
    Case(
        "unknown axis in a chart",
        (("matrix.yaml", "desk: {image: desk}", "desk: {image: desk, only: {lng: '1.9'}}"),),
        """\
matrix.yaml:22:30: unknown axis 'lng'
      desk: {image: desk, only: {lng: '1.9'}}
                                 ^
  hint: did you mean lang?
""",
    ),
    Case(
        "unknown axis of an image",
        (("matrix.yaml", "axes: [lang]", "axes: [lagn]"),),
        """\
matrix.yaml:18:31: unknown axis 'lagn'
      speech: {from: base, axes: [lagn]}
                                  ^
  hint: did you mean lang?
""",
    ),
    Case(
        "unknown input",
        (("matrix.yaml", "inputs: [tool]", "inputs: [tol]"),),
        """\
matrix.yaml:19:33: unknown input 'tol'
      desk: {from: speech, inputs: [tol]}
                                    ^
  hint: did you mean tool?
""",
    ),
    Case(
        "unknown image of a chart",
        (("matrix.yaml", "desk: {image: desk}", "desk: {image: dek}"),),
        """\
matrix.yaml:22:17: unknown image 'dek'
      desk: {image: dek}
                    ^
  hint: did you mean desk?
""",
    ),
    Case(
        "chart of an unpublished image",
        (("matrix.yaml", "desk: {image: desk}", "desk: {image: tool}"),),
        """\
matrix.yaml:22:17: image tool is not published
      desk: {image: tool}
                    ^
""",
    ),
    Case(
        "constraint on an axis that the image lacks",
        (("matrix.yaml", "tool: {from: base,", "tool: {from: base, only: {lang: '1.9'},"),),
        """\
matrix.yaml:17:29: image tool has no axis lang
      tool: {from: base, only: {lang: '1.9'}, publish: false}
                                ^
  hint: it has os
""",
    ),
    Case(
        "exclude that matches nothing",
        (("matrix.yaml", "inputs: [tool]}", "inputs: [tool], exclude: [{os: '2', lang: '1.9'}]}"),),
        """\
matrix.yaml:19:50: this exclude matches no target of image desk
      desk: {from: speech, inputs: [tool], exclude: [{os: '2', lang: '1.9'}]}
                                                     ^
""",
    ),
    Case(
        "only that matches nothing",
        (
            ("matrix.yaml", "inputs: [tool]}", "inputs: [tool], only: {lang: ['1.9']}}"),
            ("matrix.yaml", "desk: {image: desk}", "desk: {image: desk, only: {lang: '1.10'}}"),
        ),
        """\
matrix.yaml:22:30: lang=1.10 matches no target here
      desk: {image: desk, only: {lang: '1.10'}}
                                 ^
  hint: take it out of this list
""",
    ),
    Case(
        "excludes that leave nothing",
        (("matrix.yaml", "inputs: [tool]}", "inputs: [tool], exclude: [{os: '2'}, {os: '1'}]}"),),
        """\
matrix.yaml:19:3: no target of image desk is left by its constraints
      desk: {from: speech, inputs: [tool], exclude: [{os: '2'}, {os: '1'}]}
      ^
""",
    ),
    Case(
        "only that leaves nothing",
        (("matrix.yaml", "inputs: [tool]}", "inputs: [tool], only: {lang: '1.9', os: '2'}}"),),
        """\
matrix.yaml:19:3: no target of image desk is left by its constraints
      desk: {from: speech, inputs: [tool], only: {lang: '1.9', os: '2'}}
      ^
""",
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
        """\
matrix.yaml:22:3: no target of image desk is left by chart desk
      desk: {image: desk, only: {lang: '1.9', os: '2'}}
      ^
""",
    ),
    Case(
        "axis of the parent again",
        (("matrix.yaml", "axes: [lang]", "axes: [os, lang]"),),
        """\
matrix.yaml:18:31: image speech has axis os already, from its parent base
      speech: {from: base, axes: [os, lang]}
                                  ^
""",
    ),
    Case(
        "axis twice",
        (("matrix.yaml", "axes: [lang]", "axes: [lang, lang]"),),
        """\
matrix.yaml:18:37: image speech has axis lang already
      speech: {from: base, axes: [lang, lang]}
                                        ^
""",
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
        """\
matrix.yaml:18:3: two variants of image speech have the tag 'lang1.10': speech/os=2,lang=1.10 and speech/os=1,lang=1.9
      speech: {from: base, axes: [lang]}
      ^
  hint: give a value in which they differ a `tag`
matrix.yaml:19:3: two variants of image desk have the tag 'lang1.10': desk/os=2,lang=1.10 and desk/os=1,lang=1.9
      desk: {from: speech, inputs: [tool]}
      ^
  hint: give a value in which they differ a `tag`
""",  # noqa: E501
    ),
    Case(
        "missing recipe",
        (("matrix.yaml", "desk: {from: speech,", "desk: {recipe: dsk, from: speech,"),),
        """\
matrix.yaml:19:18: recipe 'dsk' has no images/dsk/recipe.yaml
      desk: {recipe: dsk, from: speech, inputs: [tool]}
                     ^
  hint: did you mean desk?
""",
    ),
    Case(
        "missing recipe of the image's name",
        (
            ("matrix.yaml", "  tool: {", "  toole: {"),
            ("matrix.yaml", "inputs: [tool]", "inputs: [toole]"),
        ),
        """\
matrix.yaml:17:3: recipe 'toole' has no images/toole/recipe.yaml
      toole: {from: base, publish: false}
      ^
  hint: did you mean tool?
""",
    ),
    Case(
        "missing chart recipe",
        (("matrix.yaml", "desk: {image: desk}", "dsk: {image: desk}"),),
        """\
matrix.yaml:22:3: recipe 'dsk' has no charts/dsk/chart.yaml
      dsk: {image: desk}
      ^
  hint: did you mean desk?
""",
    ),
    Case(
        "chart on an image without the recipe that it needs",
        (
            ("charts/desk/chart.yaml", "port: 8000", "needs: [desk]\nport: 8000"),
            ("matrix.yaml", "desk: {image: desk}", "voice: {recipe: desk, image: speech}"),
        ),
        """\
matrix.yaml:22:32: chart voice: its recipe desk needs an image that is made with the recipe desk, \
and speech is made with speech and base
      voice: {recipe: desk, image: speech}
                                   ^
  hint: build speech on desk, or give the chart a recipe of its own, charts/voice/chart.yaml
""",
    ),
    Case(
        "chart that needs a recipe which no image is made with",
        (("charts/desk/chart.yaml", "port: 8000", "needs: chair\nport: 8000"),),
        """\
matrix.yaml:22:17: chart desk: its recipe desk needs an image that is made with the recipe chair, \
and desk is made with desk, speech and base
      desk: {image: desk}
                    ^
  hint: take chair out of `needs` in charts/desk/chart.yaml
""",
    ),
    Case(
        "missing recipe of no known name",
        (("matrix.yaml", "desk: {from: speech,", "desk: {recipe: window, from: speech,"),),
        """\
matrix.yaml:19:18: recipe 'window' has no images/window/recipe.yaml
      desk: {recipe: window, from: speech, inputs: [tool]}
                     ^
  hint: create images/window/recipe.yaml: `summary: …` is all that it needs
""",
    ),
    Case(
        "missing Dockerfile",
        (
            ("images/tools/recipe.yaml", None, "summary: A tool\n"),
            ("matrix.yaml", "  tool: {", "  tool: {recipe: tools, "),
        ),
        """\
matrix.yaml:17:18: recipe 'tools' has no images/tools/Dockerfile.j2
      tool: {recipe: tools, from: base, publish: false}
                     ^
  hint: create images/tools/Dockerfile.j2: it begins with `FROM {{ parent }}`
""",
    ),
    Case(
        "missing chart.yaml",
        (
            ("charts/lamp/tests/test_lamp.py", None, ""),
            ("matrix.yaml", "desk: {image: desk}", "desk: {recipe: lamp, image: desk}"),
        ),
        """\
matrix.yaml:22:18: recipe 'lamp' has no charts/lamp/chart.yaml
      desk: {recipe: lamp, image: desk}
                     ^
  hint: create charts/lamp/chart.yaml: it has title, description, command, port and features
""",
    ),
    Case(
        "day that is none",
        (("matrix.yaml", "2028-06-30", "2028-06-31"),),
        """\
matrix.yaml:10:45: not a date: '2028-06-31'; write YYYY-MM-DD
        "1": {sources: [{bootstrap: one}], eol: 2028-06-31}
                                                ^
""",
    ),
    Case(
        "date in words",
        (("matrix.yaml", "2028-06-30", "June 2028"),),
        """\
matrix.yaml:10:45: not a date: 'June 2028'; write YYYY-MM-DD
        "1": {sources: [{bootstrap: one}], eol: June 2028}
                                                ^
""",
    ),
    Case(
        "date that is a number",
        (("matrix.yaml", "2028-06-30", "2028"),),
        """\
matrix.yaml:10:45: not a date: write YYYY-MM-DD
        "1": {sources: [{bootstrap: one}], eol: 2028}
                                                ^
""",
    ),
    Case(
        "not YAML",
        (("matrix.yaml", "  name: shop", "  name: [shop"),),
        """\
matrix.yaml:3:13: not YAML: expected ',' or ']', but got ':'
      repository: "{registry}/shop-{image}"
                ^
""",
    ),
    Case(
        "tab",
        (("matrix.yaml", "  name: shop", "\tname: shop"),),
        """\
matrix.yaml:2:1: not YAML: found character '\\t' that cannot start any token
    \tname: shop
    ^
""",
    ),
    Case(
        "list for a mapping",
        (("matrix.yaml", None, "- a\n"),),
        """\
matrix.yaml:1:1: not a mapping
    - a
    ^
""",
    ),
    Case(
        "empty file",
        (("matrix.yaml", None, ""),),
        """\
matrix.yaml:1:1: not a mapping
""",
    ),
    Case(
        "missing key",
        (("matrix.yaml", "  name: shop\n", ""),),
        """\
matrix.yaml:1:1: catalog lacks 'name'
    catalog:
    ^
""",
    ),
    Case(
        "missing section",
        (("matrix.yaml", None, "axes: {}\nimages: {}\n"),),
        """\
matrix.yaml:1:1: the file lacks 'catalog'
    axes: {}
    ^
""",
    ),
    Case(
        "image from nothing",
        (("matrix.yaml", "desk: {from: speech, inputs: [tool]}", "desk: {inputs: [tool]}"),),
        """\
matrix.yaml:19:3: images.desk lacks 'from'
      desk: {inputs: [tool]}
      ^
""",
    ),
    Case(
        "text for a list",
        (("matrix.yaml", "inputs: [tool]", "inputs: tool"),),
        """\
matrix.yaml:19:32: images.desk.inputs must be a list
      desk: {from: speech, inputs: tool}
                                   ^
""",
    ),
    Case(
        "text for a boolean",
        (("matrix.yaml", "publish: false", "publish: 'no'"),),
        """\
matrix.yaml:17:31: images.tool.publish must be true or false
      tool: {from: base, publish: 'no'}
                                  ^
""",
    ),
    Case(
        "nothing for a mapping",
        (("matrix.yaml", "  tool: {from: base, publish: false}", "  tool:"),),
        """\
matrix.yaml:17:3: images.tool must be a mapping
      tool:
      ^
""",
    ),
    Case(
        "name in capitals",
        (
            ("matrix.yaml", "  tool: {from", "  Tool: {from"),
            ("matrix.yaml", "inputs: [tool]", "inputs: [Tool]"),
        ),
        """\
matrix.yaml:17:3: 'Tool' is not a name: it must match ^[a-z0-9]+(-[a-z0-9]+)*$
      Tool: {from: base, publish: false}
      ^
""",
    ),
    Case(
        "reserved name",
        (
            ("matrix.yaml", "  tool: {from", "  charts: {recipe: tool, from"),
            ("matrix.yaml", "inputs: [tool]", "inputs: [charts]"),
        ),
        """\
matrix.yaml:17:3: an image may not be called 'charts': its repository is the catalog's own
      charts: {recipe: tool, from: base, publish: false}
      ^
""",
    ),
    Case(
        "base that is no reference",
        (("matrix.yaml", "registry: example.org/os:two", "registry: example.org/os:two:2"),),
        """\
matrix.yaml:9:32: not an image reference: 'example.org/os:two:2'
        "2": {sources: [{registry: example.org/os:two:2}, {bootstrap: two}], eol: 2030-01-01}
                                   ^
  hint: registry/repository[:tag][@sha256:...], all in lower case
""",
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
        """\
matrix.yaml:5:13: not a registry: '127.0.0.1:5999/'
      embedded: 127.0.0.1:5999/
                ^
  hint: host[:port][/path], in lower case and without https://, e.g. ghcr.io/myorg
matrix.yaml:4:16: not a registry: 'https://ghcr.io'
      registries: ["https://ghcr.io", ghcr.io/Me, ghcr.io/me]
                   ^
  hint: host[:port][/path], in lower case and without https://, e.g. ghcr.io/myorg
matrix.yaml:4:35: not a registry: 'ghcr.io/Me'
      registries: ["https://ghcr.io", ghcr.io/Me, ghcr.io/me]
                                      ^
  hint: host[:port][/path], in lower case and without https://, e.g. ghcr.io/myorg
""",
    ),
    Case(
        "repository without a field",
        (("matrix.yaml", '"{registry}/shop-{image}"', '"{registry}/shop"'),),
        """\
matrix.yaml:3:15: repository lacks {image}
      repository: "{registry}/shop"
                  ^
""",
    ),
    Case(
        "repository with a strange field",
        (("matrix.yaml", '"{registry}/shop-{image}"', '"{registry}/shop-{image}-{what}"'),),
        """\
matrix.yaml:3:15: not a repository: '{registry}/shop-{image}-{what}'
      repository: "{registry}/shop-{image}-{what}"
                  ^
  hint: its fields are {registry} and {image}
""",
    ),
    Case(
        "repository that is none",
        (("matrix.yaml", '"{registry}/shop-{image}"', '"{registry}/Shop-{image}"'),),
        """\
matrix.yaml:3:15: not an image reference: 'example.org/Shop-image'
      repository: "{registry}/Shop-{image}"
                  ^
  hint: registry/repository[:tag][@sha256:...], all in lower case
""",
    ),
    Case(
        "source of two kinds",
        (("matrix.yaml", "{bootstrap: one}", "{bootstrap: one, registry: a}"),),
        """\
matrix.yaml:10:21: a source is one of registry and bootstrap
        "1": {sources: [{bootstrap: one, registry: a}], eol: 2028-06-30}
                        ^
""",
    ),
    Case(
        "no source",
        (("matrix.yaml", "sources: [{bootstrap: one}], ", ""),),
        """\
matrix.yaml:10:5: axis value os=1 has no sources, and image base comes from it
        "1": {eol: 2028-06-30}
        ^
""",
    ),
    Case(
        "root without its axis",
        (("matrix.yaml", "base: {from: os, axes: [os]}", "base: {from: os}"),),
        """\
matrix.yaml:16:3: image base comes from axis os and does not have it
      base: {from: os}
      ^
  hint: add os to its axes
""",
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
        """\
matrix.yaml:13:54: 'lang {version}' cannot be part of a tag
        "1.9": {provider: apt, requires: {os: "1"}, tag: "lang {version}", eol: 2027-01-31}
                                                         ^
  hint: letters, digits, `.`, `_` and `-`, 127 at most; {version} is the exact version
""",
    ),
    Case(
        "unknown key of a recipe",
        (("images/tool/recipe.yaml", "summary", "sumary"),),
        """\
images/tool/recipe.yaml:1:1: the file lacks 'summary'
    sumary: A tool
    ^
images/tool/recipe.yaml:1:1: unknown key 'sumary'
    sumary: A tool
    ^
  hint: did you mean summary?
""",
    ),
    Case(
        "unknown axis of a condition",
        (("images/desk/recipe.yaml", "os=1", "oss=1"),),
        """\
images/desk/recipe.yaml:5:3: unknown axis 'oss'
      oss=1: {packages: {apt: [legs]}}
      ^
  hint: did you mean os?
""",
    ),
    Case(
        "not a condition",
        (("images/desk/recipe.yaml", "os=1", "os==1 or x"),),
        """\
images/desk/recipe.yaml:5:3: not a condition: 'os==1 or x'
      os==1 or x: {packages: {apt: [legs]}}
      ^
  hint: write `axis`, `not axis`, `axis=value` or `axis@provider`, joined by commas
""",
    ),
    Case(
        "a recipe on a parent without the language it needs",
        (
            ("images/desk/recipe.yaml", "summary: A desk\n", "summary: A desk\nneeds: [lang]\n"),
            ("matrix.yaml", "desk: {from: speech,", "desk: {from: base,"),
        ),
        """\
matrix.yaml:19:3: recipe desk needs lang, and image desk has no axis lang
      desk: {from: base, inputs: [tool]}
      ^
  hint: it has os; build it on an image that has lang
""",
    ),
    Case(
        "needs of an unknown axis",
        (("images/desk/recipe.yaml", "summary: A desk\n", "summary: A desk\nneeds: [lng]\n"),),
        """\
images/desk/recipe.yaml:2:9: unknown axis 'lng'
    needs: [lng]
            ^
  hint: did you mean lang?
""",
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
        """\
images/desk/recipe.yaml:4:9: https://example.org/a.tar.gz has no hash
      url: [https://example.org/a.tar.gz]
            ^
  hint: end it by #sha256=… or #amd64=…&arm64=…
""",
    ),
    Case(
        "a budget that is no size",
        (("images/desk/recipe.yaml", "summary: A desk\n", "summary: A desk\nbudget: 60MB\n"),),
        """\
images/desk/recipe.yaml:2:9: not a size: '60MB'; write e.g. 60 MB or 1.5 GB
    budget: 60MB
            ^
""",
    ),
    Case(
        "untagged of an unknown axis",
        (("matrix.yaml", "desk: {from: speech,", "desk: {from: speech, untagged: [lng],"),),
        """\
matrix.yaml:19:35: unknown axis 'lng'
      desk: {from: speech, untagged: [lng], inputs: [tool]}
                                      ^
  hint: did you mean lang?
""",
    ),
    Case(
        "a platform that is none",
        (("matrix.yaml", "desk: {from: speech,", "desk: {from: speech, platforms: [arm64],"),),
        """\
matrix.yaml:19:36: 'arm64' is not a name: it must match ^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$
      desk: {from: speech, platforms: [arm64], inputs: [tool]}
                                       ^
""",
    ),
    Case(
        "unknown axis of provides",
        (("images/speech/recipe.yaml", "  lang: {apt", "  lng: {apt"),),
        """\
images/speech/recipe.yaml:5:3: unknown axis 'lng'
      lng: {apt: {package: lang}}
      ^
  hint: did you mean lang?
""",
    ),
    Case(
        "number in a recipe",
        (("images/desk/recipe.yaml", "[desk, --open]", "[desk, 3.10]"),),
        """\
images/desk/recipe.yaml:7:17: 3.10 is a number here, and must be a string
    command: [desk, 3.10]
                    ^
  hint: quote it: "3.10"
""",
    ),
    Case(
        "port as text",
        (("images/desk/recipe.yaml", "[8000]", "['8000']"),),
        """\
images/desk/recipe.yaml:6:9: ports.0 must be a whole number
    ports: ['8000']
            ^
""",
    ),
    Case(
        "port that is none",
        (("images/desk/recipe.yaml", "[8000]", "[0, 70000]"),),
        """\
images/desk/recipe.yaml:6:9: ports.0: input should be greater than or equal to 1
    ports: [0, 70000]
            ^
images/desk/recipe.yaml:6:12: ports.1: input should be less than or equal to 65535
    ports: [0, 70000]
               ^
""",
    ),
    Case(
        "torn lock",
        (("matrix.lock", None, '{\n "bases": {\n  "os=1'),),
        """\
matrix.lock:3:3: not a lock: Unterminated string starting at
      "os=1
      ^
  hint: it was torn or edited by hand; restore it from git, or delete it and run `builder lock`
""",
    ),
    Case(
        "empty lock",
        (("matrix.lock", None, ""),),
        """\
matrix.lock:1:1: not a lock: Expecting value
  hint: it was torn or edited by hand; restore it from git, or delete it and run `builder lock`
""",
    ),
    Case(
        "newer lock",
        (("matrix.lock", '"format": 3', '"format": 4'),),
        """\
matrix.lock: format 4 is newer than this builder's 3
  hint: upgrade the builder
""",
    ),
    Case(
        "lock without lines",
        (("matrix.lock", '"lines"', '"linez"'),),
        """\
matrix.lock: not a lock: it lacks 'lines'
  hint: restore it from git, or delete it and run `builder lock`
""",
    ),
    Case(
        "lock with a wrong value",
        (("matrix.lock", '"epoch": 1,', '"epoch": "soon",'),),
        """\
matrix.lock: not a lock: invalid literal for int() with base 10: 'soon'
  hint: restore it from git, or delete it and run `builder lock`
""",
    ),
    Case(
        "lock that is a list",
        (("matrix.lock", None, "[]"),),
        """\
matrix.lock: not a lock: it has no format
  hint: restore it from git, or delete it and run `builder lock`
""",
    ),
    Case(
        "lock with a merge conflict",
        (("matrix.lock", '{\n "bases"', '<<<<<<< HEAD\n{\n "bases"'),),
        """\
matrix.lock:1:1: not a lock: Expecting value
    <<<<<<< HEAD
    ^
  hint: it was torn or edited by hand; restore it from git, or delete it and run `builder lock`
""",
    ),
    Case(
        "requires on a missing axis",
        (
            ("matrix.yaml", "  lang:\n", "  shape: {round: {}}\n  lang:\n"),
            ("matrix.yaml", 'requires: {os: "1"}, tag', "requires: {shape: round}, tag"),
        ),
        """\
matrix.yaml:14:39: image speech has no axis shape
        "1.9": {provider: apt, requires: {shape: round}, tag: "lang{version}", eol: 2027-01-31}
                                          ^
  hint: it has os, lang
""",
    ),
    Case(
        "lock with no source",
        (("matrix.lock", '   "source": {\n    "bootstrap": "one"\n   },', '   "source": {},'),),
        """\
matrix.lock: not a lock: not enough values to unpack (expected 1, got 0)
  hint: restore it from git, or delete it and run `builder lock`
""",
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
        """\
matrix.lock:1:2: not a lock: Expecting property name enclosed in double quotes
    {
     ^
  hint: it was torn or edited by hand; restore it from git, or delete it and run `builder lock`
images/tool/recipe.yaml:1:1: the file lacks 'summary'
    sumary: A tool
    ^
images/tool/recipe.yaml:1:1: unknown key 'sumary'
    sumary: A tool
    ^
  hint: did you mean summary?
matrix.yaml:18:37: unknown axis 'log'
      speech: {from: base, axes: [lang, log]}
                                        ^
  hint: did you mean lang?
matrix.yaml:19:16: unknown parent 'speach'
      desk: {from: speach, inputs: [tool]}
                   ^
  hint: did you mean speech?
matrix.yaml:12:40: axis os has no value '3'
        "1.10": {provider: apt, requires: {os: "3"}, tag: "lang{version}"}
                                           ^
  hint: known: 2, 1
""",
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
    assert f"{caught.value}\n" == case.text
    assert caught.value.exit_code == 2
