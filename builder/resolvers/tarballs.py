"""The provider `tarball`: official tarballs of the project whose name the axis has."""

from __future__ import annotations

from collections.abc import Mapping

from builder.catalog.models import AxisValue
from builder.common.errors import ConfigError
from builder.common.text import did_you_mean
from builder.lock.interfaces import ExactVersion, Provider, ReleaseLineRequest
from builder.network.upstreams import UPSTREAM
from builder.resolvers.downloads.spark import SparkTarballs
from builder.resolvers.interfaces import ProviderDefinition, ResolverTools
from builder.resolvers.julia.tarballs import JuliaTarballs


class Tarballs:
    """Official tarballs of the project in the option `kind`, or else named like the axis."""

    def __init__(self, *, kinds: Mapping[str, Provider]) -> None:
        self._kinds = kinds

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the exact versions that there are for the base, newest first. No pre-releases."""
        return self._of(request).lines(request)

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line. Raises StepError if there is none."""
        return self._of(request).resolve(request)

    def _of(self, request: ReleaseLineRequest) -> Provider:
        kind = request.options.get("kind", request.axis)
        if kind not in self._kinds:
            raise ConfigError(
                f"provider tarball has no kind {kind!r}",
                hint=did_you_mean(kind, self._kinds) or f"`kind: {' or '.join(self._kinds)}`",
            )
        return self._kinds[kind]


def _tarballs(tools: ResolverTools) -> Tarballs:
    fetcher = tools.fetcher
    return Tarballs(
        kinds={"julia": JuliaTarballs(fetcher=fetcher), "spark": SparkTarballs(fetcher=fetcher)}
    )


def _source(value: AxisValue, options: Mapping[str, str]) -> tuple[str, ...]:
    kind = options.get("kind", value.axis)
    return (kind,) if kind in UPSTREAM else ()


TARBALL = ProviderDefinition(
    name="tarball",
    summary="Julia and Spark as their projects pack them",
    provider=_tarballs,
    sources_of=_source,
)
