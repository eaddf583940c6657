"""Finds the advisories that hold for packages. Pure, but for where the advisories come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from packageurl import PackageURL

from builder.catalog.security import MALICIOUS, SEVERITIES
from builder.gate.advisories import Advisory, Range, normalized
from builder.gate.versions import Key, key_of, semantic_key

_RELEASES = {
    "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14", "duke": "15",
}  # fmt: skip
_BY_TYPE = {
    "pypi": "PyPI", "npm": "npm", "cran": "CRAN", "maven": "Maven", "golang": "Go",
    "julia": "Julia",
}  # fmt: skip
RANKS: Mapping[str, int] = MappingProxyType(
    {name: rank for rank, name in enumerate((MALICIOUS, *SEVERITIES))}
)
"""The severities, by how bad they are: the worst first."""
# At one version, a fix counts before what is introduced again there.
_RANKS = {"fixed": 0, "introduced": 1, "last_affected": 2}


@dataclass(frozen=True, kw_only=True)
class Query:
    """A package as advisories name it: of Debian, that is the source package and its version."""

    ecosystem: str
    name: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Match:
    """An advisory that holds for a package; `fixed` is the first version without it, or ""."""

    advisory: Advisory
    fixed: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Advisories of one vulnerability that hold for a package.

    `id` is a CVE, if any is; `ids` are all names that it has.
    """

    id: str
    ids: tuple[str, ...]
    severity: str
    day: str
    fixed: str
    summary: str
    query: Query


class Advisories(Protocol):
    """Returns advisories by package."""

    def of(self, ecosystem: str, name: str) -> Sequence[Advisory]:
        """Return those of a package in an ecosystem, which may have a release."""


def query_of(purl: str, source_purl: str = "") -> Query | None:
    """Return what to ask for a package, or None where no ecosystem of advisories has it.

    `source_purl` is that of the source package, where the document has it. Raises ValueError for
    what is no package URL.
    """
    url = PackageURL.from_string(purl)
    qualifiers = url.qualifiers if isinstance(url.qualifiers, dict) else {}
    version = url.version or ""
    if url.type == "deb":
        release = _release(str(qualifiers.get("distro", "")))
        if url.namespace != "debian" or not version:
            return None
        name = url.name
        if source_purl:
            source = PackageURL.from_string(source_purl)
            name, version = source.name, source.version or version
        elif upstream := qualifiers.get("upstream"):  # as other programs write it
            name, _, its_version = upstream.partition("@")
            version = its_version or version
        return Query(
            ecosystem=f"Debian:{release}" if release else "Debian", name=name, version=version
        )
    ecosystem = _BY_TYPE.get(url.type, "")
    if not ecosystem or not version:
        return None
    sign = ":" if ecosystem == "Maven" else "/"
    name = sign.join(filter(None, (url.namespace, url.name)))
    return Query(ecosystem=ecosystem, name=normalized(name, ecosystem), version=version)


def _release(distro: str) -> str:
    name = distro.removeprefix("debian-").partition(".")[0]
    return _RELEASES.get(name, name if name.isdecimal() else "")


def findings_of(query: Query, advisories: Advisories) -> tuple[Finding, ...]:
    """Return what holds for a package, each vulnerability once, by its id."""
    ecosystem = query.ecosystem.partition(":")[0]
    known = [*advisories.of(query.ecosystem, query.name)]
    if ecosystem != query.ecosystem:
        known += advisories.of(ecosystem, query.name)
    matches = [
        Match(advisory=advisory, fixed=fixed)
        for advisory in known
        if (fixed := affected(query, advisory)) is not None
    ]
    return tuple(sorted(_grouped(query, matches), key=lambda finding: finding.id))


def affected(query: Query, advisory: Advisory) -> str | None:
    """Return the first version without a vulnerability, "" if there is none; None if unaffected.

    A range that cannot be read holds: what cannot be excluded is reported.
    """
    is_listed = query.version in advisory.versions
    is_hit, fixes = is_listed, list[tuple[Key, str]]()
    for one in advisory.ranges:
        try:
            is_in, fixed = _in_range(query, one)
        except (ValueError, TypeError):
            is_in, fixed = not advisory.versions, None
        is_hit |= is_in
        if fixed is not None and (is_in or is_listed):
            fixes.append(fixed)
    if not is_hit:
        return None
    return min(fixes, key=lambda item: item[0])[1] if fixes else ""


def _in_range(query: Query, one: Range) -> tuple[bool, tuple[Key, str] | None]:
    """Return whether a version is in a range, and the first fix above it."""

    def key(version: str) -> Key:
        return semantic_key(version) if one.is_semantic else key_of(version, query.ecosystem)

    own = key(query.version)
    limits = [version for kind, version in one.events if kind == "limit"]
    is_limited = bool(limits) and not any(text == "*" or own < key(text) for text in limits)
    zero = [(kind, version) for kind, version in one.events if version == "0"]
    events = [
        (key(version), _RANKS[kind], kind, version)
        for kind, version in one.events
        if kind in _RANKS and version != "0"
    ]
    is_in = any(kind == "introduced" for kind, _ in zero)
    fixed: tuple[Key, str] | None = None
    for at, _rank, kind, version in sorted(events, key=lambda event: (event[0], event[1])):
        if kind == "introduced":
            is_in |= own >= at
        elif (kind == "fixed" and own >= at) or (kind == "last_affected" and own > at):
            is_in = False
        if kind == "fixed" and own < at and fixed is None:
            fixed = (at, version)
    return is_in and not is_limited, fixed


def _grouped(query: Query, matches: Sequence[Match]) -> Iterator[Finding]:
    """Yield a finding for each set of advisories that share an id or an alias."""
    groups: list[tuple[set[str], list[Match]]] = []
    for match in matches:
        ids, members = {match.advisory.id, *match.advisory.ids}, [match]
        for group in [group for group in groups if group[0] & ids]:
            ids |= group[0]
            members += group[1]
            groups.remove(group)
        groups.append((ids, members))
    for ids, members in groups:
        yield _finding(query, ids, members)


def _finding(query: Query, ids: set[str], members: Iterable[Match]) -> Finding:
    known = sorted(members, key=lambda match: match.advisory.id)
    names = {*ids, *(text for match in known for text in match.advisory.upstream)}
    shown = sorted(names, key=lambda text: (not text.startswith(("MAL-", "CVE-")), text))
    worst = min(known, key=lambda match: RANKS[match.advisory.severity])
    fixes = [match.fixed for match in known if match.fixed]
    return Finding(
        id=shown[0],
        ids=tuple(sorted(names)),
        severity=worst.advisory.severity,
        day=min((match.advisory.day for match in known if match.advisory.day), default=""),
        fixed=fixes[0] if fixes else "",
        summary=next((match.advisory.summary for match in known if match.advisory.summary), ""),
        query=query,
    )
