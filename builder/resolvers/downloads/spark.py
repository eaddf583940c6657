"""Spark's official distribution, from the archive of its releases."""

from __future__ import annotations

import re

from builder.common.errors import StepError
from builder.lock.interfaces import ExactVersion, ReleaseLineRequest
from builder.network.fetcher import Fetcher
from builder.network.upstreams import upstream
from builder.resolvers.versions import newest_first, newest_of

_FOLDER = re.compile(r'href="spark-([0-9.]+)/"')


class SparkTarballs:
    """Release lines of Spark; the file `spark.tgz` is the same for every architecture.

    The option `build` names another one than `bin-hadoop3`. Upstream states a sha512, which is
    checked at the first download; the lock has the sha256.
    """

    name = "tarball"

    def __init__(self, *, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the exact versions that there are for the base, newest first. No pre-releases."""
        return newest_first(_FOLDER.findall(self._fetcher.page(upstream("spark") + "/")))

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line. Raises StepError if there is none."""
        version = newest_of(request.line, self.lines(request), self.name)
        build = request.options.get("build", "bin-hadoop3")
        url = upstream("spark", f"spark-{version}/spark-{version}-{build}.tgz")
        sha512 = read_sha512(self._fetcher.text(f"{url}.sha512", "a checksum"), url)
        return ExactVersion(
            version=version, files=(self._fetcher.record("spark.tgz", url, sha512=sha512),)
        )


def read_sha512(text: str, url: str) -> str:
    """Return the hash in a .sha512 file, written by sha512sum, or by gpg in groups and lines."""
    match = re.search(r"\b[0-9a-fA-F]{128}\b", text)
    digest = match[0] if match else re.sub(r"\s", "", text.partition(":")[2])
    if not re.fullmatch(r"[0-9a-fA-F]{128}", digest):
        raise StepError(f"{url}.sha512 has no sha512")
    return digest.lower()
