"""Chart packages: the same bytes every time, and read as a stream that may be a stranger's."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import time
import tracemalloc
from io import BytesIO

import pytest

from builder.charts.package import ChartPackage, pack, unpack
from builder.common.errors import ConfigError

CHART = b"apiVersion: v2\nname: x\nversion: 1.0.0\n"


def member(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    """A member of an archive; `fields` are those of its header."""
    header = tarfile.TarInfo(name)
    header.size = len(data)
    for field, value in fields.items():
        setattr(header, field, value)
    return header, data


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A package of these members, which may be anything."""
    plain = BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for header, data in members:
            archive.addfile(header, BytesIO(data))
    return gzip.compress(plain.getvalue())


def refused(package: bytes) -> str:
    """The reason for which a package is refused."""
    with pytest.raises(ConfigError) as caught:
        unpack(package)
    begin = "not a chart package: "
    assert str(caught.value).startswith(begin)
    return str(caught.value).removeprefix(begin)


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


def test_a_package_of_helm_has_folders_too() -> None:
    folder = member("x/templates", type=tarfile.DIRTYPE)
    file = member("x/templates/a.yaml", b"a")
    package = packed(
        member("x/", type=tarfile.DIRTYPE), folder, file, member("x/Chart.yaml", CHART)
    )
    assert unpack(package) == {"templates/a.yaml": b"a", "Chart.yaml": CHART}


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([member("x/../../a")], "the path 'x/../../a' leaves its folder"),
        ([member("x/a/../../../b")], "the path 'x/a/../../../b' leaves its folder"),
        ([member("../x/a")], "the path '../x/a' leaves its folder"),
        ([member("x//etc/passwd")], "the path 'x//etc/passwd' has an empty part"),
        ([member("./x/a")], "the path './x/a' has an empty part"),
        ([member("/x/a")], "the path '/x/a' is absolute"),
        ([member("x/a\\..\\b")], "the path 'x/a\\\\..\\\\b' has a backslash"),
        ([member("x/a\nb")], "the path 'x/a\\nb' has control characters"),
        ([member("x/" + "a" * 300)], f"the path 'x/{'a' * 118}…' is too long"),
        ([member("x/\udcff")], "the path 'x/\\udcff' is not UTF-8"),
        ([member("a")], "'a' is outside of the chart's folder"),
        ([member("x/a"), member("y/b")], "'y/b' is outside of the chart's folder"),
        ([member("x/a"), member("x/a")], "it has 'x/a' twice"),
        ([member("x/a"), member("x/a/b")], "'a' is a file and a folder"),
        ([member("x/a"), member("x/a", type=tarfile.DIRTYPE)], "'a' is a file and a folder"),
        *(
            ([member("x/a", type=kind, linkname="gone")], "'x/a' is neither a file nor a folder")
            for kind in (
                tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE,
                tarfile.FIFOTYPE,
            )
        ),
    ],
)  # fmt: skip
def test_a_member_that_no_chart_has(
    members: list[tuple[tarfile.TarInfo, bytes]], reason: str
) -> None:
    assert refused(packed(member("x/Chart.yaml", CHART), *members)) == reason


