"""Provides the locked packages of a build, and checks that the image has no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from builder.build.run_context import RunContext, Toolbox
from builder.catalog.ecosystem import EcosystemRules, rules_of
from builder.catalog.models import Target
from builder.catalog.packages import LockedPackage, Package, PackageList
from builder.common.errors import StepError
from builder.common.files import place_file
from builder.common.text import count
from builder.lock.package_lists import file_path
from builder.lock.requests import PackageRequests

_SHOWN = 20


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
        place_file(toolbox.files.file(file), folder, file.name, target.id)
    package_set = context.lock.package_sets.get(target.made_id)
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
            path = file_path(ecosystem, package, context.catalog.ecosystems)
            place_file(files[name], folder, path, target.id)


def check_installed(
    target: Target, context: RunContext, installed: PackageList, parent_packages: PackageList | None
) -> None:
    """Compare the installed packages with the lock. Raises StepError with what differs.

    Ecosystems whose packages leave no list in the image are not compared. `parent_packages` are
    those of the parent; if None, only locked packages are compared.
    """
    package_set = context.lock.package_sets.get(target.made_id)
    is_staged = context.plan.targets[target.id].dockerfile.is_staged
    problems: list[str] = []
    for ecosystem, packages in package_set.packages.items() if package_set else ():
        rules = rules_of(ecosystem, context.catalog.ecosystems)
        if rules.is_compared:
            problems += _locked(rules, packages, installed, is_staged=is_staged)
            if parent_packages is not None and not _brings_packages(target, context):
                problems += _others(rules, packages, installed, parent_packages)
    if problems:
        more = [f"    and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        lines = [f"    {line}" for line in problems[:_SHOWN]] + more
        raise StepError(
            f"{target.id}: the installed packages differ from the lock\n" + "\n".join(lines),
            hint="let no RUN of the recipe install packages that recipe.yaml does not list",
        )


def _locked(
    rules: EcosystemRules,
    packages: Mapping[str, LockedPackage],
    installed: PackageList,
    *,
    is_staged: bool,
) -> Iterator[str]:
    """Yield the locked packages that are missing or have another version."""
    present = _normalized(rules, installed)
    for name, package in packages.items():
        if not rules.is_listed(name):
            continue
        if name not in present:
            if not is_staged:
                yield f"{rules.name} {name}: locked {package.version}, not installed"
        elif present[name].version != package.version:
            version = present[name].version
            yield f"{rules.name} {name}: locked {package.version}, installed {version}"


def _others(
    rules: EcosystemRules,
    packages: Mapping[str, LockedPackage],
    installed: PackageList,
    parent_packages: PackageList,
) -> Iterator[str]:
    """Yield the installed packages that neither the parent nor the lock has."""
    inherited = _normalized(rules, parent_packages)
    for name, package in _normalized(rules, installed).items():
        if name in packages or rules.is_own(name, package):
            continue
        if name not in inherited:
            yield f"{rules.name} {name}: installed {package.version}, not locked"
        elif inherited[name].version != package.version:
            version = inherited[name].version
            yield f"{rules.name} {name}: its parent has {version}, installed {package.version}"


def _normalized(rules: EcosystemRules, package_list: PackageList) -> dict[str, Package]:
    """Return the packages of an ecosystem by the one spelling of their names."""
    packages = package_list.get(rules.name, {})
    return {rules.normalize(name): package for name, package in packages.items()}


def _brings_packages(target: Target, context: RunContext) -> bool:
    """Whether a downloaded file or an input brings packages that are not locked by name."""
    ecosystems = context.catalog.ecosystems.values()
    suffixes = tuple(filter(None, (rules.package_suffix for rules in ecosystems)))
    files = context.plan.targets[target.id].files
    return bool(target.inputs) or any(file.name.endswith(suffixes) for file in files)
