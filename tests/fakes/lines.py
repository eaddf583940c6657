"""Requests for lines, and a place of the network that answers them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builder.catalog.models import Base, Network, Source
from builder.common.errors import Location
from builder.common.process import Runner
from builder.common.state_dir import StateDir
from builder.lock.interfaces import ReleaseLineRequest
from builder.lock.lockfile import BaseLock
from builder.network.fetcher import Fetcher, Progress, RetryPolicy
from builder.network.upstreams import UPSTREAM
from builder.resolvers.interfaces import ResolverTools
from tests.fakes.answers import Registry

LOCK = BaseLock(source=Source(bootstrap="trixie"), content="sha256:0", epoch=0)
IMPATIENT = RetryPolicy(connect=20, read=20, retries=0, backoff=0)


def request(
    line: str,
    *,
    arch: str = "amd64",
    debian: str = "13",
    axis: str = "",
    axes: Mapping[str, str] | None = None,
    **options: str,
) -> ReleaseLineRequest:
    """A line that is asked for, for a Debian."""
    platform = f"linux/{arch}"
    base = Base(id=f"debian={debian}@{platform}", axis="debian", value=debian, platform=platform)
    return ReleaseLineRequest(
        line=line, base=base, lock=LOCK, options=options, axis=axis, axes=axes or {}
    )


def mirrored(address: str, *, login: str = "", ca: str = "", **more: str) -> Network:
    """A network in which every source is a folder of one host, named after it."""
    start = f"http://{login + '@' if login else ''}{address}"
    mirrors = {name: f"{start}/{name}" for name in UPSTREAM} | more
    return Network(ca=ca, mirrors=mirrors)


NOBODY = "127.0.0.1:1"
"""Where nobody listens."""


def nowhere(folder: Path) -> Fetcher:
    """What asks where nobody listens."""
    network = mirrored(NOBODY, login="me:secret")
    return Fetcher(network=network, folder=folder, retry_policy=IMPATIENT)


def _nobody(_base: Base, _lock: BaseLock) -> Any:
    raise AssertionError("no base is asked for")


def _anywhere(recipe: str, _package: str) -> Location:
    return Location(file=f"images/{recipe}/recipe.yaml")


def tools(fetcher: Fetcher, runner: Runner, address: str) -> ResolverTools:
    """What resolvers and providers work with, where every source is a folder of one host."""
    return ResolverTools(
        fetcher=fetcher, runner=runner, network=mirrored(address), state=StateDir(fetcher.folder),
        apt_root=_nobody, locate=_anywhere,
    )  # fmt: skip


class Upstream:
    """Every source, on one host: what is at `<source>/<path>` is in `files`."""

    def __init__(self, server: Registry, folder: Path) -> None:
        self.files: dict[str, tuple[str, bytes]] = {}
        self.server = server
        self.folder = folder
        server.script = self._answer

    def serve(self, path: str, data: bytes | str, kind: str = "application/octet-stream") -> None:
        """Have something there."""
        self.files[f"/{path}"] = (kind, data.encode() if isinstance(data, str) else data)

    def fetcher(
        self,
        *,
        retry_policy: RetryPolicy = IMPATIENT,
        progress: Progress | None = None,
        login: str = "",
    ) -> Fetcher:
        """What asks it."""
        return Fetcher(
            network=mirrored(self.server.address, login=login),
            folder=self.folder,
            retry_policy=retry_policy,
            progress=progress,
        )

    def _answer(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        if path not in self.files:
            return 404, {}, b""
        kind, data = self.files[path]
        return 200, {"Content-Type": kind}, data
