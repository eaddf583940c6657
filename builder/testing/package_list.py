"""What is installed in an image: read in a container of it, kept as evidence, compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from builder.catalog.ecosystem import Ecosystems
from builder.catalog.packages import Package, PackageList
from builder.common.errors import StepError
from builder.common.process import Command, Runner
from builder.engines.interfaces import Container

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
    """Return what is installed in a running container. Raises StepError."""
    argv = (*container.enter, "sh", "-c", script(ecosystems))
    return parse_lines(runner.run(Command(argv=argv, env=container.env, timeout=120)).stdout)


def parse_lines(text: str) -> PackageList:
    """Return what the lines of that script say, sorted."""
    found: dict[str, dict[str, Package]] = {}
    for line in text.splitlines():
        ecosystem, *fields = line.split("\t")
        if len(fields) not in {3, 4}:
            raise StepError(f"not a package: {line!r}")
        name, version, size, *rest = fields
        source = rest[0] if rest and rest[0] != name else ""
        number = int(size.removesuffix("k") or 0) * (1024 if size.endswith("k") else 1)
        package = Package(version=version, size=number, source=source)
        found.setdefault(ecosystem, {})[name] = package
    return {key: dict(sorted(items.items())) for key, items in sorted(found.items())}


def dump(inventory: PackageList) -> bytes:
    """Return packages.json: `{ecosystem: {name: {version, size, source}}}`, sources if known."""
    data = {
        ecosystem: {
            name: {key: value for key, value in asdict(package).items() if key != "source" or value}
            for name, package in items.items()
        }
        for ecosystem, items in inventory.items()
    }
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def parse(data: bytes) -> PackageList:
    """Return what packages.json says."""
    return {
        ecosystem: {name: Package(**package) for name, package in items.items()}
        for ecosystem, items in json.loads(data).items()
    }


@dataclass(frozen=True, kw_only=True)
class Growth:
    """A package that takes more room than it did; `before` is None where it was not there."""

    ecosystem: str
    name: str
    before: Package | None
    after: Package

    @property
    def bytes(self) -> int:
        """How much more it is."""
        return self.after.size - (self.before.size if self.before else 0)

    def __str__(self) -> str:
        megabytes, now = self.bytes / 1e6, f"{self.ecosystem} {self.name} {self.after.version}"
        if self.before is None:
            return f"{now}: new, {megabytes:.1f} MB"
        return f"{now}: was {self.before.version}, {megabytes:+.1f} MB"


def grown(before: PackageList, after: PackageList) -> tuple[Growth, ...]:
    """Return the packages that take more room than before, the most first."""
    found = [
        Growth(
            ecosystem=ecosystem,
            name=name,
            before=before.get(ecosystem, {}).get(name),
            after=package,
        )
        for ecosystem, items in after.items()
        for name, package in items.items()
    ]
    more = [item for item in found if item.bytes > 0]
    return tuple(sorted(more, key=lambda item: (-item.bytes, item.ecosystem, item.name)))


def without(inventory: PackageList, parent: PackageList) -> PackageList:
    """Return what the parent has not, or has otherwise."""
    return {
        ecosystem: {
            name: package
            for name, package in items.items()
            if parent.get(ecosystem, {}).get(name) != package
        }
        for ecosystem, items in inventory.items()
    }


def largest(inventory: PackageList, most: int = 10) -> tuple[tuple[str, Package], ...]:
    """Return the largest packages, by `ecosystem name`."""
    every: Mapping[str, Package] = {
        f"{ecosystem} {name}": package
        for ecosystem, items in inventory.items()
        for name, package in items.items()
    }
    return tuple(sorted(every.items(), key=lambda item: (-item[1].size, item[0]))[:most])
