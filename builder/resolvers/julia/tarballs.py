"""Julia's official tarballs, with the hashes that its versions.json gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builder.catalog.models import RemoteFile
from builder.lock.interfaces import ExactVersion, ReleaseLineRequest
from builder.network.fetcher import Fetcher
from builder.network.upstreams import upstream
from builder.resolvers.versions import arch_of, newest_first, newest_of, no_architecture

_TRIPLETS = {"x86_64-linux-gnu": "amd64", "aarch64-linux-gnu": "arm64"}


class JuliaTarballs:
    """Release lines of Julia; the file is `julia.tar.gz`."""

    name = "tarball"

    def __init__(self, *, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the exact versions that there are for the base, newest first. No pre-releases."""
        arch = arch_of(request)
        stable = self._stable()
        return newest_first(version for version, files in stable.items() if arch in files)

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line. Raises StepError if there is none."""
        stable, arch = self._stable(), arch_of(request)
        version = newest_of(request.line, newest_first(stable), self.name)
        if arch not in stable[version]:
            raise no_architecture(version, arch, stable[version], self.name)
        return ExactVersion(version=version, files=(stable[version][arch],))

    def _stable(self) -> dict[str, dict[str, RemoteFile]]:
        """Return every stable version, with its files by architecture."""
        versions: Mapping[str, Any] = self._fetcher.json(upstream("julia", "bin/versions.json"))
        return {
            version: {
                _TRIPLETS[file["triplet"]]: RemoteFile(
                    name="julia.tar.gz", url=file["url"], sha256=file["sha256"]
                )
                for file in release["files"]
                if file["triplet"] in _TRIPLETS and file["url"].endswith(".tar.gz")
            }
            for version, release in versions.items()
            if release["stable"]
        }
