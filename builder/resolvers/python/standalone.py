"""Standalone builds of Python: what uv knows of, fetched from where uv would."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from builder.catalog.models import RemoteFile
from builder.common.errors import ToolError
from builder.common.process import Command, Runner, which
from builder.lock.interfaces import ExactVersion, ReleaseLineRequest
from builder.network.fetcher import Fetcher
from builder.resolvers.downloads.url import listed
from builder.resolvers.interfaces import ProviderDefinition
from builder.resolvers.versions import arch_of, newest_first, newest_of, no_architecture

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class UvPythons:
    """Lines of Python; the file is `python.tar.gz`, a relocatable tree in a folder `python`.

    uv carries the list of what there is, so it is known without a network; the hashes are those
    that the release publishes beside its files.
    """

    name = "uv"

    def __init__(self, *, runner: Runner, fetcher: Fetcher, program: str = "") -> None:
        self._runner = runner
        self._fetcher = fetcher
        self._program = program

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the exact versions that there are for the base, newest first. No pre-releases."""
        arch = arch_of(request)
        return newest_first(version for version, of in self._urls() if of == arch)

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line. Raises StepError if there is none."""
        urls, arch = self._urls(), arch_of(request)
        version = newest_of(request.line, newest_first(key[0] for key in urls), self.name)
        if (version, arch) not in urls:
            there = [of for found, of in urls if found == version]
            raise no_architecture(version, arch, there, self.name)
        url = urls[version, arch]
        folder, _, name = url.rpartition("/")
        sums = self._fetcher.text(f"{folder}/SHA256SUMS", "checksums")
        digest = listed(sums, unquote(name), self.name)
        file = RemoteFile(name="python.tar.gz", url=url, sha256=digest)
        return ExactVersion(version=version, files=(file,))

    def _urls(self) -> dict[tuple[str, str], str]:
        """Return where each (version, architecture) is."""
        argv = (
            self._program or uv(), "python", "list", "--all-versions", "--only-downloads",
            "--all-platforms", "--all-arches", "--output-format", "json", "--no-config",
        )  # fmt: skip
        output = self._runner.run(Command(argv=argv, timeout=60))
        found: list[dict[str, Any]] = json.loads(output.stdout)
        return {
            (item["version"], _ARCHITECTURES[item["arch"]]): item["url"]
            for item in found
            if item["os"] == "linux"
            and item["libc"] == "gnu"
            and item["implementation"] == "cpython"
            and item["variant"] == "default"
            and item["arch"] in _ARCHITECTURES
            and urlsplit(item["url"] or "").path.endswith("-install_only_stripped.tar.gz")
        }


def uv() -> str:
    """Return the path of uv: the one that came with the builder, or the machine's."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else which("uv")
    if found is None:
        raise ToolError("uv is not installed", hint="pip install uv")
    return found


UV = ProviderDefinition(
    name="uv",
    summary="Python's standalone builds",
    provider=lambda tools: UvPythons(runner=tools.runner, fetcher=tools.fetcher),
    sources=("python",),
)
