"""What the catalog, the lock, builds and tests need to know of an ecosystem of packages.

Nothing else in the builder knows one by its name. `resolvers/ecosystems.py` has the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from builder.catalog.package_shape import PackageShape
from builder.catalog.packages import (
    LockedPackage,
    Package,
    PackageIdentity,
    PackageSurroundings,
)
from builder.common.errors import ConfigError, Location


@dataclass(frozen=True, kw_only=True)
class Language:
    """A language that packages are for: they are chosen for its exact version.

    That is the locked version of the target's value of `axis`, or else the version of `package`
    of another `ecosystem` that the target or an ancestor has. `file_suffix` is how the file ends
    that the release line comes in, if the resolver reads that file; "" if it does not.
    """

    axis: str
    ecosystem: str = ""
    package: str = ""
    file_suffix: str = ""


@dataclass(frozen=True, kw_only=True)
class MirrorVariable:
    """A variable of the environment by which programs in an image find a mirror of a source.

    Its value is the mirror's URL as it was given, or with `path` at its end.
    """

    source: str
    name: str
    path: str | None = None

    def value(self, mirror: str) -> str:
        """Return its value for the URL of a mirror."""
        return mirror if self.path is None else mirror.rstrip("/") + self.path


@dataclass(frozen=True, kw_only=True)
class PinSyntax:
    """How a package is pinned: patterns that its name and its limit match, and an example."""

    example: str
    name: re.Pattern[str] = re.compile(r".+")
    limit: re.Pattern[str] = re.compile(r".+")


@dataclass(frozen=True, kw_only=True)
class RequestSyntax:
    """How a recipe names a package: a pattern of the whole text, and an example.

    A text that a program reads as an option, a URL, a path or a second line is no package.
    """

    pattern: re.Pattern[str] = re.compile(r"[A-Za-z0-9][^\s\x00-\x1f\x7f]*")
    example: str = "name"


def _list_line(name: str, package: LockedPackage) -> str:
    return f"{name} {package.version} {package.hash} {package.file_name}"


def _file_path(package: LockedPackage) -> str:
    return package.file_name


def _is_met(request: str, packages: Mapping[str, LockedPackage]) -> bool:
    return request in packages


def _normalize(name: str) -> str:
    return name


def _is_own(name: str, package: Package) -> bool:
    return False


def _is_listed(name: str) -> bool:
    return True


def _identity(
    name: str, package: LockedPackage, surroundings: PackageSurroundings
) -> PackageIdentity | None:
    return PackageIdentity(type="generic", name=name, version=package.version)


@dataclass(frozen=True, kw_only=True)
class EcosystemRules:
    """An ecosystem of packages, without what chooses and fetches them.

    The lock:
    - `is_locked`: whether its packages are in the lock;
    - `languages`: what packages are chosen for beside the base and the platform;
    - `package_suffix`: how files of release lines end that are themselves packages of it;
    - `has_cooldown`: whether a version that is younger than `lock.cooldown` is not taken, or the
      ecosystem is exempt from it; otherwise its index states no dates;
    - `is_of_base`: whether its packages are chosen anew where the base has other content;
    - `request`: how a recipe names a package;
    - `is_met`: whether packages have what a recipe names, in the version that it asks for;
    - `pins`: how a package is pinned, None if none can be;
    - `normalize`: the one spelling of a name that may be spelled in several ways;
    - `shape`: what its entries must look like; no other is used.

    Builds find its packages in the folder `downloads/<name>/`:
    - `list_file` and `list_line`: the list of them that lies there, for the installer;
    - `file_path`: where the file of a package lies;
    - `url_of`: where upstream has the file of a package, if the installer finds no other than the
      files that lie there, so that who builds by hand fetches them before;
    - `mirror_variables`: what tells the installer of mirrors.

    Images:
    - `probe`: a part of a script of sh that prints a line for each package that is installed. Its
      fields are parted by tabs: the ecosystem, the name, the version, the size in bytes (or in
      kilobytes, with a k) and, if it is known, the source package;
    - `is_compared`: whether what is installed must be what is locked;
    - `is_listed`: whether the probe lists a package that the lock has under this name;
    - `is_own`: whether an installed package comes with the language itself, and is never locked.

    Lists of packages (SBOM):
    - `identity`: what the package URL of an entry of the lock is made of; None for an entry that is
      no package, such as a file that only describes one.
    """

    name: str
    is_locked: bool = True
    languages: tuple[Language, ...] = ()
    package_suffix: str = ""
    has_cooldown: bool = False
    is_of_base: bool = False
    request: RequestSyntax = RequestSyntax()
    is_met: Callable[[str, Mapping[str, LockedPackage]], bool] = _is_met
    pins: PinSyntax | None = None
    normalize: Callable[[str], str] = _normalize
    shape: PackageShape = field(default_factory=PackageShape)
    list_file: str = "packages.txt"
    list_line: Callable[[str, LockedPackage], str] = _list_line
    file_path: Callable[[LockedPackage], str] = _file_path
    url_of: Callable[[LockedPackage], str] | None = None
    mirror_variables: tuple[MirrorVariable, ...] = ()
    probe: str = ""
    is_compared: bool = False
    is_listed: Callable[[str], bool] = _is_listed
    is_own: Callable[[str, Package], bool] = _is_own
    identity: Callable[[str, LockedPackage, PackageSurroundings], PackageIdentity | None] = (
        _identity
    )


Ecosystems = Mapping[str, EcosystemRules]
"""Ecosystems by name, in the order in which their packages are chosen and installed."""


def rules_of(name: str, ecosystems: Ecosystems) -> EcosystemRules:
    """Return an ecosystem of which the lock has packages. Raises ConfigError if it is not there."""
    if name not in ecosystems:
        raise ConfigError(
            f"unknown package ecosystem {name!r}",
            hint="install the Python package that adds it, or run `builder lock`",
            location=Location(file="matrix.lock"),
        )
    return ecosystems[name]


def normalized(name: str, ecosystem: str, ecosystems: Ecosystems) -> str:
    """Return the one spelling of a package's name; as it is, if the ecosystem is not known."""
    return ecosystems[ecosystem].normalize(name) if ecosystem in ecosystems else name
