"""Source distributions of Python packages; the index is asked for the URL at each download."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from builder.catalog.models import Network, RemoteFile
from builder.common.errors import StepError
from builder.common.process import Runner
from builder.network.fetcher import Fetcher
from builder.network.upstreams import SourceUrl
from builder.resolvers.python.pypi import default_index, index_env, locked, unreachable

_PYTHON = "3.99"  # uv checks the oldest Python of a package; this one suits them all


class PipFiles:
    """Downloads files; source distributions from the URL that pip's index has for them."""

    def __init__(self, *, fetcher: Fetcher, runner: Runner, network: Network) -> None:
        self._fetcher = fetcher
        self._runner = runner
        self._network = network

    def file(self, file: RemoteFile) -> Path:
        """Return the path of its checked content. Raises StepError, UnreachableError."""
        if not file.requirement or self._fetcher.cached(file.sha256) is not None:
            return self._fetcher.file(file)
        return self._fetcher.file(file, self._url(file.requirement))

    def _url(self, requirement: str) -> SourceUrl:
        index, env = default_index(self._network), index_env(self._network)
        entry, log = locked(self._runner, requirement, python=_PYTHON, env=env)
        if "sdist" in entry:
            url = _with_login(entry["sdist"]["url"], index.url)
            return SourceUrl(source=index.source, url=url, is_mirror=index.is_mirror)
        raise unreachable(log, index) or StepError(f"pip: the index has no source of {requirement}")


def _with_login(url: str, index: str) -> str:
    """Return a URL with the credentials of the index, if it is on its host: uv leaves them out."""
    own, parts = urlsplit(index), urlsplit(url)
    is_same = own.netloc.rpartition("@")[2] == parts.netloc
    return parts._replace(netloc=own.netloc).geturl() if is_same else url
