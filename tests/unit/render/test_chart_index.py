"""Packages and the index of a repository of charts."""

import hashlib
import tarfile
from io import BytesIO

import pytest
from ruamel.yaml import YAML

from builder.errors import ConfigError, ConflictError
from builder.render.chart_index import IndexEntry, merge_index, read_index
from builder.render.chart_package import pack, unpack

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
        "index.yaml: chart clock 1.0.0 is published with another content\n"
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
        ("", "index.yaml: not an index of charts"),
        ("<html>403</html>", "index.yaml: not an index of charts"),
        ("a: [", "index.yaml:1:5: the index is torn: not YAML"),
        ("a: \xff", "index.yaml: not an index of charts"),
        (
            "apiVersion: v1\ngenerated: 2026-01-05T00:00:00Z\n",
            "index.yaml: the index has no entries",
        ),
        ("apiVersion: v1\nentries: {}\n", "index.yaml: the index is torn: its end is missing"),
        (
            "apiVersion: v1\nentries: {x: [{name: x}]}\ngenerated: 2026-01-05T00:00:00Z\n",
            "index.yaml: the index is malformed at x",
        ),
        (
            "apiVersion: v1\nentries: {x: }\ngenerated: 2026-01-05T00:00:00Z\n",
            "index.yaml: the index is malformed at x",
        ),
    ],
)
def test_a_malformed_index_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        merge_index(text.encode(), [entry()], generated=NOW)
    assert str(caught.value).splitlines()[0] == message
    assert caught.value.hint


def test_a_package_is_the_same_every_time() -> None:
    files = {"templates/b.yaml": b"b", "Chart.yaml": b"name: x\n", "charts/lib/Chart.yaml": b"l"}
    package = pack("x", files)
    assert package == pack("x", dict(reversed(files.items())))
    assert unpack(package) == files
    with tarfile.open(fileobj=BytesIO(package)) as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == [
        "x/Chart.yaml", "x/charts/lib/Chart.yaml", "x/templates/b.yaml",
    ]  # fmt: skip
    assert {(member.mtime, member.mode, member.uid) for member in members} == {
        (315532800, 0o644, 0)
    }


def test_a_torn_package() -> None:
    package = pack("x", {"Chart.yaml": hashlib.sha512(b"noise").digest() * 50})
    with pytest.raises(ConfigError, match=r"^not a chart package: "):
        unpack(package[: len(package) // 2])
