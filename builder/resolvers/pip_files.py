"""Files of Python's packages: they have the address of PyPI, and come from its mirror."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from packaging.utils import parse_sdist_filename

from builder.errors import StepError
from builder.model import RemoteFile
from builder.resolvers.fetch import Fetcher, MissingError
from builder.resolvers.sources import is_below, upstream, without_credentials

_SOURCE = "pypi-files"


class PipFiles:
    """Gets source distributions: where `mirrors` has an index `pip`, from where its page says."""

    def __init__(self, *, fetcher: Fetcher, mirrors: Mapping[str, str]) -> None:
        self._fetcher = fetcher
        self._index = "" if _SOURCE in mirrors else mirrors.get("pip", "")

    def file(self, file: RemoteFile) -> Path:
        """Where its content is on this machine, checked. Raises StepError, UnreachableError."""
        if (kept := self._fetcher.kept(file.sha256)) is not None:
            return kept
        if self._index and is_below(file.url, upstream(_SOURCE)):
            file = replace(file, url=self._listed(_last(file.url)))
        return self._fetcher.file(file)

    def record(self, name: str, found: Mapping[str, Any]) -> RemoteFile:
        """A source distribution as pylock.toml says of it, under the name that a build calls it.

        What a mirror has is fetched for it: PyPI's address of a file is the BLAKE2b of its content.
        """
        if not found.get("hashes", {}).get("sha256"):
            raise StepError(f"the index states no sha256 of {found.get('name') or found['url']}")
        file = RemoteFile(name=name, url=found["url"], sha256=found["hashes"]["sha256"])
        if is_below(file.url, upstream(_SOURCE)):
            return file
        if not self._index:
            raise StepError(
                f"uv has {_last(file.url)} of another index than PyPI",
                hint="name it in matrix.yaml: `network.mirrors: {pip: URL}`",
            )
        last = found.get("name") or _last(file.url)
        path = self.file(replace(file, url=upstream(_SOURCE, last)))
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, lambda: hashlib.blake2b(digest_size=32))
        place = digest.hexdigest()
        url = upstream(_SOURCE, f"packages/{place[:2]}/{place[2:4]}/{place[4:]}/{last}")
        return replace(file, url=url)

    def _listed(self, name: str) -> str:
        """Where the page of a package in the index has a file. Raises MissingError."""
        page = f"{self._index.rstrip('/')}/{parse_sdist_filename(name)[0]}/"
        for link in re.findall(r"""href\s*=\s*["']([^"'#]+)""", self._fetcher.page(page)):
            url = urljoin(page, unescape(link))
            if _last(url) == name:
                return self._with_login(url)
        raise MissingError(f"pip: {without_credentials(page)} does not list {name}")

    def _with_login(self, url: str) -> str:
        """A URL with the credentials of the index, where it is on its host."""
        own, parts = urlsplit(self._index), urlsplit(url)
        is_same = own.netloc.rpartition("@")[2] == parts.netloc
        return parts._replace(netloc=own.netloc).geturl() if is_same else url


def _last(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])
