"""Chart packages: a chart's files as one .tgz, the same bytes for the same files."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from builder.charts.semver import about
from builder.common.errors import ConfigError

# The modification time of all files: 1 January 1980, as some tools refuse earlier ones.
_EPOCH = 315_532_800
LARGEST = 100 << 20
"""The largest number of bytes that Helm unpacks from a package."""


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
        return self._text("name")

    @property
    def version(self) -> str:
        """Return the chart's version."""
        return self._text("version")

    def _text(self, key: str) -> str:
        text = self.metadata.get(key)
        if not isinstance(text, str) or not text or "/" in text:  # it becomes the name of a file
            actual = f"the {key} {text!r}" if text else f"no {key}"
            raise ConfigError(f"not a chart package: its Chart.yaml has {actual}")
        return text

    @property
    def file(self) -> str:
        """Return the name of its file."""
        return f"{self.name}-{self.version}.tgz"

    @cached_property
    def digest(self) -> str:
        """Return its sha256, in hex."""
        return hashlib.sha256(self.data).hexdigest()


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
    """Unpack a package to files, by path below the chart's folder. Raises ConfigError."""
    files: dict[str, bytes] = {}
    remaining = LARGEST
    try:
        with tarfile.open(fileobj=_plain(package), mode="r:") as archive:
            for member in archive:
                remaining -= member.size
                if member.size < 0 or remaining < 0:  # a negative size would be read without end
                    raise _too_large()
                if not member.isfile():
                    continue
                content = archive.extractfile(member)
                assert content is not None
                files[_below(member.name)] = content.read()
    except gzip.BadGzipFile as error:
        raise ConfigError("not a chart package: not a gzip file") from error
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
        raise ConfigError(f"not a chart package: {error}") from error
    return files


def _plain(package: bytes) -> io.BytesIO:
    """Return the tar of a package. Its headers may be as large as its files."""
    with gzip.GzipFile(fileobj=io.BytesIO(package)) as stream:
        plain = stream.read(2 * LARGEST + 1)
    if len(plain) > 2 * LARGEST:
        raise _too_large()
    return io.BytesIO(plain)


def _below(name: str) -> str:
    """Return the path of a member below the chart's folder. Raises ConfigError where it is not."""
    path = name.partition("/")[2]
    if not path or path.startswith("/") or ".." in path.split("/"):
        raise ConfigError(f"not a chart package: {name!r} is outside of the chart's folder")
    return path


def _too_large() -> ConfigError:
    return ConfigError("not a chart package: it is larger than Helm unpacks")
