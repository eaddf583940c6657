"""The error of a package that a recipe names and apt cannot install."""

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

    `target` names the targets that need it; `elsewhere` are bases that have it, as `axis=value`.
    """
    origin = f"(recipe {recipe}, for {target})"
    if not _NAME.fullmatch(name):
        return NoPackageError(
            f"{name!r} is not the name of an apt package {origin}",
            hint="write the plain name of each package, without pattern, version, release or"
            " sign after it; matrix.lock decides the version",
            package=name,
            location=location,
        )
    if providers := root.providers(name):
        return NoPackageError(
            f"{name} is a virtual package on {base} {origin}; {listed(providers)} provide it",
            hint=f"name one of them instead of {name}",
            package=name,
            location=location,
        )
    return NoPackageError(
        f"there is no package {name} for {base} {origin}",
        hint=_hint(name, root, elsewhere),
        package=name,
        location=location,
    )


def _hint(name: str, root: AptRoot, elsewhere: Sequence[str]) -> str:
    if elsewhere:
        block = f"{{packages: {{apt: [{name}]}}}}"
        conditions = ", ".join(f"{value}: {block}" for value in elsewhere)
        verb = "has it" if len(elsewhere) == 1 else "have it"
        return f"{listed(elsewhere)} {verb}: `when: {{{conditions}}}`"
    package_names = sorted(root.package_names)
    if looks_like(name, package_names):
        return f"{did_you_mean(name, package_names)} Or does it belong under a condition of `when`?"
    return "is the name right? Does it belong under a condition of `when`?"
