"""Finds what the parts of a chart lack, and the features that would bring it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from builder.catalog.models import ChartFeature
from builder.charts.render import templates
from builder.charts.render.templates import Part, Read
from builder.charts.render.values import Value
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.text import did_you_mean, listed

_INCLUDE = re.compile(r'\b(?:include|template)\s+\\?"(chart\.[\w.-]+)\\?"')
_DEFINE = re.compile(r'\b(?:define|block)\s+"(chart\.[\w.-]+)"')
_ABOUT = ("feature.yaml", "chart.yaml")
_ACTS, _HAS, _DEFINES = ("acts on", "act on"), ("has", "have"), ("defines", "define")
# What every chart has, see `templates`.
_ALWAYS = ("chart.slots", "chart.command", "chart.healthPath", "chart.former")


@dataclass(frozen=True, kw_only=True)
class Lack:
    """A need of a part of a chart, which only `features` fulfil, and the chart has none of them."""

    part: Part
    needs: str  # "has the value", …
    name: str
    brings: tuple[str, str]  # what one feature, and what several, do about it
    features: tuple[str, ...]


def as_part(name: str, feature: ChartFeature, requested_at: Location | None = None) -> Part:
    """Return a feature as a part; `requested_at` is where the chart asks for it."""
    folder = feature.folder or f"charts/features/{name}"
    return Part(
        name=name,
        folder=folder,
        files=feature.files,
        summary=feature.summary,
        values=feature.values,
        objects=feature.objects,
        changes=feature.changes,
        ignored=feature.ignored,
        requested_at=requested_at,
    )


def find_lacks(
    parts: Sequence[Part],
    features: Mapping[str, ChartFeature],
    values: Sequence[Value],
    reads: Sequence[Read],
) -> list[Lack]:
    """Return what the parts lack and a feature has; the first part is the recipe itself."""
    chosen = {part.name for part in parts[1:]}
    others = [as_part(name, feature) for name, feature in features.items() if name not in chosen]
    return [
        *_idle_values(parts, others, values, reads),
        *_undeclared_values(parts, others, values, reads),
        *_undefined_templates(parts, others),
    ]


def errors_of(lacks: Sequence[Lack], chart: str) -> list[BuilderError]:
    """Return an error for each part and the features that it lacks, with all that it needs."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[Lack]] = {}
    for lack in lacks:
        groups.setdefault((lack.part.name, lack.needs, lack.features), []).append(lack)
    return [_error(group, chart) for group in groups.values()]


def _error(lacks: Sequence[Lack], chart: str) -> ConfigError:
    first = lacks[0]
    names = listed(list(dict.fromkeys(lack.name for lack in lacks)))
    features = listed([f"`{name}`" for name in first.features])
    brings = first.brings[len(first.features) > 1]
    cure = "add one of them" if len(first.features) > 1 else "add it"
    subject = f"feature `{first.part.name}`" if first.part.requested_at else "its recipe"
    message = f"chart {chart}: {subject} {first.needs} {names}, which only {features} {brings}"
    location = first.part.requested_at or Location(file=f"{first.part.folder}/chart.yaml")
    return ConfigError(f"{message}: {cure}", location=location)


def _idle_values(
    parts: Sequence[Part], others: Sequence[Part], values: Sequence[Value], reads: Sequence[Read]
) -> Iterator[Lack]:
    for value in templates.idle(reads, values):
        names = tuple(
            part.name
            for part in others
            if not templates.idle(templates.reads(part.texts(), part.folder), [value])
        )
        if names:
            part = _owner(parts, value.path)
            yield Lack(
                part=part, needs="has the value", name=value.path, brings=_ACTS, features=names
            )


def _undeclared_values(
    parts: Sequence[Part], others: Sequence[Part], values: Sequence[Value], reads: Sequence[Read]
) -> Iterator[Lack]:
    for read in templates.undeclared(reads, values):
        if names := _declaring(others, read.path):
            part = _at(parts, read.location)
            yield Lack(
                part=part, needs="reads the value", name=read.path, brings=_HAS, features=names
            )


def _undefined_templates(parts: Sequence[Part], others: Sequence[Part]) -> Iterator[Lack]:
    defined = {name for part in parts for name in _defined(part)}
    for part in parts:
        for name in [name for name, _ in _included(part) if name not in defined]:
            names = tuple(candidate.name for candidate in others if name in _defined(candidate))
            if names:
                yield Lack(
                    part=part, needs="uses the template", name=name, brings=_DEFINES, features=names
                )


def check_templates(
    parts: Sequence[Part], features: Mapping[str, ChartFeature]
) -> list[BuilderError]:
    """Return an error for each template of the chart's own that no feature at all defines."""
    defined = {name for part in parts for name in _defined(part)}
    available = {
        name for key, feature in features.items() for name in _defined(as_part(key, feature))
    }
    return [
        ConfigError(
            f"no template {name} is defined",
            hint=did_you_mean(
                name, sorted(key for key in defined | available if key.count(".") == 1)
            ),
            location=location,
        )
        for part in parts
        for name, location in _included(part)
        if name not in defined | available
    ]


def _included(part: Part) -> list[tuple[str, Location]]:
    """Return the chart's own templates that a part includes, each with the first place."""
    first_uses: dict[str, Location] = {}
    about = {name: text for name, text in part.files.items() if name in _ABOUT}
    for path, text in {**part.texts(), **about}.items():
        for name, location in _included_in(text, f"{part.folder}/{path}"):
            first_uses.setdefault(name, location)
    return list(first_uses.items())


@lru_cache(maxsize=1024)  # each chart looks at the same features
def _included_in(text: str, file: str) -> tuple[tuple[str, Location], ...]:
    clean = templates.without_comments(text)
    matches = _INCLUDE.finditer(clean)
    return tuple((match[1], templates.at(file, text, match.start(1))) for match in matches)


def _defined(part: Part) -> set[str]:
    defined = {name for text in part.texts().values() for name in _defined_in(text)}
    slots = {f"chart.{part.name}.{slot}" for slot in part.slots}
    return {*_ALWAYS, *defined, *slots}


@lru_cache(maxsize=1024)
def _defined_in(text: str) -> tuple[str, ...]:
    return tuple(_DEFINE.findall(templates.without_comments(text)))


def having(path: str, features: Mapping[str, ChartFeature]) -> str:
    """Return the hint that names the features which have a value, or nothing."""
    names = _declaring([as_part(name, feature) for name, feature in features.items()], path)
    noun = "features" if len(names) > 1 else "feature"
    them = listed([f"`{name}`" for name in names])
    cure = "add one of them" if len(names) > 1 else "add it"
    brings = "bring" if len(names) > 1 else "brings"
    return f"{noun} {them} {brings} it: {cure}" if names else ""


def _declaring(others: Sequence[Part], path: str) -> tuple[str, ...]:
    """Return the parts that declare a value, or one inside of it; `path.`: one inside alone."""
    inside = f"{path.removesuffix('.')}."
    return tuple(
        part.name
        for part in others
        if any(name == path or name.startswith(inside) for name in part.values)
    )


def _owner(parts: Sequence[Part], path: str) -> Part:
    """Return the feature that describes a value, else the recipe."""
    return next((part for part in parts[1:] if path in part.values), parts[0])


def _at(parts: Sequence[Part], location: Location) -> Part:
    """Return the part whose file it is; the recipe for a file of the library."""
    return next(
        (part for part in parts[1:] if location.file.startswith(f"{part.folder}/")), parts[0]
    )
