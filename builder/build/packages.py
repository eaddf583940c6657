"""Provides the locked packages of a build, and checks that the image has no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from builder.build.run_context import RunContext, Toolbox
from builder.catalog.models import Target
from builder.catalog.packages import R_OWN, Inventory, LockedPackage
from builder.common.errors import StepError
from builder.common.files import place_file
from builder.common.text import count
from builder.lock.package_lists import file_path
from builder.lock.requests import PackageRequests

_SHOWN = 20
# Packages that a new environment of Python, or R, has by itself.
_OWN = {"pip": frozenset({"pip", "setuptools"}), "r": R_OWN}
_COMPARED = ("apt", "pip", "r", "julia")


def provide(
    target: Target,
    context: RunContext,
    toolbox: Toolbox,
    folder: Path,
    note: Callable[[str], None],
) -> None:
    """Write the downloaded files and the locked packages of a target into `folder`.

    Raises StepError, UnreachableError.
    """
    for file in context.plan.targets[target.id].files:
        note(f"fetching {file.name}")
        place_file(toolbox.files.file(file), folder / file.name)
    package_set = context.lock.package_sets.get(target.id)
    if package_set is None:
        return
    package_requests = PackageRequests(
        catalog=context.catalog, expansion=context.expansion, lock=context.lock
    )
    for ecosystem, packages in package_set.packages.items():
        note(f"fetching {count(len(packages), 'package')} of {ecosystem}")
        request = package_requests.request(
            target, ecosystem, context.lock.package_sets, own=package_set.packages
        )
        files = toolbox.packages[ecosystem].fetch(request, packages)
        for name, package in packages.items():
            place_file(files[name], folder / file_path(ecosystem, package))


def check_installed(
    target: Target, context: RunContext, installed: Inventory, parent_packages: Inventory | None
) -> None:
    """Compare the installed packages with the lock. Raises StepError with what differs.

    npm packages are not compared: npm checked the hash of each file, and leaves no list.
    `parent_packages` are those of the parent; if None, only locked packages are compared.
    """
    package_set = context.lock.package_sets.get(target.id)
    is_staged = context.plan.targets[target.id].dockerfile.is_staged
    problems: list[str] = []
    for ecosystem, packages in package_set.packages.items() if package_set else ():
        if ecosystem in _COMPARED:
            problems += _locked(ecosystem, packages, installed, is_staged=is_staged)
            if parent_packages is not None and not _brings_packages(target, context):
                problems += _others(ecosystem, packages, installed, parent_packages)
    if problems:
        more = [f"    and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        lines = [f"    {line}" for line in problems[:_SHOWN]] + more
        raise StepError(
            f"{target.id}: the installed packages differ from the lock\n" + "\n".join(lines),
            hint="let no RUN of the recipe install packages that recipe.yaml does not list",
        )


def _locked(
    ecosystem: str,
    packages: Mapping[str, LockedPackage],
    installed: Inventory,
    *,
    is_staged: bool,
) -> Iterator[str]:
    """Yield the locked packages that are missing or have another version."""
    versions = _versions(ecosystem, installed)
    for name, package in packages.items():
        if name not in versions:
            if not is_staged:
                yield f"{ecosystem} {name}: locked {package.version}, not installed"
        elif versions[name] != package.version:
            yield f"{ecosystem} {name}: locked {package.version}, installed {versions[name]}"


def _others(
    ecosystem: str,
    packages: Mapping[str, LockedPackage],
    installed: Inventory,
    parent_packages: Inventory,
) -> Iterator[str]:
    """Yield the installed packages that neither the parent nor the lock has."""
    parent_versions = _versions(ecosystem, parent_packages)
    for name, version in _versions(ecosystem, installed).items():
        if name in packages or name in _OWN.get(ecosystem, ()):
            continue
        if ecosystem == "r" and not installed["r"][name].size:
            continue  # a Debian package, which is compared as apt
        if name not in parent_versions:
            yield f"{ecosystem} {name}: installed {version}, not locked"
        elif parent_versions[name] != version:
            yield f"{ecosystem} {name}: its parent has {parent_versions[name]}, installed {version}"


def _versions(ecosystem: str, package_list: Inventory) -> dict[str, str]:
    versions = {name: package.version for name, package in package_list.get(ecosystem, {}).items()}
    if ecosystem != "pip":
        return versions
    return {str(canonicalize_name(name)): version for name, version in versions.items()}


def _brings_packages(target: Target, context: RunContext) -> bool:
    """Whether a downloaded file or an input brings packages that are not locked by name."""
    files = context.plan.targets[target.id].files
    return bool(target.inputs) or any(file.name.endswith(".deb") for file in files)
