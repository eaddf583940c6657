"""Where locked packages lie in a build context, by ecosystem, and the lists that stand beside."""

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
        elif ecosystem == "npm":
            found[f"{ecosystem}/{PACKAGES}"] = _npm(packages).encode()
        else:
            found[f"{ecosystem}/{REQUIREMENTS}"] = requirements(packages).encode()
    return found


def file_path(ecosystem: str, package: LockedPackage) -> str:
    """Where the file of a package lies: below the folder of its ecosystem, by its name.

    npm finds a file by its hash, in its cache.
    """
    if ecosystem != "npm":
        return f"{ecosystem}/{package.file_name}"
    digest = package.sha512
    return f"npm/_cacache/content-v2/sha512/{digest[:2]}/{digest[2:4]}/{digest[4:]}"


def requirements(packages: Mapping[str, LockedPackage]) -> str:
    """Packages of Python as a file of requirements, with the hash that each must have."""
    lines = (f"{name}=={it.version} --hash={it.digest}\n" for name, it in sorted(packages.items()))
    return "".join(lines)


def _apt(packages: Mapping[str, LockedPackage]) -> str:
    return "".join(f"{name}={it.version}\n" for name, it in sorted(packages.items()))


def _npm(packages: Mapping[str, LockedPackage]) -> str:
    return "".join(f"{it.sha512}  {name}\n" for name, it in sorted(packages.items()))
