"""Every provider of lines, by the name that matrix.yaml and recipes use."""

from __future__ import annotations

from collections.abc import Mapping

from builder.catalog.models import Network
from builder.common.errors import ConfigError
from builder.common.process import Runner
from builder.common.text import did_you_mean
from builder.lock.interfaces import LineProvider, LineRequest, ResolvedLine
from builder.network.fetcher import Fetcher
from builder.resolvers.apt.providers import AptLines, CranLines, DebianLines, NvidiaLines, Prepare
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

    def __init__(self, *, kinds: Mapping[str, LineProvider]) -> None:
        self._kinds = kinds

    def lines(self, request: LineRequest) -> tuple[str, ...]:
        """The exact versions that there are for the base, newest first. No pre-releases."""
        return self._of(request).lines(request)

    def resolve(self, request: LineRequest) -> ResolvedLine:
        """The newest version of a line. Raises StepError where there is none."""
        return self._of(request).resolve(request)

    def _of(self, request: LineRequest) -> LineProvider:
        kind = request.options.get("kind", request.axis)
        if kind not in self._kinds:
            raise ConfigError(
                f"provider tarball knows no kind {kind!r}",
                hint=did_you_mean(kind, self._kinds) or f"`kind: {' or '.join(self._kinds)}`",
            )
        return self._kinds[kind]


def line_providers(
    *, prepare: Prepare, fetcher: Fetcher, runner: Runner, network: Network
) -> dict[str, LineProvider]:
    """All of them. `prepare` gives the private root of apt of a locked base."""
    return {
        "apt": AptLines(prepare=prepare),
        "cran": CranLines(prepare=prepare, fetcher=fetcher, network=network),
        "debian": DebianLines(prepare=prepare),
        "npm": NpmPackages(runner=runner, network=network),
        "nvidia": NvidiaLines(prepare=prepare, fetcher=fetcher, network=network),
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
