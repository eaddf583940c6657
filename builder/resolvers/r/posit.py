"""R as Posit builds it for each Debian: one .deb for each exact version."""

from __future__ import annotations

from builder.lock.interfaces import ExactVersion, ReleaseLineRequest
from builder.network.fetcher import Fetcher
from builder.network.upstreams import upstream
from builder.resolvers.interfaces import ProviderDefinition
from builder.resolvers.versions import arch_of, newest_first, newest_of, no_architecture

_ARCHITECTURES = ("amd64", "arm64")


class PositR:
    """Release lines of R; the file `r.deb` installs to /opt/R/<version>.

    Upstream states no hash: the file is downloaded once, and its hash recorded.
    """

    name = "posit"

    def __init__(self, *, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the exact versions that there are for the base, newest first. No pre-releases."""
        data = self._fetcher.json(upstream("posit", "versions.json"))
        return newest_first(data["r_versions"])

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line. Raises StepError if there is none."""
        version = newest_of(request.line, self.lines(request), self.name)
        arch = arch_of(request)
        if not self._fetcher.has(_url(request, version, arch)):
            available = [
                other for other in _ARCHITECTURES
                if other != arch and self._fetcher.has(_url(request, version, other))
            ]  # fmt: skip
            raise no_architecture(
                f"{version} on Debian {request.base.value}", arch, available, self.name
            )
        file = self._fetcher.record("r.deb", _url(request, version, arch))
        return ExactVersion(version=version, files=(file,))


def _url(request: ReleaseLineRequest, version: str, arch: str) -> str:
    return upstream("posit", f"debian-{request.base.value}/pkgs/r-{version}_1_{arch}.deb")


POSIT = ProviderDefinition(
    name="posit",
    summary="R as Posit builds it for each Debian",
    provider=lambda tools: PositR(fetcher=tools.fetcher),
    sources=("posit",),
)
