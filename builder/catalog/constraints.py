"""Constraints: which values of an axis a list chooses, by name or by what they are.

An entry of a list is a name, `first`, `newest`, `not NAME`, `from PROVIDER` or a comparison such as
`>= 3.13`. Commas join terms that all hold, each among what the one before left: `from apt, newest`.
The entries of a list are alternatives.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from packaging.version import Version

from builder.catalog.fields import Constraint
from builder.common.text import did_you_mean, looks_like

FIRST, NEWEST = "first", "newest"
ROLES = (FIRST, NEWEST)
"""The names that no value may have: each says which value is meant."""
COMPARISONS: Mapping[str, Callable[[Version, Version], bool]] = MappingProxyType(
    {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
)
"""What compares two versions, by its sign."""
_SYMBOL = re.compile(r"(?P<word>>=|<=|>|<|not(?=\s)|from(?=\s))\s*(?P<name>\S+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]*")
_WORDS = ("not", "from")
_FORMS = "write a name, `first`, `newest`, `not NAME`, `from PROVIDER` or `>= 3.13`"


class Value(Protocol):
    """What a constraint knows of a value of an axis."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def upstream(self) -> str:
        """The release line as its provider calls it."""

    @property
    def provider_names(self) -> tuple[str, ...]:
        """The providers that it may come from."""

    @property
    def preview(self) -> bool:
        """Whether it is not yet stable: then no order chooses it."""


_Values = Sequence[Value]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong with an entry of a constraint."""

    message: str
    hint: str = ""


def matches(constraint: Constraint, values: Mapping[str, str]) -> bool:
    """Whether a variant with these values is in every list of a constraint, which has names."""
    return all(values.get(axis) in names for axis, names in constraint.items())


def chosen(entry: str, values: _Values) -> tuple[str, ...]:
    """Return the names that an entry chooses of the values of an axis, which are in its order.

    A mistake in the entry chooses nothing; `problem` tells it.
    """
    for term in _terms(entry):
        values = _holding(term, values)
    return tuple(value.name for value in values)


def with_names(
    constraint: Constraint,
    axes: Mapping[str, _Values],
    variants: Iterable[Mapping[str, str]] | None = None,
) -> dict[str, tuple[str, ...]]:
    """Return a constraint with the names that it chooses of what `variants` have, or of all."""
    there = present(axes, variants)
    return {
        axis: tuple(
            dict.fromkeys(name for entry in entries for name in chosen(entry, there.get(axis, ())))
        )
        for axis, entries in constraint.items()
    }


def present(
    axes: Mapping[str, _Values], variants: Iterable[Mapping[str, str]] | None
) -> Mapping[str, _Values]:
    """Return the values of each axis that `variants` have, in the order of the axis."""
    if variants is None:
        return axes
    names: dict[str, set[str]] = {}
    for variant in variants:
        for axis, name in variant.items():
            names.setdefault(axis, set()).add(name)
    return {
        axis: [value for value in axes[axis] if value.name in found]
        for axis, found in names.items()
    }


def problem(entry: str, entries: Sequence[str], axis: str, values: _Values) -> Problem | None:
    """Return what is wrong with an entry of a list of an axis that has these values, if it is."""
    terms = _terms(entry)
    for term in terms:
        if found := _term_problem(term, axis, values):
            return found
    if len(entries) > 1 and all(term.startswith("not ") for term in terms):
        joined = ", ".join(dict.fromkeys(item for item in entries if item.startswith("not ")))
        return Problem(
            message=f"{entry!r} is an alternative to other entries, and chooses what they do, too",
            hint=f'join what must hold together: ["{joined}"]'
            if "," in joined
            else "let it stand alone",
        )
    return None


def _term_problem(term: str, axis: str, values: _Values) -> Problem | None:
    names = [value.name for value in values]
    match = _SYMBOL.fullmatch(term)
    word, name = (match["word"], match["name"]) if match else ("", term)
    if word in COMPARISONS:
        return None if _version(name) else Problem(message=f"{name!r} is no version", hint=_FORMS)
    if word == "from":
        providers = list(dict.fromkeys(name for value in values for name in value.provider_names))
        if name in providers:
            return None
        message = f"no value of axis {axis} is from {name!r}"
        return Problem(message=message, hint=did_you_mean(name, providers))
    if name in names or term in ROLES:
        return None
    if not _NAME.fullmatch(name) or name in _WORDS:
        return Problem(message=f"{term!r} chooses no value", hint=_FORMS)
    near = ROLES if not word and looks_like(name, ROLES) else names
    return Problem(message=f"axis {axis} has no value {name!r}", hint=did_you_mean(name, near))


def _holding(term: str, values: _Values) -> list[Value]:
    """Return the values that a term chooses; of previews only what it names, or all but a name."""
    match = _SYMBOL.fullmatch(term)
    word, name = (match["word"], match["name"]) if match else (term, "")
    if word in COMPARISONS:
        limit = _version(name)
        return [value for value in _stable(values) if _compares(word, value, limit)]
    if word == "from":
        return [value for value in values if name in value.provider_names]
    if word == "not":
        return [value for value in values if value.name != name]
    if word == FIRST:
        return _stable(values)[:1]
    if word == NEWEST:
        values = _stable(values)
        versions = [version for value in values if (version := _version(value.upstream))]
        return [value for value in values if versions and _version(value.upstream) == max(versions)]
    return [value for value in values if value.name == term]


def _stable(values: _Values) -> list[Value]:
    return [value for value in values if not value.preview]


def _compares(sign: str, value: Value, limit: Version | None) -> bool:
    version = _version(value.upstream)
    return version is not None and limit is not None and COMPARISONS[sign](version, limit)


def _version(text: str) -> Version | None:
    """Return a release line as a version; None for what has no order, such as `none`."""
    try:
        return Version(text)
    except ValueError:  # also a number of thousands of digits
        return None


def _terms(entry: str) -> list[str]:
    return [term.strip() for term in entry.split(",")]
