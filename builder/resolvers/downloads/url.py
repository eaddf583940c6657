"""Any file of the network: a template of its URL, and a list of its versions."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from builder.catalog.models import AxisValue, RemoteFile
from builder.common.errors import ConfigError
from builder.common.patterns import first_groups
from builder.lock.interfaces import ExactVersion, ReleaseLineRequest
from builder.network.fetcher import Fetcher, MissingError
from builder.network.upstreams import expand
from builder.resolvers.interfaces import ProviderDefinition
from builder.resolvers.versions import arch_of, newest_first, newest_of, no_architecture, option

ARCHS = "amd64=amd64 arm64=arm64"


class UrlFiles:
    """Files that the options of a recipe describe.

    - `url`: a template with `{version}`, and `{arch}` if there is a file for each architecture;
      it may begin with the name of a source, as in `{github}/owner/…`.
    - `versions`: the exact versions, separated by blanks; or
    - `index`: the URL of a text with the versions; `pattern` finds them, as its first group.
    - `archs`: `{arch}` for amd64 and arm64 where it differs: `amd64=x64 arm64=aarch64`.
    - `sha256`: the hash, or one for each architecture (`amd64=HEX arm64=HEX`), of the one version
      in `versions`. Without it the file is downloaded once, and its hash recorded.
    - `sums`: the URL, by the same template, of a file of lines `HEX  NAME`.
    - `name`: the name of the file in the build; otherwise the last part of its URL.
    """

    name = "url"

    def __init__(self, *, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the exact versions, newest first, without pre-releases."""
        if "versions" in request.options:
            return newest_first(request.options["versions"].split())
        text = self._fetcher.text(expand(option(request, "index", self.name)), "a list of versions")
        return newest_first(first_groups(option(request, "pattern", self.name), text))

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line. Raises StepError if there is none."""
        version = newest_of(request.line, self.lines(request), self.name)
        arch, urls = arch_of(request), self._urls(request, version)
        if arch not in urls:
            raise no_architecture(version, arch, urls, self.name)
        name = request.options.get("name") or _last(urls[arch])
        try:
            digest = self._hash(request, version, urls[arch])
            if digest:
                file = RemoteFile(name=name, url=urls[arch], sha256=digest)
            else:
                file = self._fetcher.record(name, urls[arch])
        except MissingError:
            available = [
                other for other, url in urls.items() if other != arch and self._fetcher.has(url)
            ]
            if not available:
                raise
            raise no_architecture(version, arch, available, self.name) from None
        return ExactVersion(version=version, files=(file,))

    def _urls(self, request: ReleaseLineRequest, version: str) -> dict[str, str]:
        """Return the URL of the file, by architecture."""
        template = option(request, "url", self.name)
        archs = _by_arch(request.options.get("archs", ARCHS))
        return {name: _filled(template, version, arch) for name, arch in archs.items()}

    def _hash(self, request: ReleaseLineRequest, version: str, url: str) -> str:
        """Return the stated hash, or ""."""
        if text := request.options.get("sha256", ""):
            if len(request.options.get("versions", "").split()) != 1:
                raise ConfigError("provider url: with `sha256`, `versions` must be one version")
            hashes = _by_arch(text) if "=" in text else {arch_of(request): text}
            if arch_of(request) not in hashes:
                raise no_architecture(version, arch_of(request), hashes, self.name)
            return hashes[arch_of(request)]
        if sums := request.options.get("sums", ""):
            arch = _by_arch(request.options.get("archs", ARCHS)).get(arch_of(request), "")
            text = self._fetcher.text(_filled(sums, version, arch), "checksums")
            return listed(text, _last(url), self.name)
        return ""


def _filled(template: str, version: str, arch: str) -> str:
    return expand(template).replace("{version}", version).replace("{arch}", arch)


def _last(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def listed(text: str, name: str, provider: str) -> str:
    """Return the sha256 of a file in a list of sha256sum. Raises MissingError if it lacks it."""
    for line in text.splitlines():
        digest, _, path = line.strip().partition(" ")
        if path.strip().lstrip("*").rpartition("/")[2] == name:
            return digest
    raise MissingError(f"provider {provider}: the list of checksums does not name {name}")


def _by_arch(text: str) -> dict[str, str]:
    """Return `amd64=a arm64=b` as a mapping."""
    return {key: value for key, _, value in (item.partition("=") for item in text.split())}


def _urls_of(_value: AxisValue, options: Mapping[str, str], version: str) -> tuple[str, ...]:
    archs = _by_arch(options.get("archs", ARCHS))
    return tuple(_filled(options.get("url", ""), version, arch) for arch in archs.values())


URL = ProviderDefinition(
    name="url",
    summary="any file of the network, with its hash",
    provider=lambda tools: UrlFiles(fetcher=tools.fetcher),
    urls_of=_urls_of,
)
