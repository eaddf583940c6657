"""What is said of a package that a recipe names and apt cannot install."""

from __future__ import annotations

import re
from collections.abc import Sequence

from builder.common.errors import Location, NoPackageError
from builder.common.text import did_you_mean, listed, looks_like
from builder.resolvers.apt.root import AptRoot

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*(:[a-z0-9-]+)?")


def missing_package(
    *,
    root: AptRoot,
    name: str,
    base: str,
    recipe: str,
    target: str,
    location: Location | None = None,
    elsewhere: Sequence[str] = (),
) -> NoPackageError:
    """Return the error of a package that cannot be installed on `base` as it is named.

    `target` says which targets want it; `elsewhere` are bases that have it, as `axis=value`.
    """
    who = f"recipe {recipe} adds to {target}"
    if not _NAME.fullmatch(name):
        return NoPackageError(
            f"{name!r} is no name of a package, which {who}",
            hint="name each package exactly: apt's patterns, and versions, releases and signs"
            " after a name, are not taken; the version is what matrix.lock says",
            package=name,
            location=location,
        )
    if providers := root.providers(name):
        return NoPackageError(
            f"{name} is a virtual package for {base}, which {who}: {listed(providers)} provide it",
            hint=f"name one of them instead of {name}",
            package=name,
            location=location,
        )
    return NoPackageError(
        f"there is no package {name} for {base}, which {who}",
        hint=_hint(name, root, elsewhere),
        package=name,
        location=location,
    )


def _hint(name: str, root: AptRoot, elsewhere: Sequence[str]) -> str:
    if elsewhere:
        block = f"{{packages: {{apt: [{name}]}}}}"
        conditions = ", ".join(f"{value}: {block}" for value in elsewhere)
        has = "has it" if len(elsewhere) == 1 else "have it"
        return f"{listed(elsewhere)} {has}: `when: {{{conditions}}}`"
    known = sorted(root.known)
    if looks_like(name, known):
        return f"{did_you_mean(name, known)} Or should it stand under a condition of `when`?"
    return "is its name right, and should it stand under a condition of `when`?"
