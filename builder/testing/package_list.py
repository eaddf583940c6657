"""Reads the package list of an image in a container, stores it and compares it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from builder.catalog.ecosystem import Ecosystems
from builder.catalog.packages import Package, PackageList
from builder.common.errors import StepError
from builder.common.limits import ARTIFACT_FILE, read_json
from builder.common.process import Command, Runner
from builder.engines.interfaces import Container

WITHOUT = "without"
"""The key of what an image was built without, beside those of ecosystems: name to reason."""
_SIZE = re.compile(r"[0-9]{0,18}k?")
_BEGINNING = """
export LC_ALL=C.UTF-8
unset LANGUAGE
has() { command -v "$1" > /dev/null; }
kilobytes() { du -sk "$1" | cut -f 1; }
"""


def script(ecosystems: Ecosystems) -> str:
    """Return the script that prints a line for each package; `EcosystemRules` says which fields."""
    return _BEGINNING + "".join(rules.probe.lstrip("\n") for rules in ecosystems.values())


def take(runner: Runner, container: Container, ecosystems: Ecosystems) -> PackageList:
    """Return the installed packages of a running container. Raises StepError."""
    argv = (*container.enter, "sh", "-c", script(ecosystems))
    return parse_lines(runner.run(Command(argv=argv, env=container.env, timeout=120)).stdout)


def parse_lines(text: str) -> PackageList:
    """Return the packages in the output of `script`, sorted. Raises StepError."""
    packages: dict[str, dict[str, Package]] = {}
    for line in text.splitlines():
        ecosystem, *fields = line.split("\t")
        if len(fields) not in {3, 4}:
            raise StepError(f"the list of installed packages has an unknown line: {line!r}")
        name, version, size, *rest = fields
        source = rest[0] if rest and rest[0] != name else ""
        if not _SIZE.fullmatch(size):
            raise StepError(f"the list of installed packages has an unknown size: {line!r}")
        number = int(size.removesuffix("k") or 0) * (1024 if size.endswith("k") else 1)
        package = Package(version=version, size=number, source=source)
        packages.setdefault(ecosystem, {})[name] = package
    return {key: dict(sorted(by_name.items())) for key, by_name in sorted(packages.items())}


def with_missing(packages: PackageList, missing: Mapping[str, str]) -> PackageList:
    """Return the packages, and beside them the inputs that the image was built without, and why."""
    if not missing:
        return packages
    reasons = {name: Package(version=why, size=0) for name, why in sorted(missing.items())}
    return {**packages, WITHOUT: reasons}


def dump(packages: PackageList) -> bytes:
    """Return packages.json: `{ecosystem: {name: {version, size, source}}}`, no source if ""."""
    data = {
        ecosystem: {
            name: {key: value for key, value in asdict(package).items() if key != "source" or value}
            for name, package in by_name.items()
        }
        for ecosystem, by_name in packages.items()
    }
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def parse(data: bytes) -> PackageList:
    """Return the packages in packages.json, which a registry may hold. Raises StepError."""
    what = "the list of packages"
    try:
        return {
            ecosystem: {
                name: Package(
                    version=str(package["version"]),
                    size=int(package["size"]),
                    source=str(package.get("source", "")),
                )
                for name, package in by_name.items()
            }
            for ecosystem, by_name in read_json(data, ARTIFACT_FILE, what).items()
        }
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise StepError(f"{what} is damaged: {error!r}") from error


@dataclass(frozen=True, kw_only=True)
class Growth:
    """A package that has grown or is new; `before` is None for a new one."""

    ecosystem: str
    name: str
    before: Package | None
    after: Package

    @property
    def bytes(self) -> int:
        """The bytes that it has grown."""
        return self.after.size - (self.before.size if self.before else 0)

    def __str__(self) -> str:
        megabytes, now = self.bytes / 1e6, f"{self.ecosystem} {self.name} {self.after.version}"
        if self.before is None:
            return f"{now}: new, {megabytes:.1f} MB"
        return f"{now}: was {self.before.version}, {megabytes:+.1f} MB"


def grown(before: PackageList, after: PackageList) -> tuple[Growth, ...]:
    """Return the packages that have grown or are new, the most growth first."""
    growths = [
        Growth(
            ecosystem=ecosystem,
            name=name,
            before=before.get(ecosystem, {}).get(name),
            after=package,
        )
        for ecosystem, by_name in after.items()
        for name, package in by_name.items()
    ]
    larger = [growth for growth in growths if growth.bytes > 0]
    return tuple(sorted(larger, key=lambda growth: (-growth.bytes, growth.ecosystem, growth.name)))


def without(packages: PackageList, parent_packages: PackageList) -> PackageList:
    """Return the packages that the parent does not have in the same version and size."""
    return {
        ecosystem: {
            name: package
            for name, package in by_name.items()
            if parent_packages.get(ecosystem, {}).get(name) != package
        }
        for ecosystem, by_name in packages.items()
    }


def largest(packages: PackageList, most: int = 10) -> tuple[tuple[str, Package], ...]:
    """Return the `most` largest packages, by `ecosystem name`."""
    all_packages: Mapping[str, Package] = {
        f"{ecosystem} {name}": package
        for ecosystem, by_name in packages.items()
        for name, package in by_name.items()
    }
    return tuple(sorted(all_packages.items(), key=lambda item: (-item[1].size, item[0]))[:most])
