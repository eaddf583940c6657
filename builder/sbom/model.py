"""The components of an image, whichever format they are written in. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LOCK, BASE, INPUT, SCAN = EVIDENCE = "lock", "base", "input", "scan"
"""Where it is known from: the lock of the lineage, the package status of the base, the lock of an
image that others are copied from, or only from what is in the layers."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """A package, a file or an image.

    `purl` is its package URL and tells it from others; `hashes` are `algorithm:hex`, of its file.
    `licence` is an expression of SPDX; `source_purl` that of the source package that it was built
    from; `location` a URL, or the path in its archive. `brought_by` is the id of the image that
    adds it. What is not known is "".
    """

    purl: str
    name: str
    version: str
    evidence: str
    brought_by: str
    kind: str = "library"  # or application, container, file: as CycloneDX has them
    hashes: tuple[str, ...] = ()
    licence: str = ""
    supplier: str = ""
    source_purl: str = ""
    location: str = ""
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class Sbom:
    """The components of an image, sorted by package URL.

    `identity` is a digest or a fingerprint in hex, which the document's own id is made of. `epoch`
    is in seconds. `edges` are from the purl of a component to those that it needs or contains.
    `unknown` are the parts of the image of which nothing is known, and why.
    """

    subject: Component
    identity: str
    epoch: int
    components: tuple[Component, ...]
    edges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Contained:
    """A component with the ids of the images that bring it, and of the targets that have it."""

    component: Component
    brought_by: tuple[str, ...]
    targets: tuple[str, ...]
