"""What the lock means for a build: its packages in the context, and nothing else in the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from builder.build.run_context import Ports, RunContext
from builder.catalog.ecosystem import EcosystemRules, rules_of
from builder.catalog.models import Target
from builder.catalog.packages import Inventory, LockedPackage, Package
from builder.common.errors import StepError
from builder.common.files import place_file
from builder.common.text import count
from builder.lock.package_lists import file_path
from builder.lock.requests import PackageRequests

_SHOWN = 20


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
            place_file(files[name], folder / file_path(ecosystem, package, work.catalog.ecosystems))


def check_installed(
    target: Target, work: RunContext, installed: Inventory, parent: Inventory | None
) -> None:
    """Compare what is installed with the lock. Raises StepError that names what differs.

    Ecosystems whose packages leave no list in the image are not compared. `parent` is what its
    parent has, None if that is not known: then only what is locked counts.
    """
    layer = work.lock.package_sets.get(target.id)
    is_staged = work.plan.targets[target.id].dockerfile.is_staged
    wrong: list[str] = []
    for ecosystem, packages in layer.packages.items() if layer else ():
        rules = rules_of(ecosystem, work.catalog.ecosystems)
        if rules.is_compared:
            wrong += _locked(rules, packages, installed, is_staged=is_staged)
            if parent is not None and not _brings_packages(target, work):
                wrong += _others(rules, packages, installed, parent)
    if wrong:
        more = [f"    and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        lines = [f"    {line}" for line in wrong[:_SHOWN]] + more
        raise StepError(
            f"{target.id} has other packages than the lock says:\n" + "\n".join(lines),
            hint="does a RUN of the recipe install something by itself?",
        )


def _locked(
    rules: EcosystemRules,
    packages: Mapping[str, LockedPackage],
    installed: Inventory,
    *,
    is_staged: bool,
) -> Iterator[str]:
    """Yield what is locked and not installed, or installed in another version."""
    present = _normalized(rules, installed)
    for name, package in packages.items():
        if name not in present:
            if not is_staged:
                yield f"{rules.name} {name}: locked {package.version}, not installed"
        elif present[name].version != package.version:
            version = present[name].version
            yield f"{rules.name} {name}: locked {package.version}, installed {version}"


def _others(
    rules: EcosystemRules,
    packages: Mapping[str, LockedPackage],
    installed: Inventory,
    parent: Inventory,
) -> Iterator[str]:
    """Yield what is installed, and neither the parent's nor locked."""
    inherited = _normalized(rules, parent)
    for name, package in _normalized(rules, installed).items():
        if name in packages or rules.is_own(name, package):
            continue
        if name not in inherited:
            yield f"{rules.name} {name}: installed {package.version}, not locked"
        elif inherited[name].version != package.version:
            version = inherited[name].version
            yield f"{rules.name} {name}: its parent has {version}, installed {package.version}"


def _normalized(rules: EcosystemRules, inventory: Inventory) -> dict[str, Package]:
    """Return the packages of an ecosystem by the one spelling of their names."""
    packages = inventory.get(rules.name, {})
    return {rules.normalize(name): package for name, package in packages.items()}


def _brings_packages(target: Target, work: RunContext) -> bool:
    """Whether packages come whose names its lock does not know: of a line's file, or an input."""
    suffixes = tuple(filter(None, (it.package_suffix for it in work.catalog.ecosystems.values())))
    files = work.plan.targets[target.id].files
    return bool(target.inputs) or any(file.name.endswith(suffixes) for file in files)
