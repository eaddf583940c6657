"""RStudio Server's official .deb, with the hash that the list of downloads gives."""

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
    """The one line that there is: the stable release. The file is `rstudio.deb`.

    The option `build` names another series of Ubuntu than the one that suits Debian.
    """

    name = "rstudio"

    def __init__(self, *, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the one version that is offered."""
        return (str(self._installer(request)["version"]),)

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the version that is offered, if it is of the line. Raises StepError otherwise."""
        found, arch = self._installer(request), arch_of(request)
        version = newest_of(request.line, (str(found["version"]),), self.name)
        url, digest = str(found["url"]), str(found["sha256"])
        if arch == "amd64":
            file = RemoteFile(name="rstudio.deb", url=url, sha256=digest)
            return ExactVersion(version=version, files=(file,))
        # The list names amd64 alone; other architectures lie beside it, without a hash.
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
        found: Mapping[str, Any] = installers[build]
        return found


RSTUDIO = ProviderDefinition(
    name="rstudio",
    summary="RStudio Server, its stable release",
    provider=lambda tools: RStudio(fetcher=tools.fetcher),
    sources=("rstudio", "rstudio-files"),
)
