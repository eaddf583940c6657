"""A catalog as an artefact of a registry: how it is packed, and how it is read again.

The same files give the same bytes.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from builder.common import archives
from builder.common.hashing import canonical
from builder.common.limits import CONFIGURATION, read_json
from builder.overlay.kept_catalogs import (
    LARGEST,
    FoundSource,
    SourceFile,
    UnsafeSourceError,
    check_entry,
    check_total,
)
from builder.registry.interfaces import Artifact, Blob

KIND = "application/vnd.onyxia.catalog.source.v1"
"""The media type of the artefact; that of its one file is KIND with `.tar+gzip`."""
PACKED = f"{KIND}.tar+gzip"
FILE = "source.tar.gz"
FACTS = ("release", "commit", "content", "builder")


def tag_of(release: str) -> str:
    """Return the tag of the source of a release."""
    return f"{release}.source"


def artefact(files: Iterable[SourceFile], facts: Mapping[str, str]) -> Artifact:
    """Return the files of a catalog as an artefact; `facts` are FACTS of its release."""
    return Artifact(
        kind=KIND,
        files={FILE: Blob(kind=PACKED, data=_packed(files))},
        config=canonical({key: facts[key] for key in FACTS}),
    )


def source_in(artifact: Artifact, digest: str) -> FoundSource:
    """Return the catalog in an artefact. Raises UnsafeSourceError and StepError."""
    blob = artifact.files.get(FILE)
    if blob is None or artifact.kind != KIND or blob.kind != PACKED:
        raise UnsafeSourceError(f"an artefact of kind {artifact.kind}, not {KIND}")
    facts = read_json(artifact.config, CONFIGURATION, "the configuration of the source")
    facts = facts if isinstance(facts, dict) else {}
    return FoundSource(
        files=tuple(_unpacked(blob.data)),
        commit=digest,
        release=str(facts.get("release", "")),
        builder=str(facts.get("builder", "")),
    )


def _packed(files: Iterable[SourceFile]) -> bytes:
    stream = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=9, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for file in sorted(files, key=lambda item: item.path):
            member = tarfile.TarInfo(file.path)
            member.size, member.mode = len(file.data), file.mode
            archive.addfile(member, io.BytesIO(file.data))
    return stream.getvalue()


def _unpacked(data: bytes) -> list[SourceFile]:
    """Return the files of an archive: regular ones, within limits, and nothing else."""
    files: list[SourceFile] = []
    total = 0
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, FILE)
        path.write_bytes(data)
        with archives.opened(path, "the source") as archive:
            for member in archives.members(archive):
                check_entry(member.name, member.size)
                if not member.isreg():
                    raise UnsafeSourceError(f"{member.name}: not a file")
                check_total(len(files) + 1, total := total + member.size)
                mode = 0o755 if member.mode & 0o100 else 0o644
                content = archives.content(archive, member, LARGEST)
                files.append(SourceFile(path=member.name, mode=mode, data=content))
    return files
