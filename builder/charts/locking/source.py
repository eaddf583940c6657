"""The packages of upstreams' charts, in repositories with an index and in registries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from builder.catalog.models import RemoteFile, UpstreamChart
from builder.charts import helm_versions
from builder.charts.package import package_file
from builder.charts.repository.http import ServedRepository, check_scheme
from builder.charts.repository.index import entry_of
from builder.charts.repository.oci_artifact import package_in
from builder.common import limits
from builder.common.errors import ConfigError, StepError, UnreachableError
from builder.common.hashing import digest_of
from builder.lock.lockfile import ChartLock, is_of_line
from builder.network.fetcher import Fetcher
from builder.network.upstreams import OCI, image_reference
from builder.oci.reference import Reference
from builder.registry.interfaces import Registry


@dataclass(frozen=True, kw_only=True)
class UpstreamPackages:
    """Finds packages, behind the mirrors of the network."""

    fetcher: Fetcher
    registry: Registry
    mirrors: Mapping[str, str]

    def newest(self, upstream: UpstreamChart) -> ChartLock:
        """Return the newest version of a line, without its images and their pins.

        Raises UnreachableError where nobody answers, StepError, ConfigError.
        """
        if upstream.repository.startswith(OCI):
            return self._in_registry(upstream)
        return self._in_index(upstream)

    def package(self, locked: ChartLock) -> bytes:
        """Return the package that is locked. Raises StepError where it is another one, or gone."""
        if not locked.url.startswith(OCI):
            name = locked.url.rpartition("/")[2]
            sha256 = locked.digest.removeprefix("sha256:")
            file = RemoteFile(name=name, url=locked.url, sha256=sha256)
            path = self.fetcher.file(file, limit=limits.CHART_PACKAGE)
            return limits.read_file(path, limits.CHART_PACKAGE, locked.url)
        data = self._from_registry(self._reference(locked.url))
        if (found := digest_of(data)) != locked.digest:
            raise StepError(
                f"{locked.url} has the hash {found}, and {locked.digest} is locked",
                hint="upstream replaced it: see what it is, then `builder lock --upgrade`",
            )
        return data

    # A repository with an index.

    def _in_index(self, upstream: UpstreamChart) -> ChartLock:
        url = upstream.repository.rstrip("/")
        check_scheme(url)
        try:
            entries = ServedRepository(url=url, fetcher=self.fetcher).index()
        except UnreachableError:
            raise
        except StepError as error:
            if isinstance(error.__cause__, UnreachableError):
                raise error.__cause__ from error
            raise StepError(f"{url}: {error.message}", hint=_HINT) from error
        listed = {str(it["version"]): it for it in entries.get(upstream.name, ())}
        version = _newest(list(listed), upstream)
        entry = entry_of(listed[version])
        place = urljoin(f"{url}/", entry.url)
        check_scheme(place)
        name = package_file(upstream.name, version)
        if entry.sha256:
            file = RemoteFile(name=name, url=place, sha256=entry.sha256)
            self.fetcher.file(file, limit=limits.CHART_PACKAGE)
        else:
            file = self.fetcher.record(name, place, again=True, limit=limits.CHART_PACKAGE)
        return ChartLock(version=version, url=place, digest=f"sha256:{file.sha256}", pin="")

    # A registry.

    def _in_registry(self, upstream: UpstreamChart) -> ChartLock:
        url = f"{upstream.repository.rstrip('/')}/{upstream.name}"
        repository = self._reference(url)
        tags = self.registry.tags(repository.name)
        versions = [version for tag in tags if (version := helm_versions.version_of(tag))]
        version = _newest(versions, upstream)
        tag = helm_versions.tag_of(version)
        data = self._from_registry(repository.with_tag(tag))
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        return ChartLock(version=version, url=f"{url}:{tag}", digest=digest, pin="")

    def _reference(self, url: str) -> Reference:
        return image_reference(url.removeprefix(OCI), self.mirrors)

    def _from_registry(self, reference: Reference) -> bytes:
        artifact = self.registry.get(reference)
        if artifact is None:
            raise StepError(f"{reference} is not in its registry", hint=_HINT)
        return package_in(artifact, str(reference)).data


_HINT = "check `upstream` of the chart in matrix.yaml, and `network.mirrors`"


def _newest(versions: Sequence[str], upstream: UpstreamChart) -> str:
    """Return the newest version of a line, of which a pre-release is none. Raises ConfigError."""
    fitting = [
        it for it in versions if not upstream.release_line or is_of_line(it, upstream.release_line)
    ]
    found = helm_versions.newest(fitting, str)
    if found is None:
        line = f" of {upstream.release_line}" if upstream.release_line else ""
        raise ConfigError(
            f"{upstream.repository} has no version{line} of the chart {upstream.name}", hint=_HINT
        )
    return found
