"""A chart repository as it is served over HTTP: what it lists, and its packages."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urljoin

from builder.errors import Location, StepError
from builder.model import RemoteFile
from builder.render.chart_index import INDEX, IndexEntry, read_index
from builder.resolvers.fetch import Fetcher, MissingError
from builder.resolvers.sources import without_credentials

SIGNED = ".prov"
"""What is added to the name of a package for the file that signs it."""


class ServedRepository:
    """`url` is where index.yaml is, without its name; it may hold a name and a password."""

    def __init__(self, *, url: str, fetcher: Fetcher) -> None:
        self.url = url.rstrip("/")
        self._fetcher = fetcher

    def index(self) -> dict[str, list[Mapping[str, object]]]:
        """Its entries. Raises StepError, ConfigError, with the URL."""
        place = f"{self.url}/{INDEX}"
        shown = without_credentials(place)
        try:
            text = self._fetcher.text(place, "an index of charts")
        except MissingError as error:
            hint = "a first publication goes without --against"
            raise _at(shown, "there is no such file", hint) from error
        except StepError as error:
            hint = "may it be read from here? a name and a password go into the URL"
            raise _at(shown, error.message, hint) from error
        return read_index(text.encode(), shown)

    def package(self, entry: IndexEntry) -> bytes:
        """A package that it lists. Raises StepError where it is gone, or another one."""
        url = urljoin(f"{self.url}/", entry.url)
        name = f"{entry.name}-{entry.version}.tgz"
        try:
            file = self._fetcher.file(RemoteFile(name=name, url=url, sha256=entry.digest))
        except StepError as error:
            hint = "the index lists it: nothing was published"
            raise _at(without_credentials(url), error.message, hint) from error
        return file.read_bytes()

    def provenance(self, entry: IndexEntry) -> bytes:
        """What signs a package that it lists, or nothing."""
        url = urljoin(f"{self.url}/", entry.url + SIGNED)
        try:
            return self._fetcher.text(url, "a signature").encode()
        except StepError:  # object stores answer 403 for what is not there
            return b""


def _at(place: str, message: str, hint: str) -> StepError:
    return StepError(message, hint=hint, location=Location(file=place))
