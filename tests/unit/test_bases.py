"""The bytes of a bootstrapped base."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from builder.bases import canonize


def archive(path: Path, form: int, mtime: float) -> Path:
    """An archive of a file, a link to it, and a name that is too long for old formats."""
    with tarfile.open(path, "w", format=form) as tar:
        for name in ("./etc/motd", f"./{'long/' * 40}name"):
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = 5, mtime, 0o640
            tar.addfile(info, io.BytesIO(b"hello"))
        link = tarfile.TarInfo("./etc/motd.link")
        link.type, link.linkname = tarfile.LNKTYPE, "./etc/motd"
        tar.addfile(link)
    return path


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_same_files_are_the_same_bytes(tmp_path: Path, form: int) -> None:
    one = archive(tmp_path / "one.tar", tarfile.PAX_FORMAT, 1700000000.25)
    two = archive(tmp_path / "two.tar", form, 1700000000.0)
    canonize(one)
    canonize(two)
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as tar:
        members = {item.name: item for item in tar}
        content = tar.extractfile("./etc/motd.link")
        assert content is not None
        assert content.read() == b"hello"
    assert members["./etc/motd"].mode == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.tar", "two.tar"]


def test_other_files_are_other_bytes(tmp_path: Path) -> None:
    one = archive(tmp_path / "one.tar", tarfile.PAX_FORMAT, 1700000000)
    two = archive(tmp_path / "two.tar", tarfile.PAX_FORMAT, 1700000001)
    canonize(one)
    canonize(two)
    assert one.read_bytes() != two.read_bytes()
