"""Read a chart repository that is served over HTTP: its index and its packages."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from builder.catalog.models import RemoteFile
from builder.charts.package import package_file
from builder.charts.repository.index import INDEX, IndexEntry, read_index
from builder.common import limits
from builder.common.errors import ConfigError, Location, StepError, UnreachableError
from builder.network.fetcher import Fetcher, MissingError
from builder.network.upstreams import without_credentials
from builder.oci.reference import is_loopback

PROVENANCE_SUFFIX = ".prov"
"""The suffix of the file that signs a package."""
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"  # else it is a page that says that there is none


class ServedRepository:
    """A served chart repository. `url` is that of index.yaml without the file name.

    The URL may hold a name and a password.
    """

    def __init__(self, *, url: str, fetcher: Fetcher) -> None:
        self.url = url.rstrip("/")
        self._fetcher = fetcher

    def index(self) -> dict[str, list[Mapping[str, object]]]:
        """Return the entries of its index. Raises StepError, ConfigError, with the URL."""
        url = f"{self.url}/{INDEX}"
        try:
            text = self._fetcher.text(url, "an index of charts", limits.CHART_INDEX)
        except MissingError as error:
            raise _located(error, url, "leave --against out for the first publication") from error
        except StepError as error:
            hint = "check that you may read it; a user and a password go into the URL"
            raise _located(error, url, hint) from error
        return read_index(text.encode(), without_credentials(url))

    def package(self, entry: IndexEntry) -> bytes:
        """Return a package of its index.

        Raises StepError if it is gone, or has another digest, ConfigError for a plain HTTP URL.
        """
        url = urljoin(f"{self.url}/", entry.url)
        check_scheme(url)
        name = package_file(entry.name, entry.version)
        file = RemoteFile(name=name, url=url, sha256=entry.sha256)
        try:
            if not file.sha256:
                file = self._fetcher.record(name, url, again=True, limit=limits.CHART_PACKAGE)
            path = self._fetcher.file(file, limit=limits.CHART_PACKAGE)
        except StepError as error:
            raise _located(error, url, "the index lists it; nothing was published") from error
        return limits.read_file(path, limits.CHART_PACKAGE, without_credentials(url))

    def provenance(self, entry: IndexEntry) -> bytes:
        """Return the signature of a package of its index, or nothing."""
        url = urljoin(f"{self.url}/", entry.url + PROVENANCE_SUFFIX)
        try:
            text = self._fetcher.text(url, "a signature", limits.SIGNATURE)
        except StepError:  # object stores answer 403 for what is not there
            return b""
        return text.encode() if text.startswith(_SIGNED) else b""


def check_scheme(url: str) -> None:
    """Raise ConfigError for a URL whose answers others on the network can change."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ConfigError(
            f"{without_credentials(url)} is plain HTTP, and others on the network can change what"
            " it answers",
            hint="use https://; plain HTTP is taken from this machine alone",
        )


def _located(error: StepError, url: str, hint: str) -> StepError:
    """Return an error with its place."""
    location = Location(file=without_credentials(url))
    if isinstance(error, MissingError):
        return StepError("the file does not exist", hint=hint, location=location)
    if isinstance(error, UnreachableError):
        return StepError(error.reason or error.message, hint=hint, location=location)
    return StepError(error.message, hint=hint)
