"""Packages and the index of a repository of charts."""

from io import BytesIO

import pytest
from ruamel.yaml import YAML

from builder.charts.repository.index import (
    IndexEntry,
    entry_of,
    merge_index,
    newest,
    parse_index,
    read_index,
    with_entries,
)
from builder.common.errors import ConfigError, ConflictError

NOW = "2026-01-05T00:00:00Z"
LATER = "2026-01-12T00:00:00Z"


def entry(
    version: str = "1.0.0", name: str = "clock", digest: str = "a" * 64, created: str = NOW
) -> IndexEntry:
    return IndexEntry(
        metadata={
            "name": name,
            "version": version,
            "keywords": ["a: b", "#c"],
            "dependencies": [{"name": "lib", "version": "1"}],
            "annotations": {"x/y": "é"},
        },
        digest=digest,
        url=f"{name}-{version}.tgz",
        created=created,
    )


def loaded(index: bytes) -> dict[str, object]:
    data: dict[str, object] = YAML(typ="safe").load(BytesIO(index))
    return data


def test_a_new_index() -> None:
    index = merge_index(None, [entry()], generated=NOW)
    assert index == (
        b"apiVersion: v1\n"
        b"entries:\n"
        b"  clock:\n"
        b"    - annotations:\n"
        b'        "x/y": "\xc3\xa9"\n'
        b"      dependencies:\n"
        b'        - name: "lib"\n'
        b'          version: "1"\n'
        b"      keywords:\n"
        b'        - "a: b"\n'
        b'        - "#c"\n'
        b'      name: "clock"\n'
        b'      version: "1.0.0"\n'
        b'      created: "2026-01-05T00:00:00Z"\n'
        + f'      digest: "{"a" * 64}"\n'.encode()
        + b"      urls:\n"
        b'        - "clock-1.0.0.tgz"\n'
        b'generated: "2026-01-05T00:00:00Z"\n'
    )
    assert loaded(index)["apiVersion"] == "v1"


def test_no_version_is_lost_and_the_newest_is_first() -> None:
    index = None
    for version in ("1.9.0", "1.10.0", "1.2.0"):
        index = merge_index(index, [entry(version)], generated=NOW)
    index = merge_index(index, [entry(name="sundial", created=LATER)], generated=LATER)
    entries = read_index(index)
    assert [item["version"] for item in entries["clock"]] == ["1.10.0", "1.9.0", "1.2.0"]
    assert [item["created"] for item in entries["sundial"]] == [LATER]


def test_nothing_new_changes_nothing() -> None:
    index = merge_index(None, [entry()], generated=NOW)
    assert merge_index(index, [entry(created=LATER)], generated=LATER) == index
    assert merge_index(index, [], generated=LATER) == index


def test_an_empty_index() -> None:
    index = merge_index(None, [], generated=NOW)
    assert index == b'apiVersion: v1\nentries: {}\ngenerated: "2026-01-05T00:00:00Z"\n'
    assert read_index(index) == {}


def test_an_index_of_helm_is_understood() -> None:
    text = (
        "apiVersion: v1\nentries:\n  clock:\n  - apiVersion: v2\n"
        "    created: 2026-01-05T00:00:00Z\n"
        "    digest: dddd\n    name: clock\n    urls:\n    - https://example.org/clock-0.1.0.tgz\n"
        "    version: 0.1.0\ngenerated: 2026-01-05T00:00:00.123456789Z\n"
    )
    index = merge_index(text.encode(), [entry()], generated=LATER)
    kept = read_index(index)["clock"][1]
    assert kept["created"] == NOW
    assert kept["urls"] == ["https://example.org/clock-0.1.0.tgz"]


def test_the_same_version_with_another_content() -> None:
    index = merge_index(None, [entry()], generated=NOW)
    with pytest.raises(ConflictError) as caught:
        merge_index(index, [entry(digest="b" * 64)], generated=LATER)
    assert str(caught.value) == (
        "index.yaml: chart clock 1.0.0 is already published with other content\n"
        f"  hint: published {'a' * 64}, now {'b' * 64}"
    )
    assert caught.value.exit_code == 7


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.8, 0.9, 0.97, 0.99])
def test_a_torn_index_is_refused(share: float) -> None:
    index = merge_index(None, [entry(), entry("1.1.0")], generated=NOW)
    with pytest.raises(ConfigError) as caught:
        merge_index(index[: int(len(index) * share)], [entry("2.0.0")], generated=LATER)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "index.yaml: not a chart index"),
        ("<html>403</html>", "index.yaml: not a chart index"),
        ("a: [", "index.yaml:1:5: the index is damaged: not YAML"),
        ("a: \xff", "index.yaml: not a chart index"),
        (
            "apiVersion: v1\ngenerated: 2026-01-05T00:00:00Z\n",
            "index.yaml: the index has no entries",
        ),
        ("apiVersion: v1\nentries: {}\n", "index.yaml: the index is damaged: its end is missing"),
        (
            "apiVersion: v1\nentries: {x: [{name: x}]}\ngenerated: 2026-01-05T00:00:00Z\n",
            "index.yaml:2:11: the index is malformed at x",
        ),
        (
            "apiVersion: v1\nentries: {x: yes}\ngenerated: 2026-01-05T00:00:00Z\n",
            "index.yaml:2:11: the index is malformed at x",
        ),
        (
            "apiVersion: v1\nentries:\n  x:\n  - name: x\n    version: 1.10\n"
            "generated: 2026-01-05T00:00:00Z\n",
            "index.yaml:5:14: version 1.10 of chart x is a number, and must be a string",
        ),
        (
            "apiVersion: v1\nentries: {x: []}\nentries: {}\ngenerated: 2026-01-05T00:00:00Z\n",
            "index.yaml:3:1: duplicate key 'entries'",
        ),
    ],
)
def test_a_malformed_index_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        merge_index(text.encode(), [entry()], generated=NOW)
    assert str(caught.value).splitlines()[0] == message
    assert caught.value.hint


