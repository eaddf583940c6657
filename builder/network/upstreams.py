"""Where things come from upstream. The one place that names hosts; each has a name and a mirror.

What has a client of its own (Debian's archive, the index of pip, npm's registry) is not here: its
client knows where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

UPSTREAM: Mapping[str, str] = MappingProxyType(
    {
        "cran": "https://cloud.r-project.org/bin/linux/debian",
        "cran-key": "https://keyserver.ubuntu.com/pks",
        "github": "https://github.com",
        "julia": "https://julialang-s3.julialang.org",
        "julia-packages": "https://pkg.julialang.org",
        "nvidia": "https://developer.download.nvidia.com/compute/cuda/repos",
        "packagemanager": "https://packagemanager.posit.co",
        "posit": "https://cdn.posit.co/r",
        "python": "https://releases.astral.sh/github/python-build-standalone/releases/download",
        "pytorch": "https://download.pytorch.org/whl",
        "quarto": "https://quarto.org/docs/download",
        "rstudio": "https://www.rstudio.com/wp-content",
        "rstudio-files": "https://download2.rstudio.org",
        "spark": "https://archive.apache.org/dist/spark",
    }
)
"""A name for `network.mirrors` to the start of URLs upstream, without a slash at its end."""

CRAN_KEY = "95C0FAF38DB3CCAD0C080A7BDC78B2DDEABC47B7"
NVIDIA_KEYS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "12": ("3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC"),
        "13": ("8793F200.pub", "02182E60104FCDC26EAE1B8597A5D4CB8793F200"),
    }
)
"""By release of Debian: the file of the key beside the packages, and its fingerprint."""


@dataclass(frozen=True, kw_only=True)
class SourceUrl:
    """Where a URL is fetched from: the source that it belongs to, and the URL to ask."""

    source: str
    url: str  # may hold credentials
    is_mirror: bool = False

    @property
    def shown(self) -> str:
        """The URL for people: no credentials."""
        return without_credentials(self.url)

    @property
    def host(self) -> str:
        """The host that is asked, with its port where it has one."""
        return urlsplit(self.shown).netloc


def upstream(name: str, path: str = "") -> str:
    """Return the URL of a path at a source: `upstream("julia", "bin/versions.json")`."""
    return f"{UPSTREAM[name]}/{path}" if path else UPSTREAM[name]


def source_url(url: str, mirrors: Mapping[str, str]) -> SourceUrl:
    """Return where `url` is fetched from, given the mirrors.

    `mirrors` maps the name of a source, or the start of a URL, to what stands in its stead. The
    longest start that has a mirror wins; without one the URL is asked as it is.
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
