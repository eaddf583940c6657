"""Lines that come from a distribution's archive, resolved by apt itself.

apt runs on this machine in a private root, made of what the base says of itself: its sources,
its keys, its package status. Nothing of this machine's own packages is looked at.
"""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from builder.config.parse import Network
from builder.errors import ConfigError, StepError
from builder.fingerprint import sha256
from builder.network import proxies, replace_urls
from builder.ports import LineRequest, ResolvedLine
from builder.process import Command, Runner
from builder.workspace import write

_TAKEN = re.compile(
    r"(\./)?(etc/apt/(sources\.list(\.d/.*)?|trusted\.gpg\.d/.*)"
    r"|usr/share/keyrings/.*|var/lib/dpkg/status(\.d/.*)?)"
)
_EXACT = re.compile(r"(?:\d+:)?(\d+\.\d+(?:\.\d+)?)")


class AptRoot:
    """A private root of apt in `folder`, for the packages of one base."""

    def __init__(
        self, *, folder: Path, architecture: str, runner: Runner, network: Network
    ) -> None:
        self._folder = folder
        self._architecture = architecture
        self._runner = runner
        self._network = network

    def prepare(self, archives: Iterable[Path]) -> None:
        """Fill the root from a base's tar archives, lowest layer first."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for name in (
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
            "etc/apt/apt.conf.d",
        ):
            (self._folder / name).mkdir(parents=True)
        for archive in archives:
            self._take(archive)
        status = self._folder / "var/lib/dpkg/status"
        if not status.exists():
            write(status, b"")
        for source in self._sources():
            text = replace_urls(source.read_text(), self._network)
            # Keys are named by absolute path; those of the base are meant.
            text = re.sub(r"(?im)^(signed-by:\s*|.*signed-by=)/", rf"\g<1>{self._folder}/", text)
            write(source, text.encode())
        write(self._folder / "apt.conf", self._configuration().encode())

    def _take(self, archive: Path) -> None:
        """Copy what apt needs out of an archive; a link becomes what it names."""
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                parts = PurePosixPath(member.name).parts
                if _TAKEN.fullmatch(member.name) and not member.isdir() and ".." not in parts:
                    content = tar.extractfile(member)
                    if content is not None:
                        write(self._folder.joinpath(*parts), content.read())

    def update(self) -> dict[str, str]:
        """Fetch the indexes; the sha256 of each suite's InRelease file. None without sources."""
        if not self._sources():
            return {}
        self._run("apt-get", "update", "--quiet", "--error-on=any")
        lists = self._folder / "var/lib/apt/lists"
        found = {
            path.name.removesuffix("_InRelease").split("_dists_")[-1]: sha256(path.read_bytes())
            for path in sorted(lists.glob("*InRelease"))
        }
        if not found:
            raise StepError("apt found no signed index", hint=f"see the sources in {self._folder}")
        return found

    def candidate(self, package: str) -> str:
        """The version of a package that would be installed."""
        text = self._run("apt-cache", "show", "--no-all-versions", package, check=False)
        match = re.search(r"^Version: (\S+)", text, re.MULTILINE)
        if match is None:
            raise StepError(f"there is no package {package} for this base")
        return match[1]

    def _sources(self) -> list[Path]:
        folder = self._folder / "etc/apt"
        return [
            path for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*"))]
            if path.is_file()
        ]  # fmt: skip

    def _configuration(self) -> str:
        lines = [
            f'Dir "{self._folder}";',
            f'Dir::State::status "{self._folder}/var/lib/dpkg/status";',
            'Dir::Bin::Methods "/usr/lib/apt/methods";',
            f'APT::Architecture "{self._architecture}";',
            f'APT::Architectures {{ "{self._architecture}"; }};',
            'APT::Sandbox::User "root";',
            'Acquire::Languages "none";',
            'Acquire::GzipIndexes "true";',
        ]
        if self._network.ca:
            lines.append(f'Acquire::https::CAInfo "{self._network.ca}";')
        return "\n".join(lines) + "\n"

    def _run(self, *argv: str, check: bool = True) -> str:
        environment = {"APT_CONFIG": str(self._folder / "apt.conf"), **proxies(self._network)}
        command = Command(argv=argv, env=environment, timeout=300)
        return self._runner.run(command, check=check).stdout


class AptLines:
    """The provider `apt`: a line is the version of a package of the base's archive."""

    def __init__(self, *, roots: Mapping[str, AptRoot]) -> None:
        self._roots = roots

    def lines(self, request: LineRequest) -> tuple[str, ...]:
        """The one version of `options["package"]` that the archive offers."""
        return (self.resolve(request).version,)

    def resolve(self, request: LineRequest) -> ResolvedLine:
        """The version of `options["package"]` on the base, without Debian's revision."""
        options = request.options
        if "package" not in options:
            raise ConfigError(
                "provider apt needs a package", hint="provides: {AXIS: {apt: {package: …}}}"
            )
        version = self._roots[request.base.id].candidate(options["package"])
        match = _EXACT.match(version)
        if match is None:
            raise StepError(f"{options['package']} has version {version}, which is no release")
        return ResolvedLine(version=match[1])
