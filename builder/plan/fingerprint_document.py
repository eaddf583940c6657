"""The document that a fingerprint is the hash of: docs/formats.md describes it. Pure.

Keys, values and order of lists are hashed. They stay as they are, whatever the code calls things: a
rename here would build every image again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from builder.catalog.models import File, RemoteFile
from builder.lock.lockfile import PackageSet

FORMAT = 1
PARTS = ("platform", "parent", "inputs", "dockerfile", "context", "lock")


def document(
    *,
    platform: str,
    parent: str,
    inputs: Mapping[str, str],
    dockerfile: str,
    context: Iterable[File],
    lock: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the document. `parent` and `inputs` are fingerprints, or the content of a base."""
    return {
        "format": FORMAT,
        "platform": platform,
        "parent": parent,
        "inputs": dict(inputs),
        "dockerfile": dockerfile,
        "context": [[file.path, f"{file.mode:04o}", file.sha256] for file in context],
        "lock": dict(lock),
    }


def lock_part(
    *,
    package_set: PackageSet | None,
    declared: Mapping[str, Sequence[str]],
    versions: Mapping[str, str],
    files: Sequence[RemoteFile],
) -> dict[str, Any]:
    """Return the part `lock`. The URL of a file is not in it: a mirror serves the same bytes.

    `declared` are the packages that the lock does not have, `versions` those of release lines.
    """
    part: dict[str, Any] = {"declared": dict(declared), "lines": dict(versions)}
    if package_set is not None:
        part["epoch"] = package_set.epoch
        part["packages"] = {
            ecosystem: {
                name: f"{package.version} {package.digest}" for name, package in packages.items()
            }
            for ecosystem, packages in package_set.packages.items()
        }
    if files:
        part["files"] = {file.name: file.sha256 for file in files}
    return part


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Return in which parts two documents, or their short hashes, differ."""
    return tuple(part for part in PARTS if old.get(part) != new.get(part))