def test_a_torn_package() -> None:
    package = pack("x", {"Chart.yaml": hashlib.sha512(b"noise").digest() * 50})
    assert refused(package[: len(package) // 2]) == (
        "Compressed file ended before the end-of-stream marker was reached"
    )
    assert refused(package[:-8] + b"\0" * 8) == "not a gzip file"
    assert refused(b"PK") == "not a gzip file"


def test_a_package_that_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.common.limits.CHART_PACKAGE", 100)
    assert refused(b"x" * 101) == "it is larger than 100 bytes"


def test_a_package_that_is_large_when_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.common.limits.CHART_UNPACKED", 64 << 10)
    assert refused(pack("x", {"Chart.yaml": b"x" * (64 << 10)})) == (
        "unpacked it is larger than 64 KiB"
    )


def test_a_file_that_is_large() -> None:
    package = pack("x", {"Chart.yaml": CHART, "README.md": bytes(6 << 20)})
    assert refused(package) == "the file 'x/README.md' is larger than 5 MiB"


def test_a_package_that_is_much_larger_than_it_was() -> None:
    names = (f"x/{number}" for number in range(12))
    package = packed(*(member(name, bytes(5 << 20)) for name in names))
    assert len(package) < 100_000
    tracemalloc.start()
    assert refused(package) == "unpacked it is more than 200 times as large"
    assert tracemalloc.get_traced_memory()[1] < 40 << 20
    tracemalloc.stop()


def test_a_package_of_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.common.limits.CHART_FILES", 3)
    assert refused(packed(*(member(f"x/{number}") for number in range(4)))) == (
        "it has more than 3 files"
    )


def with_a_record(record: bytes, kind: bytes = tarfile.XHDTYPE, times: int = 1) -> bytes:
    """A package whose one file is told of by records of pax, or by long names."""
    told, file = tarfile.TarInfo("x/pax"), tarfile.TarInfo("x/a")
    told.type, told.size = kind, len(record)
    padded = record + b"\0" * (-len(record) % 512)
    plain = (told.tobuf(tarfile.USTAR_FORMAT) + padded) * times + file.tobuf() + b"\0" * 1024
    return gzip.compress(plain)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_what_tells_of_a_file_is_large(kind: bytes) -> None:
    assert refused(with_a_record(b"x" * 2_000_000, kind)) == "a header of 2000000 bytes"


def test_what_tells_of_a_file_is_told_of_itself() -> None:
    assert refused(with_a_record(b"12 path=x/b\n", times=2000)) == (
        "its headers are nested too deeply"
    )


def test_a_file_of_a_negative_size() -> None:
    header = bytearray(tarfile.TarInfo("x/a").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 11 + b"\0"  # in base 256
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert refused(gzip.compress(bytes(header) + b"\0" * 1024)) == (
        "the file 'x/a' is larger than 5 MiB"
    )


def test_a_sparse_file_that_is_larger_than_its_bytes() -> None:
    record = b"".join(
        b"%d %s\n" % (len(text) + 4, text)
        for text in (
            b"GNU.sparse.size=99999999999",
            b"GNU.sparse.numblocks=0",
            b"GNU.sparse.map=0,0",
        )
    )
    assert refused(with_a_record(record)) == "'x/a' is neither a file nor a folder"


@pytest.mark.parametrize("record", [b"9" * 5000 + b" a=b\n", b"22 GNU.sparse.size=x\n"])
def test_a_record_that_is_none(record: bytes) -> None:
    assert refused(with_a_record(record))


def test_a_package_is_not_read_beyond_its_first_fault() -> None:
    package = packed(
        member("../a"), *(member(f"x/{number}", bytes(4 << 20)) for number in range(8))
    )
    begun = time.process_time()
    assert refused(package) == "the path '../a' leaves its folder"
    assert time.process_time() - begun < 0.2


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("version: 1.0.0", "no name"),
        ("name: ''\nversion: 1.0.0", "no name"),
        ("name: ../../desk\nversion: 1.0.0", "the name '../../desk'"),
        ("name: [a]\nversion: 1.0.0", "the name ['a']"),
        ("name: desk", "no version"),
        ("name: desk\nversion: 1/../../2", "the version '1/../../2'"),
        ("name: .desk\nversion: 1.0.0", "the name '.desk'"),
        ("name: -desk\nversion: 1.0.0", "the name '-desk'"),
        ('name: "desk\\n"\nversion: 1.0.0', "the name 'desk\\n'"),
        ("name: desk\nversion: --version", "the version '--version'"),
        ("name: desk\nversion: 1.0.0 beta", "the version '1.0.0 beta'"),
    ],
)
def test_a_package_that_no_file_can_be_named_after(about: str, said: str) -> None:
    package = ChartPackage(data=pack("x", {"Chart.yaml": about.encode()}))
    with pytest.raises(ConfigError) as caught:
        _ = package.file
    assert str(caught.value) == f"not a chart package: its Chart.yaml has {said}"
