"""What the lock means for a build: its packages in the context, and nothing else in the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from builder.build.run_context import Ports, RunContext
from builder.catalog.models import Target
from builder.catalog.packages import R_OWN, Inventory, LockedPackage
from builder.common.errors import StepError
from builder.common.files import place_file
from builder.common.text import count
from builder.lock.package_lists import file_path
from builder.lock.requests import PackageRequests

_SHOWN = 20
# What a new environment of Python, and R, bring by themselves.
_OWN = {"pip": frozenset({"pip", "setuptools"}), "r": R_OWN}
_COMPARED = ("apt", "pip", "r", "julia")


def provide(
    target: Target, work: RunContext, ports: Ports, folder: Path, note: Callable[[str], None]
) -> None:
    """Lay into `folder` what a target is built with: files of the network, and locked packages.

    Raises StepError, UnreachableError.
    """
    for file in work.plan.targets[target.id].files:
        note(f"fetching {file.name}")
        place_file(ports.files.file(file), folder / file.name)
    layer = work.lock.package_sets.get(target.id)
    if layer is None:
        return
    package_requests = PackageRequests(
        catalog=work.catalog, expansion=work.expansion, lock=work.lock
    )
    for ecosystem, packages in layer.packages.items():
        note(f"fetching {count(len(packages), 'package')} of {ecosystem}")
        request = package_requests.request(
            target, ecosystem, work.lock.package_sets, own=layer.packages
        )
        files = ports.packages[ecosystem].fetch(request, packages)
        for name, package in packages.items():
            place_file(files[name], folder / file_path(ecosystem, package))


def check_installed(
    target: Target, work: RunContext, installed: Inventory, parent: Inventory | None
) -> None:
    """Compare what is installed with the lock. Raises StepError that names what differs.

    Packages of npm are not: npm held each file against its hash, and no list of them is left.
    `parent` is what its parent has, None where that is not known: then only what is locked counts.
    """
    layer = work.lock.package_sets.get(target.id)
    is_staged = work.plan.targets[target.id].dockerfile.is_staged
    wrong: list[str] = []
    for ecosystem, packages in layer.packages.items() if layer else ():
        if ecosystem in _COMPARED:
            wrong += _locked(ecosystem, packages, installed, is_staged=is_staged)
            if parent is not None and not _brings_packages(target, work):
                wrong += _others(ecosystem, packages, installed, parent)
    if wrong:
        more = [f"    and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        lines = [f"    {line}" for line in wrong[:_SHOWN]] + more
        raise StepError(
            f"{target.id} has other packages than the lock says:\n" + "\n".join(lines),
            hint="does a RUN of the recipe install something by itself?",
        )


def _locked(
    ecosystem: str,
    packages: Mapping[str, LockedPackage],
    installed: Inventory,
    *,
    is_staged: bool,
) -> Iterator[str]:
    """What is locked and not there, or there in another version."""
    found = _versions(ecosystem, installed)
    for name, package in packages.items():
        if name not in found:
            if not is_staged:
                yield f"{ecosystem} {name}: locked {package.version}, not installed"
        elif found[name] != package.version:
            yield f"{ecosystem} {name}: locked {package.version}, installed {found[name]}"


def _others(
    ecosystem: str,
    packages: Mapping[str, LockedPackage],
    installed: Inventory,
    parent: Inventory,
) -> Iterator[str]:
    """What is there, and neither the parent's nor locked."""
    below = _versions(ecosystem, parent)
    for name, version in _versions(ecosystem, installed).items():
        if name in packages or name in _OWN.get(ecosystem, ()):
            continue
        if ecosystem == "r" and not installed["r"][name].size:
            continue  # Debian's own, which is compared as that
        if name not in below:
            yield f"{ecosystem} {name}: installed {version}, not locked"
        elif below[name] != version:
            yield f"{ecosystem} {name}: its parent has {below[name]}, installed {version}"


def _versions(ecosystem: str, inventory: Inventory) -> dict[str, str]:
    found = {name: it.version for name, it in inventory.get(ecosystem, {}).items()}
    if ecosystem != "pip":
        return found
    return {str(canonicalize_name(name)): version for name, version in found.items()}


def _brings_packages(target: Target, work: RunContext) -> bool:
    """Whether packages come whose names its lock does not know: of a line's file, or an input."""
    files = work.plan.targets[target.id].files
    return bool(target.inputs) or any(file.name.endswith(".deb") for file in files)
