"""Chart packages: a chart's files as one .tgz, the same bytes for the same files."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping

from builder.errors import ConfigError

# Helm refuses timestamps before 1980 in some tools around it; any fixed day does.
_EPOCH = 315_532_800


def pack(name: str, files: Mapping[str, bytes]) -> bytes:
    """The package of a chart. Its own files come first, then its folders, in order of name."""
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
    """The files of a package, by path below the chart's folder. Raises ConfigError."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None:
                    files[member.name.partition("/")[2]] = content.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ConfigError(f"not a chart package: {error}") from error
    return files
