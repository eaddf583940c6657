"""Release lines that are the version of a Debian package, in the base's archive or another."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping

from builder.catalog.models import Base, Network, RemoteFile
from builder.common.errors import ConfigError, StepError
from builder.common.process import Command
from builder.lock.interfaces import ExactVersion, ReleaseLineRequest
from builder.lock.lockfile import BaseLock
from builder.network.fetcher import Fetcher, MissingError
from builder.network.upstreams import CRAN_KEY, NVIDIA_KEYS, source_url, upstream
from builder.resolvers.apt.root import AptRoot, AptSource
from builder.resolvers.interfaces import ProviderDefinition, ResolverTools
from builder.resolvers.versions import arch_of, newest_first, newest_of, no_architecture, option

_EXACT = re.compile(r"(?:\d+:)?(\d+\.\d+(?:\.\d+)?)")
Prepare = Callable[[Base, BaseLock], AptRoot]
CODENAMES = {"11": "bullseye", "12": "bookworm", "13": "trixie", "14": "forky"}


class AptProvider:
    """The provider `apt`: option `package`, whose version is that of the release line.

    If the release line is part of the name, the option `pattern` matches the names of its packages.
    `prepare` returns the private root of apt of a locked base, filled.
    """

    name = "apt"

    def __init__(self, *, prepare: Prepare) -> None:
        self._prepare = prepare

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the exact versions that apt would install, newest first. No pre-releases."""
        root = self.root(request)
        candidates = [root.candidate(name) for name in self._names(request, root)]
        return newest_first(
            match[1] for text in candidates if self._is_own(text) and (match := _EXACT.match(text))
        )

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line. Raises StepError if there is none."""
        versions = self.lines(request)
        return ExactVersion(version=newest_of(request.line, versions, self.name))

    def source(self, request: ReleaseLineRequest) -> AptSource | None:
        """Return the source that apt gets in addition to the base's own, if any."""
        return None

    def root(self, request: ReleaseLineRequest) -> AptRoot:
        """Return the root of apt that knows the packages of the release line."""
        source, root = self.source(request), self._prepare(request.base, request.lock)
        return root if source is None else root.with_source(source)

    def _is_own(self, version: str) -> bool:
        """Whether a version is one of this provider's."""
        return True

    def _names(self, request: ReleaseLineRequest, root: AptRoot) -> tuple[str, ...]:
        pattern = request.options.get("pattern")
        return root.names(pattern) if pattern else (option(request, "package", self.name),)


class DebianProvider(AptProvider):
    """The provider `debian`: the base's archive with more components; options as for `apt`.

    The option `components` names them; without it they are contrib and non-free.
    """

    name = "debian"

    def source(self, request: ReleaseLineRequest) -> AptSource:
        """Return more components of the base's archive."""
        components = request.options.get("components", "contrib non-free").split()
        return AptSource(name="-".join(components), components=tuple(components))


class RepositoryProvider(AptProvider):
    """A signed repository in addition to the base's own; its key is a file of the release line.

    Each is asked once in a run, for all release lines and targets.
    """

    file = ""

    def __init__(self, *, prepare: Prepare, fetcher: Fetcher, network: Network) -> None:
        super().__init__(prepare=prepare)
        self._fetcher = fetcher
        self._network = network
        self._guard = threading.Lock()
        self._repositories: dict[tuple[str, str, str], tuple[AptSource, RemoteFile]] = {}

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line. Raises StepError if there is none."""
        exact = super().resolve(request)
        return ExactVersion(version=exact.version, files=(self._repository_and_key(request)[1],))

    def source(self, request: ReleaseLineRequest) -> AptSource:
        """Return the repository. Raises StepError if it has nothing for the base."""
        return self._repository_and_key(request)[0]

    def _repository_and_key(self, request: ReleaseLineRequest) -> tuple[AptSource, RemoteFile]:
        """Return the repository and its key."""
        url, suite = self._repository(request)
        fingerprint = request.options.get("fingerprint", self._fingerprint(request))
        with self._guard:
            if (url, suite, fingerprint) not in self._repositories:
                repository = self._fetch_repository(request, url, suite, fingerprint)
                self._repositories[url, suite, fingerprint] = repository
            return self._repositories[url, suite, fingerprint]

    def _fetch_repository(
        self, request: ReleaseLineRequest, url: str, suite: str, fingerprint: str
    ) -> tuple[AptSource, RemoteFile]:
        # Asked first, as apt's own message would not say clearly that it is unreachable.
        try:
            self._fetcher.text(f"{url}/{suite}InRelease", "a signed index")
        except MissingError:
            raise self._absent(request) from None
        # A key may get new signatures, so it is downloaded in each run.
        key = self._fetcher.record(self.file, self._key_url(request), again=True)
        source = AptSource(
            name=self.name,
            repository=f"{source_url(url, self._network.mirrors).url} {suite or '/'}",
            key=self._fetcher.file(key),
            fingerprint=fingerprint,
        )
        return source, key

    def _absent(self, request: ReleaseLineRequest) -> StepError:
        return StepError(f"provider {self.name} has nothing for Debian {request.base.value}")

    def _repository(self, request: ReleaseLineRequest) -> tuple[str, str]:
        """Return the URL, and the suite with a slash at its end, or "" for a flat one."""
        raise NotImplementedError

    def _key_url(self, request: ReleaseLineRequest) -> str:
        raise NotImplementedError

    def _fingerprint(self, request: ReleaseLineRequest) -> str:
        raise NotImplementedError


class CranProvider(RepositoryProvider):
    """R from CRAN's repository for Debian; its key is the file `cran.asc`."""

    name = "cran"
    file = "cran.asc"

    def _names(self, request: ReleaseLineRequest, root: AptRoot) -> tuple[str, ...]:
        return (request.options.get("package", "r-base-core"),)

    def _is_own(self, version: str) -> bool:
        """Whether CRAN built it: the base's own archive has R too."""
        return "cran" in version

    def _repository(self, request: ReleaseLineRequest) -> tuple[str, str]:
        return upstream("cran"), f"{_codename(request, self.name)}-cran40/"

    def _key_url(self, request: ReleaseLineRequest) -> str:
        return upstream("cran-key", f"lookup?op=get&options=mr&search=0x{CRAN_KEY}")

    def _fingerprint(self, request: ReleaseLineRequest) -> str:
        return CRAN_KEY


