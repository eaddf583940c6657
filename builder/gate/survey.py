"""Looks for vulnerabilities in what many images contain: each package is asked for once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from builder.catalog.ids import BaseId
from builder.gate.matching import Advisories, Finding, Query, findings_of, query_of
from builder.sbom.model import BASE, Contained


@dataclass(frozen=True, kw_only=True)
class Found:
    """A finding in a package, in one version of it.

    `package` is TYPE/NAME, of the source package where there is one. `brought_by` are the images
    that bring it, `targets` those that have it. `upgrade` are the words for `builder lock
    --upgrade`.
    """

    finding: Finding
    package: str
    brought_by: tuple[str, ...]
    targets: tuple[str, ...]
    upgrade: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """TYPE/NAME@VERSION."""
        return f"{self.package}@{self.finding.query.version}"


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What was found. `asked` and `skipped` are numbers of packages: nobody has advisories for the
    latter, or their version says nothing.
    """

    found: tuple[Found, ...]
    asked: int
    skipped: int

    def by_target(self) -> Mapping[str, frozenset[tuple[str, str]]]:
        """Return the findings of each target: every id, with TYPE/NAME of the package."""
        pairs: dict[str, set[tuple[str, str]]] = {}
        for item in self.found:
            for target in item.targets:
                pairs.setdefault(target, set()).update(
                    (name, item.package) for name in item.finding.ids
                )
        return {target: frozenset(items) for target, items in pairs.items()}


def survey(contained: Iterable[Contained], advisories: Advisories) -> Survey:
    """Return what is known of components that images contain."""
    asked: dict[tuple[str, Query], list[Contained]] = {}
    skipped = 0
    for item in contained:
        try:
            query = query_of(item.component.purl, item.component.source_purl)
        except ValueError:
            query = None
        if query is None:
            skipped += item.component.kind != "container"
            continue
        kind = item.component.purl.removeprefix("pkg:").partition("/")[0]
        asked.setdefault((kind, query), []).append(item)
    found = [
        item
        for (kind, query), items in asked.items()
        for item in _found(kind, query, items, advisories)
    ]
    return Survey(found=tuple(found), asked=len(asked), skipped=skipped)


def _found(
    kind: str, query: Query, items: list[Contained], advisories: Advisories
) -> Iterator[Found]:
    for finding in findings_of(query, advisories):
        yield Found(
            finding=finding,
            package=f"{kind}/{query.name}",
            brought_by=tuple(sorted({name for item in items for name in item.brought_by})),
            targets=tuple(sorted({name for item in items for name in item.targets})),
            upgrade=tuple(sorted({_word(item, query) for item in items})),
        )


def _word(item: Contained, query: Query) -> str:
    """Return what `builder lock --upgrade` calls a package: one of a base moves with the base."""
    if item.component.evidence == BASE:
        return BaseId(item.component.brought_by).value
    is_debian = query.ecosystem.startswith("Debian")
    return item.component.name if is_debian else query.name
