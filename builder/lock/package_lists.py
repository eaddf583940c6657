"""Where locked packages lie in a build context, by ecosystem, and the lists that stand beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from builder.catalog.packages import LockedPackage
from builder.lock.lockfile import PackageSet

REQUIREMENTS = "requirements.txt"
PACKAGES = "packages.txt"


def package_lists(layer: PackageSet | None) -> dict[str, bytes]:
    """The lists by path below the downloads of a build context: a folder for each ecosystem."""
    found = {}
    for ecosystem, packages in layer.packages.items() if layer else ():
        file, line = _LISTS[ecosystem]
        text = "".join(f"{line(name, it)}\n" for name, it in sorted(packages.items()))
        found[f"{ecosystem}/{file}"] = text.encode()
    return found


def file_path(ecosystem: str, package: LockedPackage) -> str:
    """Where the file of a package lies: below the folder of its ecosystem, by its name.

    npm finds a file by its hash, in its cache.
    """
    if ecosystem != "npm":
        return f"{ecosystem}/{package.file_name}"
    digest = package.hash
    return f"npm/_cacache/content-v2/sha512/{digest[:2]}/{digest[2:4]}/{digest[4:]}"


def requirements(packages: Mapping[str, LockedPackage]) -> str:
    """Packages of Python as a file of requirements, with the hash that each must have."""
    return "".join(f"{_pip(name, it)}\n" for name, it in sorted(packages.items()))


def _apt(name: str, package: LockedPackage) -> str:
    return f"{name}={package.version}"


def _pip(name: str, package: LockedPackage) -> str:
    return f"{name}=={package.version} --hash={package.digest}"


def _npm(name: str, package: LockedPackage) -> str:
    return f"{package.hash}  {name}"


def _r(name: str, package: LockedPackage) -> str:
    """With its hash, and its path in Package Manager's repository."""
    return f"{name} {package.hash} {package.source}/{package.file}"


def _julia(name: str, package: LockedPackage) -> str:
    """With its uuid and its git tree, of which its file is made: `package/<uuid>/<tree>`."""
    _, uuid, tree = package.file.split("/")
    return f"{name} {package.version} {uuid} {tree}"


_LISTS: Mapping[str, tuple[str, Callable[[str, LockedPackage], str]]] = MappingProxyType(
    {
        "apt": (PACKAGES, _apt),
        "pip": (REQUIREMENTS, _pip),
        "wheel": (REQUIREMENTS, _pip),
        "npm": (PACKAGES, _npm),
        "r": (PACKAGES, _r),
        "julia": (PACKAGES, _julia),
    }
)
"""The file of each ecosystem, and what it says of a package: as its installer reads it."""

ECOSYSTEMS = tuple(_LISTS)
"""Those whose packages are locked."""
