"""Writes the folders that an image is built from, and tested with."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from builder.catalog.models import File
from builder.common.errors import StepError
from builder.common.files import with_lf, write, write_tree
from builder.common.hashing import sha256
from builder.common.state_dir import StateDir

DOWNLOADS = "downloads"


def write_context(
    folder: Path, dockerfile: str, files: tuple[File, ...], downloads: Mapping[str, bytes]
) -> None:
    """Write a build context: the Dockerfile, the files of the recipe, and downloads by path.

    Folders get mode 0755, whatever the umask. Raises StepError if the disk keeps no modes.
    """
    packages = {f"{DOWNLOADS}/{path}": data for path, data in downloads.items()}
    write_tree(folder, {"Dockerfile": dockerfile.encode(), **packages})
    for file in files:
        path = folder / file.path
        write(path, content_of(file), file.mode)
        if stat.S_IMODE(path.stat().st_mode) != file.mode:
            raise StepError(
                f"the disk of {folder} does not store file modes, which the image needs",
                hint="move the folder `build` of the catalog to another disk",
            )
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        path.chmod(0o755)


def content_of(file: File) -> bytes:
    """Return the content of a file of a recipe. Raises StepError if the file has changed."""
    data = Path(file.source).read_bytes()
    for content in (data, with_lf(data)):
        if file.sha256 in {"", sha256(content)}:
            return content
    raise StepError(f"{file.source} has changed during this run", hint="run the command again")


class Tested(Protocol):
    """A recipe with tests."""

    @property
    def tests(self) -> str:
        """The folder of its tests, if one catalog has them."""

    @property
    def mixed_tests(self) -> Mapping[str, bytes]:
        """Its tests by name, if several catalogs have some."""


def suite_folder(state: StateDir, recipe: Tested) -> Path:
    """Return the folder of the tests of a recipe; those of several catalogs are laid out in one."""
    if not recipe.mixed_tests:
        return Path(recipe.tests)
    hashes = "\n".join(f"{name} {sha256(data)}" for name, data in recipe.mixed_tests.items())
    folder = state.suite(sha256(hashes.encode())[:16])
    for name, data in recipe.mixed_tests.items():
        write(folder / name, data, lasting=False)
    return folder
