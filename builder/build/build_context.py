"""The folder that an image is built from."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from builder.catalog.models import File
from builder.common.errors import StepError
from builder.common.files import with_lf, write, write_tree
from builder.common.hashing import sha256

DOWNLOADS = "downloads"


def write_context(
    folder: Path, dockerfile: str, files: tuple[File, ...], downloads: Mapping[str, bytes]
) -> None:
    """Make `folder` a build context: Dockerfile, files of the recipe, and downloads by path.

    Whatever the umask, its folders get the modes that they have in an image.
    """
    below = {f"{DOWNLOADS}/{path}": data for path, data in downloads.items()}
    write_tree(folder, {"Dockerfile": dockerfile.encode(), **below})
    for file in files:
        path = folder / file.path
        write(path, content_of(file), file.mode)
        if stat.S_IMODE(path.stat().st_mode) != file.mode:
            raise StepError(
                f"the disk of {folder} keeps no modes, which an image would lack",
                hint="put the folder `build` of the catalog on another disk",
            )
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        path.chmod(0o755)


def content_of(file: File) -> bytes:
    """Return what a file of a recipe had when the catalog was read. Raises StepError."""
    data = Path(file.source).read_bytes()
    for content in (data, with_lf(data)):
        if file.sha256 in {"", sha256(content)}:
            return content
    raise StepError(f"{file.source} has changed since the catalog was read", hint="run it again")
