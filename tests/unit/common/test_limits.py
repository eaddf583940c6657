"""Hostile names never become paths, and hostile bytes are never read without a limit."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
from pathlib import Path

import pytest

from builder.common import limits
from builder.common.errors import ConfigError, StepError

DEEP = limits.DEPTH


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "the package: the path '' is empty"),
        ("/etc/passwd", "the package: the path '/etc/passwd' is absolute"),
        ("..", "the package: the path '..' leaves its folder"),
        ("a/../../b", "the package: the path 'a/../../b' leaves its folder"),
        ("a/..", "the package: the path 'a/..' leaves its folder"),
        ("..\\b", "the package: the path '..\\\\b' has a backslash"),
        ("a\0b", "the package: the path 'a\\x00b' has control characters"),
        ("a\nb", "the package: the path 'a\\nb' has control characters"),
        ("a\x1b[2Jb", "the package: the path 'a\\x1b[2Jb' has control characters"),
        ("a\x9bb", "the package: the path 'a\\x9bb' has control characters"),
        ("a//b", "the package: the path 'a//b' has an empty part"),
        ("a/", "the package: the path 'a/' has an empty part"),
        ("./a", "the package: the path './a' has an empty part"),
        ("caf\udce9", "the package: the path 'caf\\udce9' is not UTF-8"),
        ("a" * 256, f"the package: the path '{'a' * 120}…' is too long"),
        ("é" * 128, f"the package: the path '{'é' * 120}…' is too long"),
        ("a/" * 2048 + "a", f"the package: the path '{'a/' * 60}…' is too long"),
    ],
)
def test_a_name_that_is_no_plain_path_is_refused(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(StepError) as raised:
        limits.safe_join(tmp_path, name, "the package")
    assert str(raised.value) == message


@pytest.mark.parametrize("name", ["a", "a/b c.txt", "..a/b..", ".git", "é" * 127, "-x"])
def test_a_plain_path_is_joined(name: str, tmp_path: Path) -> None:
    assert limits.safe_join(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize("target", ["/etc", "..", "../outside", "link"])
def test_a_link_out_of_the_folder_is_refused(target: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(target)
    for name in ("link", "link/hosts"):
        with pytest.raises(ConfigError) as raised:
            limits.safe_join(folder, name, error=ConfigError)
        assert str(raised.value) == f"the path '{name}' leaves its folder by a link"


def test_a_link_within_the_folder_and_a_folder_that_is_a_link_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "inner").symlink_to("other")
    (tmp_path / "folder").symlink_to("real")
    joined = limits.safe_join(tmp_path / "folder", "inner/x")
    assert joined == tmp_path / "folder" / "inner" / "x"


def test_a_stream_is_read_to_its_limit_and_no_further() -> None:
    class Endless(io.RawIOBase):
        count = 0

        def read(self, size: int = -1) -> bytes:
            self.count += size
            return bytes(size)

    stream = Endless()
    with pytest.raises(StepError) as raised:
        limits.read_stream(stream, 4 << 20, "registry.example/image: the manifest")  # type: ignore[arg-type]
    assert str(raised.value) == "registry.example/image: the manifest has more than 4 MiB"
    assert stream.count <= 6 << 20
    assert limits.read_stream(io.BytesIO(b"1234"), 4, "it") == b"1234"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"12345", "the blob has more than the 4 bytes that are stated"),
        (b"123", "the blob has 3 of the 4 bytes that are stated"),
        (b"", "the blob has 0 of the 4 bytes that are stated"),
    ],
)
def test_a_stream_of_another_length_than_stated_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(StepError) as raised:
        list(limits.exactly([body[:2], body[2:]], 4, "the blob"))
    assert str(raised.value) == message


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    pipe, file, folder = tmp_path / "pipe", tmp_path / "file", tmp_path / "folder"
    os.mkfifo(pipe)
    file.write_bytes(b"12345")
    folder.mkdir()
    cases = {
        pipe: f"{pipe} is not a regular file",
        folder: f"{folder} is not a regular file",
        tmp_path / "none": f"{tmp_path / 'none'} cannot be read: No such file or directory",
        Path("/dev/zero"): "/dev/zero is not a regular file",
        file: f"{file} has more than 4 bytes",
    }
    for path, message in cases.items():
        with pytest.raises(StepError) as raised:
            limits.read_file(path, 4)
        assert str(raised.value) == message
    assert limits.read_file(file, 5) == b"12345"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "the index is not valid JSON: Expecting value (line 1, column 1)"),
        (b'{"a":\n  x}', "the index is not valid JSON: Expecting value (line 2, column 3)"),
        (b"[" * 100_000, "the index has more than 64 levels"),
        (b"[" * 65 + b"]" * 65, "the index has more than 64 levels"),
        (b'{"a":[' * 33 + b"]}" * 33, "the index has more than 64 levels"),
        (b"[1" + b",1" * 1_000_000 + b"]", "the index has more than 1,000,000 nodes"),
        (b"[" + b"[]," * 600_000 + b"[]]", "the index has more than 1,000,000 nodes"),
        (b'{"a": 1, "b": 2, "a": 3}', "the index is not valid JSON: the key 'a' stands twice in one"
         " object"),
        (b'{"a": NaN}', "the index is not valid JSON: NaN is not a finite number"),
        (b'{"a": 1e999}', "the index is not valid JSON: 1e999 is not a finite number"),
        (b'{"a": "\\ud800"}', "the index is not valid JSON: not UTF-8"),
        (b'{"\\uDFFF": 1}', "the index is not valid JSON: not UTF-8"),
        (b'"\xff"', "the index is not valid JSON: not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "the index is not valid JSON: not UTF-8"),
        (b'"' + b"x" * (5 << 20) + b'"', "the index has more than 4 MiB"),
        (b'"' + b'\\"' * 1_000_000, "the index is not valid JSON: Unterminated string starting at"
         " (line 1, column 1)"),
    ],
    ids=lambda value: repr(value[:20]),
)  # fmt: skip
def test_hostile_json_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(StepError) as raised:
        limits.read_json(text, 4 << 20, "the index")
    assert str(raised.value) == message


def test_a_number_of_many_digits_is_refused() -> None:
    with pytest.raises(StepError, match=r": a number has 100,000 digits$"):
        limits.read_json(b"1" * 100_000, 4 << 20, "the index")


@pytest.mark.parametrize(
    "value",
    [
        json.loads("[" * DEEP + "]" * DEEP),
        {"a": '[{,\\"[[', 'k"[': ["]}", "\\"], "é": "\U0001f600", "n": [1.5, -2e3, None, True]},
        [1] * 900_000,
        "[" * 100_000,
        ",{" * 1_000_000,
    ],
    ids=["deep", "brackets in texts", "long", "a text of brackets", "a text of commas"],
)
def test_a_document_within_the_limits_is_read(value: object) -> None:
    assert limits.read_json(json.dumps(value).encode(), 8 << 20, "it") == value


def test_a_document_of_too_many_nodes_is_refused_before_it_fills_the_memory() -> None:
    text = b"[" + b"[]," * (10 << 20) + b"[]]"
    tracemalloc.start()
    with pytest.raises(ConfigError):
        limits.read_json(text, 64 << 20, "it", error=ConfigError)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * len(text)
