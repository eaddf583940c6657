"""Reads the address of a catalog as somebody types it: a folder, of git, or of a registry."""

from __future__ import annotations

import os
import re
from pathlib import Path

from builder.common.errors import ConfigError

_SOURCE = re.compile(
    r"(?:(?P<scheme>oci://|https://|ssh://|file:///)|(?=[\w.-]+@[\w.-]+:))"
    r"(?P<place>(?:[^/@\s]+@)?[^@\s]+?)(?:@(?P<ref>[^@\s]+))?"
)


def extends_of(source: str, folder: Path) -> dict[str, str]:
    """Return what `extends` says of a source, in the matrix.yaml of a folder.

    It is a folder, `oci://REPOSITORY[@REF]`, or an address of git with or without `@REF`. Raises
    ConfigError for anything else.
    """
    if Path(source).is_dir():
        return {"path": os.path.relpath(Path(source).resolve(), folder.resolve())}
    match = _SOURCE.fullmatch(source)
    if match is None:
        raise ConfigError(
            f"there is no folder {source}, and it is no address of git or of a registry",
            hint="--from FOLDER, --from https://git.example/catalog.git@REF or --from"
            " oci://registry.example/catalog@REF",
        )
    kind = "oci" if match["scheme"] == "oci://" else "git"
    place = match["place"] if kind == "oci" else (match["scheme"] or "") + match["place"]
    return {kind: place, **({"ref": match["ref"]} if match["ref"] else {})}
