"""Standalone builds of Python, from the list and the URLs of uv."""

from __future__ import annotations

import json
import re
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
from builder.resolvers.versions import arch_of, day_of, newest_first, newest_of, no_architecture

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_BUILD_DAY = re.compile(r"/(20\d{6})/")


class UvPythons:
    """Release lines of Python; the file `python.tar.gz` has a relocatable folder `python`.

    uv contains the list of builds, so it needs no network; the hashes are those that a release
    publishes with its files.
    """

    name = "uv"

    def __init__(self, *, runner: Runner, fetcher: Fetcher, program: str = "") -> None:
        self._runner = runner
        self._fetcher = fetcher
        self._program = program

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the exact versions that there are for the base, newest first. No pre-releases."""
        arch = arch_of(request)
        return newest_first(version for version, build_arch in self.urls() if build_arch == arch)

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line. Raises StepError if there is none."""
        urls, arch = self.urls(), arch_of(request)
        version = newest_of(request.line, newest_first(key[0] for key in urls), self.name)
        if (version, arch) not in urls:
            available = [
                build_arch for build_version, build_arch in urls if build_version == version
            ]
            raise no_architecture(version, arch, available, self.name)
        url = urls[version, arch]
        folder, _, name = url.rpartition("/")
        sums = self._fetcher.text(f"{folder}/SHA256SUMS", "checksums")
        digest = listed(sums, unquote(name), self.name)
        file = RemoteFile(name="python.tar.gz", url=url, sha256=digest)
        return ExactVersion(version=version, files=(file,))

    def urls(self) -> dict[tuple[str, str], str]:
        """Return the URL of each (version, architecture)."""
        argv = (
            self._program or uv(), "python", "list", "--all-versions", "--only-downloads",
            "--all-platforms", "--all-arches", "--output-format", "json", "--no-config",
        )  # fmt: skip
        output = self._runner.run(Command(argv=argv, timeout=60))
        builds: list[dict[str, Any]] = json.loads(output.stdout)
        return {
            (build["version"], _ARCHITECTURES[build["arch"]]): build["url"]
            for build in builds
            if build["os"] == "linux"
            and build["libc"] == "gnu"
            and build["implementation"] == "cpython"
            and build["variant"] == "default"
            and build["arch"] in _ARCHITECTURES
            and urlsplit(build["url"] or "").path.endswith("-install_only_stripped.tar.gz")
        }


def dated(pythons: UvPythons) -> list[tuple[str, str]]:
    """Return the versions that uv knows, with the day on which each was built: it is in the URL."""
    builds = pythons.urls()
    days = {version: _built_on(url) for (version, _arch), url in builds.items()}
    return list(days.items())


def _built_on(url: str) -> str:
    match = _BUILD_DAY.search(url)
    return day_of(match[1]) if match else ""


def uv() -> str:
    """Return the path of uv: that of the builder's environment, or the machine's."""
    bundled = Path(sys.executable).parent / "uv"
    path = str(bundled) if bundled.is_file() else which("uv")
    if path is None:
        raise ToolError("uv is not installed", hint="pip install uv")
    return path


UV = ProviderDefinition(
    name="uv",
    summary="Python's standalone builds",
    provider=lambda tools: UvPythons(runner=tools.runner, fetcher=tools.fetcher),
    sources=("python",),
    dated=lambda tools, _request: dated(UvPythons(runner=tools.runner, fetcher=tools.fetcher)),
)
