"""What matrix.lock says of the catalogs below: which ones, and what of them was accepted. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from builder.catalog.package_shape import is_digest_by

_SOURCES = ({"git", "ref", "path"}, {"oci", "ref"}, {"path"})
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class PinnedCatalog:
    """Exactly which catalog is stood on. What is not known is "".

    `source` is what matrix.yaml said when it was pinned: `git`, `ref` and `path`, or `oci` and
    `ref`, or `path` alone. `commit` is of git, or the digest of the artefact. `content` is the hash
    of its files, and `lock` that of its matrix.lock. `registry` has its images; `release` and
    `record`, a digest, are of the release that was made from it, `builder` the version that made
    that, and `date` its day.
    """

    source: Mapping[str, str]
    content: str
    commit: str = ""
    lock: str = ""
    registry: str = ""
    release: str = ""
    record: str = ""
    builder: str = ""
    date: str = ""


@dataclass(frozen=True, kw_only=True)
class AcceptedPatch:
    """What a patch did when somebody last looked: the names that it matched, and a hash of it."""

    matched: int
    hash: str
    names: tuple[str, ...] = ()


_TEXTS = tuple(field.name for field in fields(PinnedCatalog) if field.name != "source")


def pinned(name: str, item: Mapping[str, Any]) -> PinnedCatalog:
    """Read a pin. Raises ValueError, KeyError, TypeError or AttributeError for what is none."""
    source = {str(key): _text(name, value) for key, value in item["source"].items()}
    if not source or not any(set(source) <= known for known in _SOURCES):
        raise ValueError(f"upstream {name}: not a source: {source!r}")
    texts = {key: _text(name, item.get(key, "")) for key in _TEXTS}
    pin = PinnedCatalog(source=source, **texts)
    for digest in (pin.content, *filter(None, (pin.lock, pin.record))):
        if not is_digest_by(digest, "sha256"):
            raise ValueError(f"upstream {name}: not a digest: {digest!r}")
    if not is_exact(pin.commit) and pin.commit:
        raise ValueError(f"upstream {name}: not a commit: {pin.commit!r}")
    return pin


def is_exact(commit: str) -> bool:
    """Whether it is the whole name of a commit of git, or the digest of an artefact."""
    return _COMMIT.fullmatch(commit) is not None or is_digest_by(commit, "sha256")


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"upstream {name}: not a string: {value!r}")
    return value


def replaced(path: str, digest: object) -> str:
    """Read the hash of a file below that is replaced. Raises ValueError."""
    if not isinstance(digest, str) or not is_digest_by(digest, "sha256"):
        raise ValueError(f"replaces {path}: not a digest: {digest!r}")
    return digest


def accepted(name: str, item: Mapping[str, Any]) -> AcceptedPatch:
    """Read what was accepted of a patch; as `pinned` does."""
    matched, digest = item["matched"], item["hash"]
    if not isinstance(matched, int) or isinstance(matched, bool) or matched < 0:
        raise ValueError(f"patch {name}: not a number of matches: {matched!r}")
    if not isinstance(digest, str) or not is_digest_by(digest, "sha256"):
        raise ValueError(f"patch {name}: not a digest: {digest!r}")
    return AcceptedPatch(
        matched=matched, hash=digest, names=tuple(map(str, sorted(item.get("names", ()))))
    )


def pinned_data(pin: PinnedCatalog) -> dict[str, Any]:
    """Return a pin as plain data, without what is not known."""
    known = {key: getattr(pin, key) for key in _TEXTS if getattr(pin, key)}
    return {"source": dict(pin.source), **known}


def accepted_data(patch: AcceptedPatch) -> dict[str, Any]:
    """Return what was accepted of a patch as plain data."""
    return {"matched": patch.matched, "hash": patch.hash, "names": sorted(patch.names)}
