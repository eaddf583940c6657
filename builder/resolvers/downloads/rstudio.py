"""RStudio Server's official .deb, with the hash from its list of downloads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from builder.catalog.models import RemoteFile
from builder.common.errors import StepError
from builder.lock.interfaces import ExactVersion, ReleaseLineRequest
from builder.network.fetcher import Fetcher
from builder.network.upstreams import upstream
from builder.resolvers.interfaces import ProviderDefinition
from builder.resolvers.versions import arch_of, newest_of, no_architecture

BUILD = "jammy"  # the one that is for Debian 12 and newer too


class RStudio:
    """The stable release of RStudio Server; its file is `rstudio.deb`.

    The option `build` names a series of Ubuntu, if not the one that suits Debian.
    """

    name = "rstudio"

    def __init__(self, *, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the version of the stable release."""
        return (str(self._installer(request)["version"]),)

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the stable release. Raises StepError if it is of another release line."""
        installer, arch = self._installer(request), arch_of(request)
        version = newest_of(request.line, (str(installer["version"]),), self.name)
        url, digest = str(installer["url"]), str(installer["sha256"])
        if arch == "amd64":
            file = RemoteFile(name="rstudio.deb", url=url, sha256=digest)
            return ExactVersion(version=version, files=(file,))
        # The list has amd64 only; other architectures have similar URLs, without a hash.
        other = re.sub(r"\bamd64\b", arch, url)
        if other == url or not self._fetcher.has(other):
            raise no_architecture(version, arch, ["amd64"], self.name)
        return ExactVersion(version=version, files=(self._fetcher.record("rstudio.deb", other),))

    def _installer(self, request: ReleaseLineRequest) -> Mapping[str, Any]:
        build = request.options.get("build", BUILD)
        data = self._fetcher.json(upstream("rstudio", "downloads.json"))
        installers = data["rstudio"]["open_source"]["stable"]["server"]["installer"]
        if build not in installers:
            raise StepError(
                f"provider {self.name} has no build for {build}"
                f" (it has {', '.join(sorted(installers))})"
            )
        installer: Mapping[str, Any] = installers[build]
        return installer


RSTUDIO = ProviderDefinition(
    name="rstudio",
    summary="RStudio Server, its stable release",
    provider=lambda tools: RStudio(fetcher=tools.fetcher),
    sources=("rstudio", "rstudio-files"),
)
