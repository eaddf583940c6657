"""A hostile archive ends in an error that names it, and fills no memory."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from builder.common import archives
from builder.common.errors import ConfigError, StepError


def tar(*members: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member in members:
            archive.addfile(member)
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> bytes:
    """The header of a member, without its content."""
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, link
    return info.tobuf(tarfile.GNU_FORMAT)


def read(file: Path) -> None:
    with archives.opened(file, "the tarball") as archive:
        for item in archives.members(archive):
            archives.content(archive, item, 100)


def sparse() -> bytes:
    """A file of 8 GiB that holds nothing."""
    header = bytearray(member("zeros", tarfile.GNUTYPE_SPARSE))
    header[386:410] = b"00000000000\0" * 2
    header[483:495] = b"\x80" + (8 << 30).to_bytes(11, "big")
    checksum = sum(header[:148]) + sum(header[156:512]) + 8 * 32
    header[148:156] = b"%06o\0 " % checksum
    return bytes(header)


NAMES = member("././@LongLink", tarfile.GNUTYPE_LONGNAME, 2) + b"a\0".ljust(512, b"\0")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty file"),
        (sparse(), "zeros is a sparse file"),
        (member("endless", size=1 << 60), "it has more than 64 GiB"),
        (member("large", size=101) + bytes(512), "large has more than 100 bytes"),
        (member("below", size=-1), "below has a negative size"),
        (member("link", tarfile.SYMTYPE, link="/etc/passwd"), "link is not a regular file"),
        (member("pipe", tarfile.FIFOTYPE), "pipe is not a regular file"),
        (member("long", tarfile.XHDTYPE, 2 << 20), f"a header of {2 << 20} bytes"),
        (NAMES * 5000, "its headers do not end"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_hostile_archive_is_refused(
    data: bytes, message: str, tmp_path: Path, *, is_packed: bool
) -> None:
    if data and data[:512] != NAMES[:512]:
        data += bytes(1024)
    (tmp_path / "a.tar").write_bytes(gzip.compress(data) if is_packed else data)
    with pytest.raises(StepError) as caught:
        read(tmp_path / "a.tar")
    assert str(caught.value) == f"the tarball cannot be read: {message}"


def test_an_archive_of_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "ARCHIVE_FILES", 2)
    (tmp_path / "a.tar").write_bytes(tar(*(tarfile.TarInfo(str(number)) for number in range(3))))
    with (
        pytest.raises(ConfigError) as caught,
        archives.opened(tmp_path / "a.tar", "the tarball", error=ConfigError) as archive,
    ):
        list(archives.members(archive))
    assert str(caught.value) == "the tarball cannot be read: it has more than 2 files"


def test_no_member_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar(*(tarfile.TarInfo(str(number)) for number in range(50))))
    with archives.opened(tmp_path / "a.tar", "the tarball") as archive:
        names = []
        for item in archives.members(archive):
            names.append(item.name)
            assert archives.content(archive, item, 0) == b""
            assert len(vars(archive)["members"]) <= 1
    assert names == [str(number) for number in range(50)]
