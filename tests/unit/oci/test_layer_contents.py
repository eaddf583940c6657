"""What is in layers, and files that a layer holds again for their owner alone."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
import zstandard

from builder.common.errors import StepError
from builder.oci import layer_contents as layers_module
from builder.oci.image import ImageLayer, Member
from builder.oci.layer_contents import Entry, Index, read_hashes, read_layer, read_members
from builder.oci.layout import blob

File = tuple[str, bytes, int, int]  # path, content, mode, uid


def tar(*files: File) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        folder = tarfile.TarInfo("opt")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for path, content, mode, uid in files:
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.uid, entry.gid = len(content), mode, uid, 100
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def put(layout: Path, *files: File) -> ImageLayer:
    """A layer in a layout."""
    plain = tar(*files)
    packed = gzip.compress(plain)
    digest = f"sha256:{hashlib.sha256(packed).hexdigest()}"
    blob(layout, digest).parent.mkdir(parents=True, exist_ok=True)
    blob(layout, digest).write_bytes(packed)
    diff = f"sha256:{hashlib.sha256(plain).hexdigest()}"
    return ImageLayer(digest=digest, size=len(packed), diff=diff)


def indexed(layout: Path) -> Index:
    """What knows the layers of a layout."""
    return Index(folder=layout / "index", blob=lambda layer: blob(layout, layer.digest))


LARGE = bytes(range(256)) * 2000  # a thousand blocks, so that the last ends on a border
FILES: tuple[File, ...] = (
    ("opt/one", b"one", 0o644, 0),
    ("./opt/large", LARGE, 0o4755, 1000),
    ("opt/" + "long" * 60, b"", 0o600, 0),
    ("opt/last", b"x" * 512, 0o644, 0),
)


@pytest.mark.parametrize(
    "pack",
    [
        lambda data: data,
        gzip.compress,
        lambda data: gzip.compress(data[:700]) + gzip.compress(data[700:]),
        zstandard.ZstdCompressor().compress,
        lambda data: b"".join(map(zstandard.ZstdCompressor().compress, (data[:700], data[700:]))),
    ],
    ids=["tar", "gzip", "gzip in two members", "zstd", "zstd in two frames"],
)
def test_a_layer_is_read_however_it_is_compressed(pack, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "layer"
    file.write_bytes(pack(tar(*FILES)))
    assert read_layer(file) == {
        "opt/one": Entry(3, 0o644, 0, 100),
        "opt/large": Entry(len(LARGE), 0o4755, 1000, 100),
        "opt/" + "long" * 60: Entry(0, 0o600, 0, 100),
        "opt/last": Entry(512, 0o644, 0, 100),
    }
    assert read_hashes(file, {"opt/large", "opt/last"}) == {
        "opt/large": hashlib.sha256(LARGE).hexdigest(),
        "opt/last": hashlib.sha256(b"x" * 512).hexdigest(),
    }


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (tar(*FILES)[:9000], "unexpected end of data"),
        (gzip.compress(tar(*FILES), mtime=1)[:-2000], "Compressed file ended before"),
        (b"\x1f\x8b\x08\x00" + b"x" * 2000, "Error -3 while decompressing data"),
        (zstandard.ZstdCompressor().compress(tar(*FILES))[:-20], "unexpected end of data"),
        (b"\x28\xb5\x2f\xfd" + b"x" * 2000, "zstd decompress"),
        (b"no tar at all" * 100, "invalid header"),
    ],
    ids=["empty", "torn", "torn gzip", "broken gzip", "torn zstd", "broken zstd", "no tar"],
)
@pytest.mark.parametrize("read", [read_layer, read_members])
def test_a_torn_layer_is_named(read, data: bytes, reason: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "6f1d"
    file.write_bytes(data)
    with pytest.raises(StepError, match=f"^the layer 6f1d cannot be read: .*{reason}"):
        read(file)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_asks_for_much_memory_is_refused(kind: bytes, tmp_path: Path) -> None:
    header = tarfile.TarInfo("header")
    header.type, header.size = kind, 8 << 30
    file = tmp_path / "6f1d"
    file.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(StepError, match="a header of 8589934592 bytes"):
        read_layer(file)


def test_every_kind_of_member_is_read(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, kind, link in (
            ("./d", tarfile.DIRTYPE, ""),
            ("d/f", tarfile.REGTYPE, ""),
            ("d/s", tarfile.SYMTYPE, "f"),
            ("d/h", tarfile.LNKTYPE, "d/f"),
            ("d/p", tarfile.FIFOTYPE, ""),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.mode, entry.mtime = kind, link, 0o2755, 7
            if kind == tarfile.REGTYPE:
                entry.size, entry.uid = 3, 1000
                entry.pax_headers = {"SCHILY.xattr.user.a": "1", "mtime": "7.5"}
            archive.addfile(entry, io.BytesIO(b"one"))
    file = tmp_path / "layer"
    file.write_bytes(gzip.compress(stream.getvalue()))

    def plain(kind: str, link: str = "") -> Member:
        return Member(kind=kind, mode=0o2755, uid=0, gid=0, mtime=7, link=link)

    assert read_members(file) == {
        "d": plain("folder"),
        "d/f": Member(
            kind="file",
            mode=0o2755,
            uid=1000,
            gid=0,
            mtime=7.5,
            size=3,
            content=hashlib.sha256(b"one").hexdigest(),
            xattrs={"user.a": "1"},
        ),
        "d/s": plain("link", "f"),
        "d/h": plain("hard link", "d/f"),
        "d/p": plain("pipe"),
    }


def again(tmp_path: Path, *above: File, own: bool = True) -> list[str]:
    low = put(tmp_path, ("a", b"one", 0o644, 0), ("b", b"two", 0o755, 0))
    top = put(tmp_path, *above)
    index = indexed(tmp_path)
    found = index.reowned([low, top], {top.diff} if own else set())
    assert set(found) <= {top}
    return [
        f"{it.path}: {it.before.owned} → {it.after.owned}" for them in found.values() for it in them
    ]


@pytest.mark.parametrize(
    ("above", "found"),
    [
        (("a", b"one", 0o644, 1000), ["a: 0:100 0644 → 1000:100 0644"]),
        (("./b", b"two", 0o775, 0), ["b: 0:100 0755 → 0:100 0775"]),
        (("a", b"eno", 0o644, 1000), []),
        (("a", b"one more", 0o644, 1000), []),
        (("a", b"one", 0o644, 0), []),
        (("c", b"one", 0o644, 1000), []),
    ],
    ids=["owner", "mode", "other content", "other size", "the same", "elsewhere"],
)
def test_the_same_content_under_another_owner_is_found(
    above: File, found: list[str], tmp_path: Path
) -> None:
    assert again(tmp_path, above) == found


def test_layers_of_the_parent_are_not_judged(tmp_path: Path) -> None:
    assert again(tmp_path, ("a", b"one", 0o644, 1000), own=False) == []


def test_the_file_below_is_the_uppermost(tmp_path: Path) -> None:
    first = put(tmp_path, ("a", b"one", 0o644, 0))
    second = put(tmp_path, ("a", b"one", 0o644, 7))
    third = put(tmp_path, ("a", b"one", 0o644, 7), ("b", b"", 0o644, 0))
    found = indexed(tmp_path).reowned([first, second, third], {third.diff})
    assert found == {}


def test_a_layer_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = put(tmp_path, *FILES)
    index = indexed(tmp_path)
    first = index.files(layer)
    monkeypatch.setattr(layers_module, "read_layer", lambda _blob: pytest.fail("read again"))
    assert index.files(layer) == first


@pytest.mark.parametrize("content", [b"", b"torn", gzip.compress(b'{"a": 1}', mtime=1)[:-5]])
def test_a_torn_index_is_made_again(content: bytes, tmp_path: Path) -> None:
    layer = put(tmp_path, *FILES)
    index = indexed(tmp_path)
    whole = index.files(layer)
    (kept,) = (tmp_path / "index").iterdir()
    kept.write_bytes(content)
    assert index.files(layer) == whole
