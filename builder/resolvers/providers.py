"""Every provider of lines, by the name that matrix.yaml and recipes use."""

from __future__ import annotations

from collections.abc import Mapping

from builder.catalog.models import Network
from builder.common.errors import ConfigError
from builder.common.process import Runner
from builder.common.text import did_you_mean
from builder.lock.interfaces import ExactVersion, Provider, ReleaseLineRequest
from builder.network.fetcher import Fetcher
from builder.resolvers.apt.providers import (
    AptProvider,
    CranProvider,
    DebianProvider,
    NvidiaProvider,
    Prepare,
)
from builder.resolvers.downloads.rstudio import RStudio
from builder.resolvers.downloads.spark import SparkTarballs
from builder.resolvers.downloads.url import UrlFiles
from builder.resolvers.julia.tarballs import JuliaTarballs
from builder.resolvers.npm.registry import NpmPackages
from builder.resolvers.python.pypi import PythonPackages, PytorchPackages
from builder.resolvers.python.standalone import UvPythons
from builder.resolvers.r.posit import PositR


class Tarballs:
    """Official tarballs, of what the axis is called, or the option `kind`."""

    def __init__(self, *, kinds: Mapping[str, Provider]) -> None:
        self._kinds = kinds

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """The exact versions that there are for the base, newest first. No pre-releases."""
        return self._of(request).lines(request)

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """The newest version of a line. Raises StepError where there is none."""
        return self._of(request).resolve(request)

    def _of(self, request: ReleaseLineRequest) -> Provider:
        kind = request.options.get("kind", request.axis)
        if kind not in self._kinds:
            raise ConfigError(
                f"provider tarball knows no kind {kind!r}",
                hint=did_you_mean(kind, self._kinds) or f"`kind: {' or '.join(self._kinds)}`",
            )
        return self._kinds[kind]


def line_providers(
    *, prepare: Prepare, fetcher: Fetcher, runner: Runner, network: Network
) -> dict[str, Provider]:
    """All of them. `prepare` gives the private root of apt of a locked base."""
    return {
        "apt": AptProvider(prepare=prepare),
        "cran": CranProvider(prepare=prepare, fetcher=fetcher, network=network),
        "debian": DebianProvider(prepare=prepare),
        "npm": NpmPackages(runner=runner, network=network),
        "nvidia": NvidiaProvider(prepare=prepare, fetcher=fetcher, network=network),
        "posit": PositR(fetcher=fetcher),
        "pypi": PythonPackages(runner=runner, network=network),
        "pypi-cpu": PythonPackages(runner=runner, network=network, name="pypi-cpu"),
        "pytorch": PytorchPackages(runner=runner, network=network),
        "rstudio": RStudio(fetcher=fetcher),
        "tarball": Tarballs(
            kinds={"julia": JuliaTarballs(fetcher=fetcher), "spark": SparkTarballs(fetcher=fetcher)}
        ),
        "url": UrlFiles(fetcher=fetcher),
        "uv": UvPythons(runner=runner, fetcher=fetcher),
    }
