"""What patches did when the catalog was locked: the names that they select, and a hash. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from builder.catalog.models import Matrix
from builder.catalog.patch import Patch, Selection
from builder.lock.lockfile import Lock
from builder.lock.pinned import AcceptedPatch

_SELECTION = tuple(Selection.__dataclass_fields__)


def accepted_patches(matrix: Matrix) -> dict[str, AcceptedPatch]:
    """Return what each patch of a catalog does, by its name."""
    return {
        name: AcceptedPatch(
            matched=len(names),
            hash=_hash(matrix.patches[name]),
            names=tuple(sorted(names)),
        )
        for name, names in matrix.matched.items()
    }


def changes_of_patches(lock: Lock, matrix: Matrix) -> list[str]:
    """Return a sentence for each patch that selects or does something else than is locked."""
    found = []
    for name, now in accepted_patches(matrix).items():
        before = lock.patches.get(name)
        if before is None or before == now:
            continue
        came = [item for item in now.names if item not in before.names]
        went = [item for item in before.names if item not in now.names]
        said = [f"selects {', '.join(came)}, too"] if came else []
        said += [f"selects {', '.join(went)} no more"] if went else []
        said += ["does something else"] if now.hash != before.hash else []
        found.append(f"patch {name} {', and '.join(said)}: accepted")
    return found


def _hash(patch: Patch) -> str:
    """Return a hash of what a patch changes; what it selects, and why, is not in it."""
    said = {key: value for key, value in asdict(patch).items() if key not in _SELECTION}
    text = json.dumps(_said(said), sort_keys=True, ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _said(node: Any) -> Any:
    """Return data without what says nothing: a key that patches may have later changes no hash."""
    if isinstance(node, Mapping):
        return {key: _said(value) for key, value in node.items() if value not in (None, (), {})}
    return [_said(item) for item in node] if isinstance(node, list | tuple) else node
