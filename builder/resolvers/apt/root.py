"""A private root in which apt runs on this machine for the packages of one base.

It has the base's own sources, keys and package status. This machine's packages play no part.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import shutil
import tarfile
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, unquote, urlsplit

from builder.catalog.models import Network
from builder.catalog.packages import Suite
from builder.common.archives import content, members, opened
from builder.common.errors import ConfigError, StepError, UnreachableError
from builder.common.files import write
from builder.common.hashing import sha256
from builder.common.limits import ARCHIVE_TEXT, PROGRAM_MEMORY, safe_join
from builder.common.patterns import whole_matches
from builder.common.process import Command, Output, Runner
from builder.network.build_env import proxies, replace_urls
from builder.network.upstreams import without_credentials

_TAKEN = re.compile(
    r"(etc/apt/(sources\.list(\.d/.*)?|trusted\.gpg\.d/.*)"
    r"|usr/share/keyrings/.*|var/lib/dpkg/status(\.d/.*)?)"
)
_LINKS = 10  # the longest chain of links that is followed


@dataclass(frozen=True, kw_only=True)
class AptSource:
    """A source of packages that apt gets in addition to a base's own.

    Either `components` that every suite of the base's archive is asked for too, or one more
    `repository`, as it stands in sources.list after its options (its URL may hold credentials),
    with the file of its `key`, which must have the `fingerprint` where there is one.
    """

    name: str
    components: tuple[str, ...] = ()
    repository: str = ""  # URL SUITE [COMPONENT…]
    key: Path | None = None
    fingerprint: str = ""


class BehindError(UnreachableError):
    """An archive has older indexes than the lock: no package is chosen from it."""


class AptRoot:
    """A private root of apt in `folder`, for the packages of one base.

    If its indexes are older than the lock, every question about packages raises BehindError. Names
    are exact, and never patterns of apt (see `has`).
    """

    def __init__(
        self, *, folder: Path, architecture: str, runner: Runner, network: Network
    ) -> None:
        self._folder = folder
        self._architecture = architecture
        self._runner = runner
        self._network = network
        self._lock = threading.Lock()
        self._others: dict[AptSource, AptRoot] = {}
        self._behind: BehindError | None = None
        self._keeps_indexes = False
        self._names: dict[bool, frozenset[str]] = {}

    def prepare(self, archives: Iterable[Path], *, keeps_indexes: bool = False) -> None:
        """Fill the root from a base's tar archives, lowest layer first.

        With `keeps_indexes`, an index that is here is fetched again only if it changed; an archive
        that went back to older indexes is not noticed then.
        """
        self._behind = None
        self._keeps_indexes = keeps_indexes
        self._names.clear()
        self._clear()
        for name in (
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
            "etc/apt/apt.conf.d",
            "etc/apt/preferences.d",
        ):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        for archive in archives:
            self._take(archive)
        status = self._folder / "var/lib/dpkg/status"
        if not status.exists():
            write(status, b"")
        for source in self._sources():
            text = replace_urls(source.read_text(), self._network)
            write(source, self._with_own_keys(text).encode())
        write(self._folder / "apt.conf", self._configuration().encode())

    def with_source(self, source: AptSource) -> AptRoot:
        """Return a root of the same base with one more source; its indexes are fetched once."""
        with self._lock:
            if source not in self._others:
                root = AptRoot(
                    folder=self._folder.with_name(f"{self._folder.name}.{source.name}"),
                    architecture=self._architecture,
                    runner=self._runner,
                    network=self._network,
                )
                root._keeps_indexes = self._keeps_indexes
                root._copy(self._folder, source)
                root.update(only=source)
                root._behind = self._behind
                self._others[source] = root
            return self._others[source]

    def _clear(self) -> None:
        """Delete the content of the base, and apt's indexes and caches unless they are kept."""
        for name in ("etc", "usr") if self._keeps_indexes else ("",):
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def _copy(self, other: Path, source: AptSource) -> None:
        """Copy another root, and add a source."""
        self._clear()
        # With its indexes: those are not fetched again.
        ignore = shutil.ignore_patterns("*pkgcache.bin")
        shutil.copytree(other, self._folder, symlinks=True, dirs_exist_ok=True, ignore=ignore)
        for path in self._sources():
            text = path.read_text().replace(f"{other}/", f"{self._folder}/")
            write(path, add_components(text, source.components).encode())
        if source.repository:
            self._add(source)
        write(self._folder / "apt.conf", self._configuration().encode())

    def _add(self, source: AptSource) -> None:
        """Add a repository. Its credentials go to auth.conf: apt misreads some in a URL."""
        url, _, suite = source.repository.partition(" ")
        parts = urlsplit(url)
        if parts.username:
            login = (unquote(parts.username), unquote(parts.password or ""))
            if any(re.search(r"\s", word) for word in login):
                raise ConfigError(
                    "apt accepts no blank in a user name or password",
                    hint=f"network.mirrors: {source.name}",
                )
            url = without_credentials(url)
            words = f"machine {url} login {login[0]} password {login[1]}\n"
            write(self._folder / "etc/apt/auth.conf", words.encode(), 0o600)
        signed = ""
        if source.key is not None:
            key_file = self._folder / f"etc/apt/trusted.gpg.d/{source.name}.asc"
            write(key_file, source.key.read_bytes())
            signed = f"[signed-by={source.fingerprint or key_file}] "
        line = f"deb {signed}{url} {suite}\n"
        write(self._folder / f"etc/apt/sources.list.d/{source.name}.list", line.encode())

    def _take(self, archive: Path) -> None:
        """Copy the files that apt needs from an archive; a link becomes a copy of its target.

        The archive may be a stranger's: no name and no link of it leads out of the root.
        """
        what = f"the base's archive {archive.name}"
        with opened(archive, what) as tar:
            kinds = {_path(member): _target(member) for member in members(tar)}
        copies: dict[str, list[str]] = {}  # the names that a file gets, by its path in the archive
        for path in filter(_TAKEN.fullmatch, kinds):
            target: str | None = path
            for _ in range(_LINKS):
                if target is None or not kinds.get(target):
                    break
                target = kinds[target]
            if target is not None and kinds.get(target) == "":
                copies.setdefault(target, []).append(path)
        with opened(archive, what) as tar:
            for member in members(tar):
                if names := copies.get(_path(member), ()):
                    data = content(tar, member, ARCHIVE_TEXT)
                    for name in names:
                        write(safe_join(self._folder, name, what), data)

    def update(
        self,
        previous: Mapping[str, Suite] = MappingProxyType({}),
        only: AptSource | None = None,
    ) -> dict[str, Suite]:
        """Fetch the indexes and return their suites; empty without sources.

        With `only`, the indexes of that source alone are fetched. Raises BehindError if an index is
        older than in `previous`.
        """
        if not self._sources():
            return {}
        self._names.clear()
        deferred = ("-o", "pkgCacheFile::Generate=false") if self._keeps_indexes else ()
        source_list = self._folder / f"etc/apt/sources.list.d/{only.name}.list" if only else None
        only_options = (
            "-o", f"Dir::Etc::sourcelist={source_list}", "-o", "Dir::Etc::sourceparts=/dev/null",
            "-o", "APT::Get::List-Cleanup=0",
        ) if source_list and source_list.is_file() else ()  # fmt: skip
        self._fetch("apt-get", "update", "--quiet", "--error-on=any", *deferred, *only_options)
        if deferred:
            # apt keeps its cache until an index changes, or a source is younger.
            for source in self._sources():
                os.utime(source, (0, 0))
            self._fetch("apt-cache", "gencaches")
        lists = self._folder / "var/lib/apt/lists"
        suites = {
            path.name.removesuffix("_InRelease").split("_dists_")[-1]: suite(path.read_bytes())
            for path in sorted(lists.glob("*InRelease"))
        }
        if not suites:
            raise StepError("apt found no signed index", hint=f"see the sources in {self._folder}")
        for name, current in suites.items():
            if current.date and name in previous and current.date < previous[name].date:
                self._behind = _behind(name, current.date, previous[name].date)
                raise self._behind
        return suites

    def archives(self) -> dict[str, str]:
        """Return the URL of the archive of each suite, with a slash at its end and any login."""
        text = self._fetch("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)")
        return dict(line.split(" ", 1) for line in text.splitlines() if " " in line)

    def candidate(self, package: str) -> str:
        """Return the version of a package that would be installed, or ""."""
        if not self.has(package):
            return ""
        text = self._run("apt-cache", "policy", "--", package, check=False)
        match = re.search(r"^  Candidate: (?!\(none\))(\S+)", text, re.MULTILINE)
        return match[1] if match else ""

    def names(self, pattern: str) -> tuple[str, ...]:
        """Return the packages whose whole name a regular expression matches. Raises ConfigError."""
        return whole_matches(pattern, sorted(self.package_names))

    @property
    def package_names(self) -> frozenset[str]:
        """The names of all packages that there are, without virtual ones."""
        return self._package_names(with_virtual=False)

    def has(self, package: str, *, with_virtual: bool = True) -> bool:
        """Return whether a package of exactly this name is known; `:ARCH` may follow it.

        Every name must pass this before a program of apt gets it: of what it does not know, apt
        makes a regular expression, a pattern, a task, or a package to be removed.
        """
        name, colon, arch = package.partition(":")
        if colon and arch != self._architecture:
            return False
        return name in self._package_names(with_virtual=with_virtual)

    def missing(self, packages: Iterable[str]) -> tuple[str, ...]:
        """Return the packages that cannot be installed: no archive has them under these names."""
        names = sorted(set(packages))
        known_names = [name for name in names if self.has(name, with_virtual=False)]
        text = ""
        if known_names:
            text = self._run("apt-cache", "policy", "--", *known_names, check=False)
        installable = set(
            re.findall(r"^(\S+):\n  Installed: .*\n  Candidate: (?!\(none\))", text, re.M)
        )
        return tuple(
            name
            for name in names
            if name not in installable and name.partition(":")[0] not in installable
            # Of several, apt chooses none.
            if len(self.providers(name)) != 1
        )

    def providers(self, package: str) -> tuple[str, ...]:
        """Return the packages that provide a virtual one, sorted."""
        if not self.has(package):
            return ()
        text = self._run("apt-cache", "showpkg", "--", package, check=False)
        lines = text.partition("Reverse Provides:")[2].split("\n\n")[0].splitlines()
        return tuple(sorted({line.split()[0] for line in lines if line.strip()}))

    def _package_names(self, *, with_virtual: bool) -> frozenset[str]:
        if with_virtual not in self._names or self._behind:
            options = ("--all-names",) if with_virtual else ()
            self._names[with_virtual] = frozenset(
                self._run("apt-cache", "pkgnames", *options).split()
            )
        return self._names[with_virtual]

    def _sources(self) -> list[Path]:
        folder = self._folder / "etc/apt"
        return [
            path for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*"))]
            if path.is_file()
        ]  # fmt: skip

    def _with_own_keys(self, text: str) -> str:
        """Return a source with the base's keys, which it names by absolute path.

        apt reads no path with a blank there: below such a folder, all keys of the base are trusted.
        """
        if not re.search(r"\s", str(self._folder)):
            prefix = f"{self._folder}/"
            return re.sub(
                r"(?im)^(signed-by:\s*|.*signed-by=)/", lambda match: match[1] + prefix, text
            )
        trusted = self._folder / "etc/apt/trusted.gpg.d"
        for paths in re.findall(r"(?im)signed-by[:=]\s*(/[^\]\n]*)", text):
            for key in map(Path, re.split(r"[\s,]+", paths)):
                path = (self._folder / str(key).lstrip("/")).resolve()
                if path.is_file() and path.is_relative_to(self._folder.resolve()):
                    suffix = ".asc" if path.suffix == ".asc" else ".gpg"
                    write(trusted / f"{path.stem}{suffix}", path.read_bytes())
        text = re.sub(r"(?im)^signed-by:.*\n?", "", text)
        return re.sub(r"\[\s*signed-by=/[^\s\]]*\s*\]\s*|\s*signed-by=/[^\s\]]*", "", text)

    def _configuration(self) -> str:
        # Without quotes apt reads it as it does a URL; between quotes it could hold none.
        folder = quote(str(self._folder))
        lines = [
            f"Dir {folder};",
            f"Dir::State::status {folder}/var/lib/dpkg/status;",
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

    @property
    def status(self) -> str:
        """The status file of dpkg, with the base's own packages."""
        return (self._folder / "var/lib/dpkg/status").read_text()

    def ask(self, *argv: str) -> Output:
        """Run a program of apt in this root and return its output, even if it fails."""
        return self._output(*argv, check=False)

    def _run(self, *argv: str, check: bool = True) -> str:
        return self._output(*argv, check=check).stdout

    def _output(self, *argv: str, check: bool) -> Output:
        if self._behind:
            raise self._behind
        return self._runner.run(self._command(*argv), check=check)

    def _fetch(self, *argv: str) -> str:
        return self._runner.run(self._command(*argv)).stdout

    def _command(self, *argv: str) -> Command:
        environment = {"APT_CONFIG": str(self._folder / "apt.conf"), **proxies(self._network)}
        return Command(argv=argv, env=environment, timeout=300, memory=PROGRAM_MEMORY)


def _path(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./")


def _target(member: tarfile.TarInfo) -> str | None:
    """Return the path to which a link leads, "" for a file, None for what is neither."""
    if member.islnk():
        return member.linkname.removeprefix("./")
    if member.issym():
        folder = posixpath.dirname(_path(member))
        return posixpath.normpath(posixpath.join("/", folder, member.linkname)).lstrip("/")
    return "" if member.isreg() else None


def suite(release: bytes) -> Suite:
    """Return the suite that an InRelease file is of."""
    match = re.search(rb"^Date: *(.+)$", release, re.MULTILINE)
    date = ""
    if match:
        with contextlib.suppress(ValueError):
            date_time = parsedate_to_datetime(match[1].decode(errors="replace"))
            date = f"{date_time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Suite(date=date, sha256=sha256(release))


def _behind(name: str, date: str, locked_date: str) -> BehindError:
    return BehindError(
        f"the archive has an older index of {name} ({date}) than the lock ({locked_date})",
        hint="wait until it has caught up, or name another in `network.mirrors`",
    )


def add_components(text: str, components: Iterable[str]) -> str:
    """Return sources of apt, of either form, that ask every suite for more components."""
    more = " ".join(components)
    if not more:
        return text
    text = re.sub(r"(?im)^(Components:.*?)[ \t]*$", rf"\1 {more}", text)
    return re.sub(
        r"(?m)^(deb(?:-src)? (?:\[[^]]*\] )?\S+ \S*[^/\s] .*?)[ \t]*$", rf"\1 {more}", text
    )
