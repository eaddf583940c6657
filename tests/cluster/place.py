"""Where a cluster for tests keeps its files, and which addresses it has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "cluster"
STATE = BUILD / "run"
"""The files of the cluster that runs: removed with it."""
MIRROR_PORT = 5000


@dataclass(frozen=True, kw_only=True)
class Place:
    """The folders and the addresses of one cluster. Two checkouts have different ones."""

    minor: str
    state: Path = STATE

    @property
    def programs(self) -> Path:
        """The folder with the parts of Kubernetes."""
        return BUILD / self.minor

    @property
    def names(self) -> Path:
        """The program that answers for names, CoreDNS."""
        return BUILD / "coredns"

    @property
    def debian(self) -> Path:
        """The folder with the unpacked packages of Debian."""
        return BUILD / "debian"

    @property
    def kubeconfig(self) -> Path:
        """The file by which clients reach the cluster, as its administrator."""
        return self.state / "kubeconfig"

    @property
    def name(self) -> str:
        """The name of its network link and its control groups."""
        return f"cluster{self._digest().hex()[:6]}"

    @property
    def network(self) -> str:
        """The first two numbers of all its addresses."""
        return f"10.{200 + self._digest()[0] % 50}"

    @property
    def outside(self) -> str:
        """The address of this machine, as the cluster sees it."""
        return f"{self.network}.0.1"

    @property
    def address(self) -> str:
        """The address of the cluster, on which its API, names and Ingresses answer."""
        return f"{self.network}.0.2"

    @property
    def services(self) -> str:
        """The addresses of Services. The first is that of the API."""
        return f"{self.network}.128.0/20"

    @property
    def api_service(self) -> str:
        """The address of the API inside of pods."""
        return f"{self.network}.128.1"

    def pods(self, node: int) -> str:
        """Return the addresses of the pods of a node."""
        return f"{self.network}.{node}.0/24"

    def _digest(self) -> bytes:
        return hashlib.sha256(str(self.state).encode()).digest()
