"""The content of a catalog as one hash, wherever its files come from.

It is the identity of a catalog for those that stand on it: git, an artefact of a registry and a
folder with the same files have the same content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from builder.common.checkout import Checkout
from builder.common.hashing import canonical, digest_of, sha256

FOLDERS = ("charts", "images")
MATRIX = "matrix.yaml"


def content_of(files: Iterable[tuple[str, int, bytes]]) -> str:
    """Return the content of files, each with its path, its mode and its bytes.

    The file matrix.yaml and those below `images` and `charts` count; the lock and all else do not.
    """
    entries = sorted(
        [path, f"{mode:04o}", sha256(data)] for path, mode, data in files if counts(path)
    )
    return digest_of(canonical(entries))


def counts(path: str) -> bool:
    """Whether a file is part of the content, by its path in the catalog."""
    return path == MATRIX or path.partition("/")[0] in FOLDERS


def content_in(checkout: Checkout) -> str:
    """Return the content of a folder, as git has its files."""
    return content_of(files_in(checkout))


def files_in(checkout: Checkout) -> Iterator[tuple[str, int, bytes]]:
    """Yield the files of a folder that count, each with its path, its mode and its bytes."""
    paths: list[Path] = [checkout.root / MATRIX]
    for folder in FOLDERS:
        paths += checkout.files(checkout.root / folder)
    for path in paths:
        name = path.relative_to(checkout.root).as_posix()
        yield name, checkout.mode(path), checkout.read(path)
