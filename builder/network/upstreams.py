"""The upstream hosts, which no other module names; each has a name, and may have a mirror.

Hosts that have a client of their own (Debian's archive, pip's index, npm's registry) are not
here: the client knows its host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from builder.oci.reference import Reference, parse

UPSTREAM: Mapping[str, str] = MappingProxyType(
    {
        "cran": "https://cloud.r-project.org/bin/linux/debian",
        "cran-key": "https://keyserver.ubuntu.com/pks",
        "endoflife": "https://endoflife.date/api",
        "github": "https://github.com",
        "julia": "https://julialang-s3.julialang.org",
        "julia-packages": "https://pkg.julialang.org",
        "maven": "https://repo.maven.apache.org/maven2",
        "minio": "https://dl.min.io/client/mc/release",
        "nvidia": "https://developer.download.nvidia.com/compute/cuda/repos",
        "openvsx": "https://open-vsx.org/api",
        "packagemanager": "https://packagemanager.posit.co",
        "posit": "https://cdn.posit.co/r",
        "postgresql": "https://www.postgresql.org",
        "python": "https://releases.astral.sh/github/python-build-standalone/releases/download",
        "python-releases": "https://peps.python.org/api",
        "pytorch": "https://download.pytorch.org/whl",
        "quarto": "https://quarto.org/docs/download",
        "rstudio": "https://www.rstudio.com/wp-content",
        "rstudio-files": "https://download2.rstudio.org",
        "spark": "https://archive.apache.org/dist/spark",
    }
)
"""The start of the URLs of a source, without a trailing slash, by its name in the matrix."""

OCI = "oci://"
"""The start of the name of a registry among the mirrors."""
CRAN_KEY = "95C0FAF38DB3CCAD0C080A7BDC78B2DDEABC47B7"
NVIDIA_KEYS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "12": ("3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC"),
        "13": ("8793F200.pub", "02182E60104FCDC26EAE1B8597A5D4CB8793F200"),
    }
)
"""The file of the key in the repository, and its fingerprint, by release of Debian."""


@dataclass(frozen=True, kw_only=True)
class SourceUrl:
    """The address from which a URL is fetched. `source` is the name of its upstream source."""

    source: str
    url: str  # may hold credentials
    is_mirror: bool = False

    @property
    def shown(self) -> str:
        """Return the URL without credentials, for messages."""
        return without_credentials(self.url)

    @property
    def host(self) -> str:
        """Return the host of the URL, with its port if it has one."""
        return urlsplit(self.shown).netloc


def upstream(name: str, path: str = "") -> str:
    """Return the URL of a path at a source: `upstream("julia", "bin/versions.json")`."""
    return f"{UPSTREAM[name]}/{path}" if path else UPSTREAM[name]


def source_url(url: str, mirrors: Mapping[str, str]) -> SourceUrl:
    """Return where `url` is fetched from, given the mirrors.

    `mirrors` maps the name of a source, or the start of a URL, to its replacement. The
    longest start that has a mirror wins; without a mirror the URL stays the same.
    """
    starts = {name: start for name, start in UPSTREAM.items() if is_below(url, start)}
    plain = {old: old for old in mirrors if "://" in old and is_below(url, old.rstrip("/"))}
    mirrored = {name: start for name, start in {**plain, **starts}.items() if name in mirrors}
    for name in sorted(mirrored, key=lambda name: len(mirrored[name]), reverse=True):
        rest = url[len(mirrored[name].rstrip("/")) :]
        source = urlsplit(url).hostname or url if "://" in name else name
        return SourceUrl(source=source, url=mirrors[name].rstrip("/") + rest, is_mirror=True)
    source = max(starts, key=lambda name: len(starts[name]), default=urlsplit(url).hostname or url)
    return SourceUrl(source=source, url=url)


def image_reference(text: str, mirrors: Mapping[str, str]) -> Reference:
    """Return the reference of an upstream's image, in the mirror of its registry if it has one.

    A mirror of a registry, or of repositories below one, is named as Helm does:
    `oci://docker.io: oci://mirror.example.org/hub`. Raises ConfigError where it is not valid.
    """
    return parse(source_url(f"{OCI}{text}", mirrors).url.removeprefix(OCI))


def without_credentials(url: str) -> str:
    """Return a URL without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def expand(template: str) -> str:
    """Expand the name of a source at the start of a URL: `{github}/owner/…`."""
    for name, start in UPSTREAM.items():
        template = template.replace(f"{{{name}}}", start)
    return template


def is_below(url: str, start: str) -> bool:
    """Whether a URL is another one, or below it."""
    return url == start or url.startswith(f"{start}/")
