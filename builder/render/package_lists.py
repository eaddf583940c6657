"""The lists of locked packages that a build context has, and the names of their folders."""

from __future__ import annotations

from collections.abc import Mapping

from builder.lock import LayerLock
from builder.packages import LockedPackage

REQUIREMENTS = "requirements.txt"
PACKAGES = "packages.txt"


def package_lists(layer: LayerLock | None) -> dict[str, bytes]:
    """The lists by path below the downloads of a build context: a folder for each ecosystem."""
    found = {}
    for ecosystem, packages in layer.packages.items() if layer else ():
        if ecosystem == "apt":
            found[f"{ecosystem}/{PACKAGES}"] = _apt(packages).encode()
        else:
            found[f"{ecosystem}/{REQUIREMENTS}"] = requirements(packages).encode()
    return found


def requirements(packages: Mapping[str, LockedPackage]) -> str:
    """Packages of Python as a file of requirements, with the hash that each must have."""
    lines = (f"{name}=={it.version} --hash={it.digest}\n" for name, it in sorted(packages.items()))
    return "".join(lines)


def _apt(packages: Mapping[str, LockedPackage]) -> str:
    return "".join(f"{name}={it.version}\n" for name, it in sorted(packages.items()))