FOREIGN = """\
apiVersion: v1
entries:
  clock:
  - apiVersion: v2
    created: 2026-01-05T00:00:00.123456789+02:00
    description: of another tool
    digest: sha256:dddd
    name: clock
    urls: [https://one.example.org/c.tgz, https://two.example.org/c.tgz]
    version: 0.1.0
    deprecated: yes
    x-mode: 0755
    x-size: 1e3
    x-day: 2026-01-05
    x-flag: off
    annotations: {on: "1.10", "y": "0440"}
  - {name: clock, version: v0.0.9, urls: [clock-v0.0.9.tgz]}
  - {name: clock, version: not-a-version, urls: [x.tgz]}
  empty:
  "no":
  - {name: "no", version: 1.0.0+up1, urls: [no.tgz]}
serverInfo: {contextPath: /charts}
generated: 2026-01-05T00:00:00Z
"""


def test_what_other_tools_list_is_kept_whole() -> None:
    before = parse_index(FOREIGN.encode())
    index = merge_index(FOREIGN.encode(), [entry()], generated=LATER)
    after = parse_index(index)
    assert after.more == {"serverInfo": {"contextPath": "/charts"}}
    versions = after.entries["clock"]
    assert [item["version"] for item in versions] == ["1.0.0", "0.1.0", "v0.0.9", "not-a-version"]
    assert versions[1:] == before.entries["clock"]
    assert versions[1] | {} == {
        "apiVersion": "v2", "created": "2026-01-05T00:00:00.123456789+02:00",
        "description": "of another tool", "digest": "sha256:dddd", "name": "clock",
        "urls": ["https://one.example.org/c.tgz", "https://two.example.org/c.tgz"],
        "version": "0.1.0", "deprecated": True, "x-mode": 493, "x-size": 1000.0,
        "x-day": "2026-01-05", "x-flag": False,
        "annotations": {"true": "1.10", "y": "0440"},
    }  # fmt: skip
    assert after.entries["no"] == before.entries["no"]
    assert after.entries["empty"] == []


def test_a_chart_whose_name_is_a_word_of_yaml_stays_a_name() -> None:
    index = merge_index(None, [entry(name="on")], generated=NOW)
    assert b'\n  "on":\n' in index
    assert list(read_index(index)) == ["on"]


def test_a_text_with_signs_that_end_a_line_of_yaml_stays_as_it_is() -> None:
    metadata = {"name": "clock", "version": "1.0.0", "description": "a\x85b\u2028c\x7fd\ufeffe"}
    item = IndexEntry(metadata=metadata, digest="a" * 64, url="c.tgz", created=NOW)
    (kept,) = read_index(merge_index(None, [item], generated=NOW))["clock"]
    assert kept["description"] == metadata["description"]


def test_an_entry_taken_over_from_another_index_keeps_its_urls_and_lacks_what_it_lacked() -> None:
    taken = [entry_of(item) for item in read_index(FOREIGN.encode())["clock"]]
    entries = with_entries({}, taken)
    assert entries["clock"] == read_index(FOREIGN.encode())["clock"]


@pytest.mark.parametrize(
    ("versions", "installed"),
    [
        (("1.4.2", "2.0.0-rc.1"), "1.4.2"),
        (("2.0.0-rc.1",), None),
        (("1.0.0", "v1.2.3"), "v1.2.3"),
        (("3.0.0+up2", "3.0.0+up1"), "3.0.0+up2"),
        (("latest", "1.9.0", "1.10.0"), "1.10.0"),
        (("latest",), None),
    ],
)
def test_what_is_installed_where_no_version_is_named(
    versions: tuple[str, ...], installed: str | None
) -> None:
    found = newest([{"name": "clock", "version": version} for version in versions])
    assert (found["version"] if found else None) == installed
