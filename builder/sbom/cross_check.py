"""Compares what the lock says of an image with what is in its layers. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from packageurl import PackageURL

from builder.sbom.layer_packages import Installed, LayerPackages
from builder.sbom.model import Sbom

_ECOSYSTEMS = {"deb": "apt", "pypi": "pip", "cran": "r", "julia": "julia"}
"""The ecosystems whose packages leave a file that names them, by the type of package URLs."""
_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class CrossCheck:
    """What is in both, only in the lock, and only in the image.

    What is only in the lock may be in a stage or an image of which only a part was copied. `files`
    belong to no package. `skipped` are ecosystems that cannot be compared, and why.
    """

    both: int
    only_lock: tuple[str, ...]
    only_image: tuple[Installed, ...]
    files: tuple[str, ...]
    skipped: Mapping[str, str]

    @property
    def is_explained(self) -> bool:
        """Whether the image has nothing that the lock does not have."""
        return not self.only_image and not self.files

    def lines(self) -> list[str]:
        """Return the result as lines for a person."""
        lines = [f"{self.both} packages are in both"]
        lines += [f"{kind} is not compared: {why}" for kind, why in self.skipped.items()]
        lines += _some("only in the lock", self.only_lock)
        image = [
            f"{item.ecosystem} {item.name} {item.version}: {item.path}" for item in self.only_image
        ]
        return [*lines, *_some("only in the image", image), *_some("of no package", self.files)]


def cross_check(
    sbom: Sbom, found: LayerPackages, expects: Mapping[str, Collection[str]]
) -> CrossCheck:
    """Compare a document with layers; `expects` are names that an image may have, by ecosystem."""
    unknown = tuple(sbom.unknown.values())
    skipped = {"apt": unknown[0]} if unknown else {}
    locked: dict[tuple[str, str, str], None] = {}
    for component in sbom.components:
        url = PackageURL.from_string(component.purl)
        ecosystem = _ECOSYSTEMS.get(url.type, "")
        if ecosystem and ecosystem not in skipped:
            locked[(ecosystem, url.name, url.version or "")] = None
    installed = [item for item in found.installed if item.ecosystem not in skipped]
    keys = {(item.ecosystem, item.name, item.version) for item in installed}
    return CrossCheck(
        both=len(keys & locked.keys()),
        only_lock=tuple(" ".join(key) for key in locked if key not in keys),
        only_image=tuple(
            item
            for item in installed
            if (item.ecosystem, item.name, item.version) not in locked
            and item.name not in expects.get(item.ecosystem, ())
        ),
        files=() if "apt" in skipped else found.unowned,
        skipped=skipped,
    )


def _some(title: str, names: Collection[str]) -> list[str]:
    if not names:
        return []
    more = [f"    and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return [f"{title}: {len(names)}", *(f"    {name}" for name in [*names][:_SHOWN]), *more]
