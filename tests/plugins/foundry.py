"""A provider of release lines in one file, as an organisation adds one: a foundry's releases.

Its list names them: `[{"version": "2.1", "file": "style-2.1.txt", "sha256": "…"}]`.
"""

from __future__ import annotations

from typing import Any

from builder.catalog.models import RemoteFile
from builder.lock.interfaces import ExactVersion, ReleaseLineRequest
from builder.network.fetcher import Fetcher
from builder.resolvers.interfaces import ProviderDefinition
from builder.resolvers.versions import newest_first, newest_of

URL = "https://foundry.example.org"


class Foundry:
    """Releases of a style; the file is `style.txt`."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return every version, the newest first."""
        return newest_first(it["version"] for it in self._releases())

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line."""
        version = newest_of(request.line, self.lines(request), "foundry")
        (release,) = (it for it in self._releases() if it["version"] == version)
        file = RemoteFile(
            name="style.txt", url=f"{URL}/{release['file']}", sha256=release["sha256"]
        )
        return ExactVersion(version=version, files=(file,))

    def _releases(self) -> list[dict[str, Any]]:
        releases: list[dict[str, Any]] = self._fetcher.json(f"{URL}/releases.json")
        return releases


FOUNDRY = ProviderDefinition(
    name="foundry",
    summary="a style of a foundry",
    provider=lambda tools: Foundry(tools.fetcher),
    sources=(URL,),
)
