"""Where locked packages are in a build context, by ecosystem, with the lists of them."""

from __future__ import annotations

from builder.catalog.ecosystem import Ecosystems, rules_of
from builder.catalog.models import RemoteFile
from builder.catalog.packages import LockedPackage
from builder.lock.lockfile import PackageSet


def package_lists(package_set: PackageSet | None, ecosystems: Ecosystems) -> dict[str, bytes]:
    """Return the lists by path below the downloads of a build context.

    Each ecosystem has a folder there. Raises ConfigError if one is not known.
    """
    lists = {}
    for name, packages in package_set.packages.items() if package_set else ():
        rules = rules_of(name, ecosystems)
        text = "".join(
            f"{rules.list_line(package_name, package)}\n"
            for package_name, package in sorted(packages.items())
        )
        lists[f"{name}/{rules.list_file}"] = text.encode()
    return lists


def files_to_fetch(
    package_set: PackageSet | None, ecosystems: Ecosystems
) -> tuple[RemoteFile, ...]:
    """Return the files of packages that an installer cannot find by itself, by their path below
    those downloads.
    """
    return tuple(
        RemoteFile(
            name=file_path(name, package, ecosystems), url=url_of(package), sha256=package.hash
        )
        for name, packages in (package_set.packages.items() if package_set else ())
        if (url_of := rules_of(name, ecosystems).url_of)
        for package in packages.values()
    )


def file_path(ecosystem: str, package: LockedPackage, ecosystems: Ecosystems) -> str:
    """Return where the file of a package lies below those downloads."""
    return f"{ecosystem}/{rules_of(ecosystem, ecosystems).file_path(package)}"
