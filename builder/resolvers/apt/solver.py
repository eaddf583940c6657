"""What apt would install, and what it knows of packages, asked in a private root."""

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
# What cannot be installed, and why: further reasons of a package stand below its first.
_UNMET = (
    r"^ (\S+) : ((?:(?:Pre)?Depends|Conflicts|Breaks): .*"
    r"(?:\n {2,}(?:(?:Pre)?Depends|Conflicts|Breaks): .*)*)"
)


class UnsolvableError(StepError):
    """apt finds no way to install what it is asked for; `packages` are those that it names."""

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
    """Asks apt in a root whose indexes are there."""

    def __init__(self, root: AptRoot) -> None:
        self.root = root

    def candidates(self, packages: Iterable[str], pins: str = "") -> dict[str, Candidate]:
        """Return what would be installed of packages, by name; not those without a candidate.

        `pins` are preferences as apt_preferences(5) has them.
        """
        names = sorted(filter(self.root.has, set(packages)))
        if not names:
            return {}
        with self._preferences(pins) as options:
            text = self.root.ask("apt-cache", *options, "policy", *names).stdout
        found = {}
        for block in re.split(r"^(?=\S+:\n)", text, flags=re.MULTILINE):
            match = re.match(r"(\S+):\n  Installed: .*\n  Candidate: (?!\(none\))(\S+)", block)
            if match:
                found[match[1]] = Candidate(version=match[2], suites=_suites(block, match[2]))
        return found

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
        """Return what the indexes say of packages in these versions, by name, if they have them."""
        known = {name: versions[name] for name in filter(self.root.has, sorted(versions))}
        if not known:
            return {}
        wanted = [f"{name}={version}" for name, version in known.items()]
        text = self.root.ask("apt-cache", "show", *wanted).stdout
        paragraphs = [f"{paragraph.strip()}\n" for paragraph in text.split("\n\n")]
        found: dict[str, str] = {}
        for paragraph in paragraphs:
            fields = dict(re.findall(r"^(Package|Version): (\S+)", paragraph, re.MULTILINE))
            # A version may have been taken for a pattern.
            name = fields.get("Package", "")
            if name in known and known[name] == fields.get("Version"):
                found.setdefault(name, paragraph)
        return found

    def archives(self) -> dict[str, str]:
        """Return the URL of the archive of each suite, with a slash at its end and any login."""
        return self.root.archives()

    def solve(
        self, packages: Sequence[str], *, installed: str = "", pins: str = ""
    ) -> tuple[AptFile, ...]:
        """Return what apt would fetch to install packages, by name or path of a file.

        `installed` are paragraphs of packages that are there beside the base's; `pins` are
        preferences. Nothing is removed for it. Every name must be one that the root `has`. Raises
        UnsolvableError with what apt says.
        """
        with self._preferences(pins) as options, tempfile.TemporaryDirectory() as folder:
            status = Path(folder) / "status"
            # An empty paragraph is none for apt.
            own = f"{self.root.status.strip()}\n\n".lstrip()
            write(status, f"{own}{installed}".encode(), lasting=False)
            output = self.root.ask(
                "apt-get", "install", "--quiet=2", "--print-uris", "--no-install-recommends",
                "--no-remove", *options, "-o", "Acquire::ForceHash=SHA256",
                "-o", f"Dir::State::status={status}", *packages,
            )  # fmt: skip
        if output.code != 0:
            said = re.findall(r"^E: (.*)", output.log, re.MULTILINE) or [output.log.strip()]
            depends = re.findall(_UNMET, output.log, re.MULTILINE)
            reasons = [f"{name} : {' '.join(why.split())}" for name, why in depends]
            raise UnsolvableError(
                "apt cannot choose: " + "; ".join([*reasons, *said]),
                packages=[name.partition(":")[0] for name, _ in depends],
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
    found = re.findall(
        r"^ +-?\d+ \S+://\S+ (\S*?)(?:/\S*)? ", entry[1] if entry else "", re.MULTILINE
    )
    return tuple(dict.fromkeys(suite or "/" for suite in found))


def _apt_file(found: tuple[str, str, str]) -> AptFile:
    url, file, digest = found
    name, version, _ = unquote(file).split("_")
    return AptFile(name=name, version=version, url=unquote(url), sha256=digest)
