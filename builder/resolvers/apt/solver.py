"""Ask apt, in a private root, what it would install and what it knows of packages."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from builder.common.errors import StepError
from builder.common.files import write
from builder.resolvers.apt.root import AptRoot

_URI = re.compile(r"^'([^']+)' (\S+_\S+_\S+) \d+ SHA256:([0-9a-f]{64})", re.MULTILINE)
# What cannot be installed, and why: further reasons of a package follow on lines of their own.
_UNMET = (
    r"^ (\S+) : ((?:(?:Pre)?Depends|Conflicts|Breaks): .*"
    r"(?:\n {2,}(?:(?:Pre)?Depends|Conflicts|Breaks): .*)*)"
)


class UnsolvableError(StepError):
    """apt cannot install the packages; `packages` are those that its message names."""

    def __init__(self, message: str, *, packages: Sequence[str]) -> None:
        super().__init__(message)
        self.packages = frozenset(packages)


@dataclass(frozen=True, kw_only=True)
class AptFile:
    """A package that apt would fetch; `url` is of the archive, or of its mirror."""

    name: str
    version: str
    url: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The version that would be installed, and the suites that have it (`/`: a flat archive)."""

    version: str
    suites: tuple[str, ...]


class AptSolver:
    """Asks apt in a root that has its indexes."""

    def __init__(self, root: AptRoot) -> None:
        self.root = root

    def candidates(self, packages: Iterable[str], pins: str = "") -> dict[str, Candidate]:
        """Return the candidates of packages by name, without packages that have none.

        `pins` are preferences in the format of apt_preferences(5).
        """
        names = sorted(filter(self.root.has, set(packages)))
        if not names:
            return {}
        with self._preferences(pins) as options:
            text = self.root.ask("apt-cache", *options, "policy", "--", *names).stdout
        candidates = {}
        for block in re.split(r"^(?=\S+:\n)", text, flags=re.MULTILINE):
            match = re.match(r"(\S+):\n  Installed: .*\n  Candidate: (?!\(none\))(\S+)", block)
            if match:
                candidates[match[1]] = Candidate(version=match[2], suites=_suites(block, match[2]))
        return candidates

    def newer(self) -> tuple[str, ...]:
        """Return the base's own packages that the indexes have newer: `name old → new`."""
        installed = dict(
            re.findall(r"^Package: (\S+)\n(?:.+\n)*?Version: (\S+)", self.root.status, re.MULTILINE)
        )
        candidates = self.candidates(installed)
        return tuple(
            f"{name} {version} → {candidates[name].version}"
            for name, version in installed.items()
            if name in candidates and candidates[name].version != version
        )

    def records(self, versions: Mapping[str, str]) -> dict[str, str]:
        """Return the index records of packages in these versions, by name, if there are any."""
        known_versions = {name: versions[name] for name in filter(self.root.has, sorted(versions))}
        if not known_versions:
            return {}
        arguments = [f"{name}={version}" for name, version in known_versions.items()]
        text = self.root.ask("apt-cache", "show", "--", *arguments).stdout
        paragraphs = [f"{paragraph.strip()}\n" for paragraph in text.split("\n\n")]
        records: dict[str, str] = {}
        for paragraph in paragraphs:
            fields = dict(re.findall(r"^(Package|Version): (\S+)", paragraph, re.MULTILINE))
            # apt may have read a version as a pattern.
            name = fields.get("Package", "")
            if name in known_versions and known_versions[name] == fields.get("Version"):
                records.setdefault(name, paragraph)
        return records

    def archives(self) -> dict[str, str]:
        """Return the URL of the archive of each suite, with a slash at its end and any login."""
        return self.root.archives()

    def solve(
        self, packages: Sequence[str], *, installed: str = "", pins: str = ""
    ) -> tuple[AptFile, ...]:
        """Return what apt would fetch to install packages, by name or path of a file.

        `installed` are records of packages that are installed in addition to the base's; `pins` are
        preferences. Nothing is removed. Every name must be one that the root `has`. Raises
        UnsolvableError with apt's message.
        """
        with self._preferences(pins) as options, tempfile.TemporaryDirectory() as folder:
            status = Path(folder) / "status"
            # apt does not accept an empty paragraph.
            base_status = f"{self.root.status.strip()}\n\n".lstrip()
            write(status, f"{base_status}{installed}".encode(), lasting=False)
            output = self.root.ask(
                "apt-get", "install", "--quiet=2", "--print-uris", "--no-install-recommends",
                "--no-remove", *options, "-o", "Acquire::ForceHash=SHA256",
                "-o", f"Dir::State::status={status}", "--", *packages,
            )  # fmt: skip
        if output.code != 0:
            errors = re.findall(r"^E: (.*)", output.log, re.MULTILINE) or [output.log.strip()]
            unmet = re.findall(_UNMET, output.log, re.MULTILINE)
            reasons = [f"{name} : {' '.join(text.split())}" for name, text in unmet]
            raise UnsolvableError(
                "apt cannot choose: " + "; ".join([*reasons, *errors]),
                packages=[name.partition(":")[0] for name, _ in unmet],
            )
        return tuple(map(_apt_file, _URI.findall(output.stdout)))

    @contextlib.contextmanager
    def _preferences(self, pins: str) -> Iterator[tuple[str, ...]]:
        """Yield the options of apt for preferences."""
        if not pins:
            yield ()
            return
        with tempfile.NamedTemporaryFile("w", suffix=".pref") as file:
            file.write(pins)
            file.flush()
            yield "-o", f"Dir::Etc::preferences={file.name}"


def _suites(block: str, version: str) -> tuple[str, ...]:
    """Return the suites that a version is in, out of what `apt-cache policy` prints."""
    entry = re.search(
        rf"^ (?:\*\*\*|   ) {re.escape(version)} -?\d+\n((?: {{8}}.*\n?)*)", block, re.MULTILINE
    )
    suites = re.findall(
        r"^ +-?\d+ \S+://\S+ (\S*?)(?:/\S*)? ", entry[1] if entry else "", re.MULTILINE
    )
    return tuple(dict.fromkeys(suite or "/" for suite in suites))


def _apt_file(match: tuple[str, str, str]) -> AptFile:
    url, file, digest = match
    name, version, _ = unquote(file).split("_")
    return AptFile(name=name, version=version, url=unquote(url), sha256=digest)
