"""Packages that come from a table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builder.catalog.models import Base, Target, Variant
from builder.catalog.packages import LockedPackage, Package, PackageList
from builder.common.errors import StepError, UnreachableError
from builder.lock.interfaces import PackageRequest
from builder.lock.lockfile import PackageSet
from tests.fakes.calls import Calls
from tests.fakes.lines import LOCK

DEBIAN = Base(id="debian=13@linux/amd64", axis="debian", value="13", platform="linux/amd64")


def package(name: str, version: str, source: str = "main") -> LockedPackage:
    """A package whose file holds its name and version."""
    digest = hashlib.sha256(f"{name} {version}".encode()).hexdigest()
    file = f"pool/{name}_{version}_all.deb"
    return LockedPackage(version=version, digest=f"sha256:{digest}", source=source, file=file)


def layer(*, epoch: int = 1, asked: str = "", **ecosystems: Mapping[str, str]) -> PackageSet:
    """A layer of versions by package, by ecosystem."""
    packages = {
        ecosystem: {name: package(name, version) for name, version in items.items()}
        for ecosystem, items in ecosystems.items()
    }
    return PackageSet(epoch=epoch, request=asked, packages=packages)


def asked(
    *names: str, python: str = "", r: str = "", julia: str = "", **more: Any
) -> PackageRequest:
    """What is asked of an ecosystem for a target on Debian 13, with `more` of the request."""
    languages = {"python": python, "r": r, "julia": julia}
    variant = Variant(image="leaf", values={"debian": "13"})
    target = Target(
        id=variant.id,
        variant=variant,
        platform=DEBIAN.platform,
        recipe="leaf",
        parent="base/debian=13",
    )
    return PackageRequest(
        target=target, base=DEBIAN, lock=LOCK, names=names, languages=languages, **more
    )


class FakeLayers(Calls):
    """`versions` says what there is of each package, `needs` what each brings along.

    A version `unreachable` cannot be asked for. Files are written below `folder`.
    """

    def __init__(
        self,
        folder: Path,
        versions: Mapping[str, str],
        needs: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        super().__init__()
        self.versions = dict(versions)
        self.held: dict[str, Mapping[str, LockedPackage]] = {}
        self.stated: dict[str, str] = {}  # what the index says of packages that differ
        self.asked: list[tuple[str, str]] = []  # bases and packages that it was asked for again
        self.limits: set[str] = set()  # of the moments of what is taken
        self._folder = folder
        self._needs = needs or {}

    @property
    def installed(self) -> PackageList:
        """Return what is installed where all that there is was chosen."""
        return {"apt": {name: Package(version=it, size=1) for name, it in self.versions.items()}}

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """What the table says, less what the ancestors have."""
        self._call("resolve", request.target.id)
        self.held[request.target.id] = request.locked
        self.limits.add(request.not_after)
        found: dict[str, LockedPackage] = {}
        wanted = list(request.names)
        while wanted:
            name = wanted.pop()
            if name in found or name in request.inherited:
                continue
            if name not in self.versions:
                raise StepError(f"nobody has {name}, which {request.target.id} wants")
            if self.versions[name] == "unreachable":
                raise UnreachableError("example.org cannot be reached")
            kept, limit = request.preferred.get(name), request.constraints.get(name)
            found[name] = kept or package(name, limit or self.versions[name])
            wanted += self._needs.get(name, ())
        return dict(sorted(found.items()))

    def differing(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, str]:
        """What is stated otherwise."""
        self._call("differing", request.target.id)
        self.asked += [(request.base.id, name) for name in packages]
        return {name: said for name, said in self.stated.items() if name in packages}

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether the table has the same versions."""
        return all(self.versions.get(name) == it.version for name, it in locked.items())

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Files of what was asked for."""
        self._call("fetch", request.target.id)
        found = {}
        for name, item in packages.items():
            found[name] = self._folder / item.hash
            self._folder.mkdir(parents=True, exist_ok=True)
            found[name].write_text(f"{name} {item.version}")
        return found
