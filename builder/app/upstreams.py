"""Constructs what asks the registries and chart repositories of others."""

from __future__ import annotations

from dataclasses import dataclass

from builder.build.upstream_charts import UpstreamCopies
from builder.catalog.models import Catalog, Network
from builder.charts.helm import Helm
from builder.charts.locking.locker import ChartLocker
from builder.charts.locking.source import UpstreamPackages
from builder.network.fetcher import Fetcher
from builder.registry.interfaces import Registry
from builder.resolvers.base_images.upstream import UpstreamImages


@dataclass(frozen=True, kw_only=True)
class Upstreams:
    """What images and charts of others are found with."""

    catalog: Catalog
    network: Network
    store: Registry
    files: Fetcher

    @property
    def images(self) -> UpstreamImages:
        """Return what finds images."""
        return UpstreamImages(registry=self.store, mirrors=self.network.mirrors)

    @property
    def packages(self) -> UpstreamPackages:
        """Return what finds packages of charts."""
        return UpstreamPackages(
            fetcher=self.files, registry=self.store, mirrors=self.network.mirrors
        )

    def locker(self, helm: Helm) -> ChartLocker:
        """Return what locks charts."""
        return ChartLocker(
            catalog=self.catalog,
            helm=helm,
            packages=self.packages,
            registry=self.store,
            mirrors=self.network.mirrors,
        )

    def copies(self, store: Registry, *, hands_over: bool) -> UpstreamCopies:
        """Return what copies charts and their images to our registry."""
        return UpstreamCopies(
            hands_over=hands_over,
            catalog=self.catalog,
            store=store,
            packages=self.packages,
            mirrors=self.network.mirrors,
        )
