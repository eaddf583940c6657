"""Packages as pip installs them: a module or more, and the metadata beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest


def install(
    folder: Path,
    name: str,
    entry_points: str,
    modules: Mapping[str, str] | None = None,
    *,
    version: str = "1.0",
) -> Path:
    """Write a package to a folder: its metadata, and the text of each module by file name."""
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(entry_points)
    for file, text in (modules or {}).items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    return folder


def see(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Put folders at the front of sys.path, the last one first."""
    for folder in folders:
        monkeypatch.syspath_prepend(str(folder))