class NvidiaProvider(RepositoryProvider):
    """CUDA from NVIDIA's repository; its key is the file `cuda.asc`.

    The version of a release line is that of its runtime library, whose packages have MAJOR-MINOR
    in their name.
    """

    name = "nvidia"
    file = "cuda.asc"
    _folders: Mapping[str, str] = {"amd64": "x86_64", "arm64": "sbsa"}

    def _names(self, request: ReleaseLineRequest, root: AptRoot) -> tuple[str, ...]:
        return root.names(request.options.get("pattern", r"cuda-cudart-\d+-\d+"))

    def _repository(self, request: ReleaseLineRequest) -> tuple[str, str]:
        arch = arch_of(request)
        if arch not in self._folders:
            raise no_architecture(f"CUDA {request.line}", arch, self._folders, self.name)
        return upstream("nvidia", f"debian{request.base.value}/{self._folders[arch]}"), ""

    def _key_url(self, request: ReleaseLineRequest) -> str:
        return f"{self._repository(request)[0]}/{self._keys(request)[0]}"

    def _fingerprint(self, request: ReleaseLineRequest) -> str:
        return self._keys(request)[1]

    def _keys(self, request: ReleaseLineRequest) -> tuple[str, str]:
        if request.base.value not in NVIDIA_KEYS:
            raise self._absent(request)
        return NVIDIA_KEYS[request.base.value]


def _codename(request: ReleaseLineRequest, provider: str) -> str:
    if request.base.value not in CODENAMES:
        raise ConfigError(f"provider {provider} does not know Debian {request.base.value}")
    return CODENAMES[request.base.value]


def _ask_archive(tools: ResolverTools) -> None:
    """Ask the archive that this machine's own apt uses; most bases use the same."""
    argv = ("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages")
    text = tools.runner.run(Command(argv=argv, timeout=30), check=False).stdout
    for site in dict.fromkeys(text.split()[:1]):
        tools.fetcher.check_reachable(site)


APT = ProviderDefinition(
    name="apt",
    summary="a package of the base's archive",
    provider=lambda tools: AptProvider(prepare=tools.apt_root),
    ask=_ask_archive,
    has_cooldown=True,
    comes_with_base=True,
)
DEBIAN = ProviderDefinition(
    name="debian",
    summary="a package of more components of the base's archive, such as CUDA of non-free",
    provider=lambda tools: DebianProvider(prepare=tools.apt_root),
    ask=_ask_archive,
    has_cooldown=True,
    comes_with_base=True,
)
CRAN = ProviderDefinition(
    name="cran",
    summary="R of CRAN's archive for Debian",
    provider=lambda tools: CranProvider(
        prepare=tools.apt_root, fetcher=tools.fetcher, network=tools.network
    ),
    sources=("cran", "cran-key"),
)
NVIDIA = ProviderDefinition(
    name="nvidia",
    summary="CUDA of NVIDIA's archive",
    provider=lambda tools: NvidiaProvider(
        prepare=tools.apt_root, fetcher=tools.fetcher, network=tools.network
    ),
    sources=("nvidia",),
)
