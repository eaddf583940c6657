"""Chart packages: a chart's files as one .tgz, the same bytes for the same files."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from builder.charts.semver import about
from builder.common import archives, limits
from builder.common.errors import ConfigError

# The modification time of all files: 1 January 1980, as some tools refuse earlier ones.
_EPOCH = 315_532_800
_ANY_RATIO = 1 << 20  # what is no larger unpacked may be packed in any ratio
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class ChartPackage:
    """A chart package. Every property but `digest` raises ConfigError if `data` is not one."""

    data: bytes

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """Return its files, by path below the chart's folder."""
        return unpack(self.data)

    @cached_property
    def metadata(self) -> Mapping[str, object]:
        """Return the content of its Chart.yaml."""
        return about(self.files)

    @property
    def name(self) -> str:
        """Return the chart's name."""
        return self._text("name", _NAME)

    @property
    def version(self) -> str:
        """Return the chart's version."""
        return self._text("version", _VERSION)

    def _text(self, key: str, pattern: re.Pattern[str]) -> str:
        text = self.metadata.get(key)
        if not isinstance(text, str) or not pattern.fullmatch(text):  # it names a file
            actual = f"the {key} {text!r}" if text else f"no {key}"
            raise _refused(f"its Chart.yaml has {actual}")
        return text

    @property
    def file(self) -> str:
        """Return the name of its file."""
        return package_file(self.name, self.version)

    @cached_property
    def digest(self) -> str:
        """Return its sha256, in hex."""
        return hashlib.sha256(self.data).hexdigest()


def package_file(name: str, version: str) -> str:
    """Return the name of the file of a package."""
    return f"{name}-{version}.tgz"


def is_name(name: str) -> bool:
    """Whether a chart may be called so."""
    return _NAME.fullmatch(name) is not None


def is_version(version: str) -> bool:
    """Whether a version of a chart may be called so; Helm may still skip it."""
    return _VERSION.fullmatch(version) is not None


def pack(name: str, files: Mapping[str, bytes]) -> bytes:
    """Pack a chart. Its own files come first, then its folders, in order of name."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(files, key=lambda path: ("/" in path, path)):
            info = tarfile.TarInfo(f"{name}/{path}")
            info.size = len(files[path])
            info.mtime = _EPOCH
            info.mode = 0o644
            archive.addfile(info, io.BytesIO(files[path]))
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", filename="", compresslevel=9, mtime=0) as stream:
        stream.write(plain.getvalue())
    return packed.getvalue()


def unpack(package: bytes) -> dict[str, bytes]:
    """Unpack a package to files, by path below the chart's folder. Raises ConfigError.

    It is read as a stream, and not further than its first fault.
    """
    if len(package) > limits.CHART_PACKAGE:
        raise _refused(f"it is larger than {limits.binary(limits.CHART_PACKAGE)}")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(package)) as plain:
            stream = _Bounded(plain, packed=len(package))
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=archives.Header) as archive:
                files = _files(archive)
            while stream.read(1 << 16):  # the checksum is at the end
                pass
    except gzip.BadGzipFile as error:
        raise _refused("not a gzip file") from error
    except RecursionError as error:
        raise _refused("its headers are nested too deeply") from error
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
        raise _refused(str(error)) from error
    return files


def _files(archive: tarfile.TarFile) -> dict[str, bytes]:
    """Return the files of an archive, by path below its one folder. Raises ConfigError."""
    files: dict[str, bytes] = {}
    folders: set[str] = set()
    top, count = "", 0
    for member in archive:
        name = member.name.rstrip("/")
        limits.check_name(name, error=_refused)
        if not (member.isdir() or member.isfile()) or member.issparse():
            raise _refused(f"{name!r} is neither a file nor a folder")
        first, _, path = name.partition("/")
        if first != (top := top or first) or not (path or member.isdir()):
            raise _refused(f"{name!r} is outside of the chart's folder")
        if (count := count + 1) > limits.CHART_FILES:
            raise _refused(f"it has more than {limits.CHART_FILES:,} files")
        if member.isdir():
            folders.add(path)
            continue
        if path in files:
            raise _refused(f"it has {name!r} twice")
        files[path] = _content(archive, member)
        folders.update(map(str, PurePosixPath(path).parents))
    if both := sorted(folders & files.keys()):
        raise _refused(f"{both[0]!r} is a file and a folder")
    return files


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if not 0 <= member.size <= limits.CHART_FILE:
        most = limits.binary(limits.CHART_FILE)
        raise _refused(f"the file {member.name!r} is larger than {most}")
    content = archive.extractfile(member)
    assert content is not None
    return content.read()


class _Bounded(io.RawIOBase):
    """A stream that is unpacked, up to the size and the ratio that a package may have."""

    def __init__(self, stream: gzip.GzipFile, *, packed: int) -> None:
        self._stream = stream
        self._unpacked = 0
        self._least = min(_ANY_RATIO, limits.CHART_UNPACKED)
        self._most = min(limits.CHART_UNPACKED, packed * limits.CHART_RATIO)

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes. Raises ConfigError where the stream has too many."""
        data = self._stream.read(size)
        self._unpacked += len(data)
        if self._unpacked > limits.CHART_UNPACKED:
            raise _refused(f"unpacked it is larger than {limits.binary(limits.CHART_UNPACKED)}")
        if self._unpacked > max(self._least, self._most):
            raise _refused(f"unpacked it is more than {limits.CHART_RATIO} times as large")
        return data


def _refused(reason: str) -> ConfigError:
    return ConfigError(f"not a chart package: {reason}")
