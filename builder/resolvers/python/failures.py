"""Explain why uv found no Python packages for a target, in terms of the recipe. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from builder.common.errors import BuilderError, NoPackageError, StepError
from builder.lock.interfaces import PackageRequest

_PACKAGE = r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]\s]*\])?"  # uv says which extras it means
_SPEC = r"((?:[<>=!~][^\s]*)?)"
_UNKNOWN = re.compile(rf"{_PACKAGE} was not found in the package registry")
_EMPTY = re.compile(rf"there are no versions of {_PACKAGE}(?=\s)")
_ABSENT = re.compile(r"Failed to fetch: `?\S*?([^/\s`]+)/?`?\s.*?\((?:404|410)")
_NO_WHEEL = re.compile(rf"{_PACKAGE}{_SPEC} ha(?:s|ve) no (?:usable )?wheels")
_YANKED = re.compile(rf"{_PACKAGE}{_SPEC} was yanked(?: \(reason: ([^)]*)\))?")
_NO_VERSION = re.compile(rf"there (?:is|are) no versions? of {_PACKAGE}{_SPEC}")
_TOO_NEW = re.compile(rf"only {_PACKAGE}{_SPEC} is available and ")
_NEEDS = re.compile(rf"{_PACKAGE}{_SPEC} depends? on (?:one of:\s+)?{_PACKAGE}{_SPEC}")
_REQUIRED = re.compile(rf"you require {_PACKAGE}{_SPEC}")
_NAME = re.compile(_PACKAGE)
_NO_EXTRA = re.compile(r"The package `([^`=]+)==([^`]+)` does not have an extra named `([^`]+)`")
_TOO_YOUNG = re.compile(
    r"`([^`]+)` was filtered by `exclude-newer`.* requirement is v([^\s,]*[^\s,.])"
)
_WAIT = "wait, ask for an older version, or shorten the cooldown; `0d` takes all at once"
_LEVELS = 20
_IS_RIGHT = "is the name right?"
Newest = Callable[[str], str]
"""Returns the newest version of a package with a wheel for the target, or ""."""


def reason(log: str, request: PackageRequest, newest: Newest) -> BuilderError:
    """Return the error of a target for which uv found nothing; `log` is its whole output."""
    text = " ".join(_words(log))
    if match := _TOO_YOUNG.search(log):
        what = (
            f"{match[1]} {match[2]} is younger than `lock: {{cooldown: …}}` of matrix.yaml allows"
        )
        return _error(_Lack(package=match[1], what=what, hint=_WAIT), text, request)
    for search in (_no_wheel, _unknown, _yanked, _no_version):
        if missing := search(text, request, newest):
            return _error(missing, text, request)
    return _conflict(log, request)


def missing_extra(log: str, request: PackageRequest) -> NoPackageError | None:
    """Return the error of an extra that a recipe names and its package lacks, if uv warns of one.

    Extras of packages that the recipe does not name are not checked.
    """
    for package, version, extra in _NO_EXTRA.findall(log):
        for name in _all_named(package, request):
            if canonicalize_name(extra) in map(canonicalize_name, _extras(name)):
                recipe, target = request.target.recipe, request.target.id
                return NoPackageError(
                    f"{package} {version} has no extra {extra} (recipe {recipe}, for {target})",
                    package=name,
                    hint="is the name of the extra right? If it is not needed, remove it",
                )
    return None


@dataclass(frozen=True, kw_only=True)
class _Lack:
    """What of a package is missing, and the hint if the recipe itself names the package."""

    package: str
    what: str
    hint: str


def _words(log: str) -> Iterator[str]:
    """Yield uv's output by line, without its hints: they name options of uv's command line."""
    for line in log.splitlines():
        text = line.strip()
        if text.startswith("hint:"):
            return
        if text:
            yield text


def _no_wheel(text: str, request: PackageRequest, newest: Newest) -> _Lack | None:
    if not (match := _NO_WHEEL.search(text)):
        return None
    package = match[1]
    python = ".".join(request.language("python").split(".")[:2])
    suits = f"{request.target.platform} and Python {python}"
    if version := newest(package):
        hint = (
            f"the newest with one is {version}: ask for packages that accept {package}=={version}"
        )
    else:
        hint = (
            f"no version of {package} has one: leave out what needs it, or name its source with the"
            f" hash of it, `{package}==VERSION --hash=sha256:…`"
        )
    what = f"{package}{_version(match[2])} has no wheel for {suits}, and sources are not built here"
    return _Lack(package=package, what=what, hint=hint)


def _unknown(text: str, request: PackageRequest, newest: Newest) -> _Lack | None:
    if match := _UNKNOWN.search(text) or _EMPTY.search(text):
        what = f"there is no package {match[1]} in the index"
        return _Lack(package=match[1], what=what, hint=_IS_RIGHT)
    if match := _ABSENT.search(text):
        file, package = match[1], match[1].partition("-")[0].replace("_", "-")
        if file.endswith((".whl", ".metadata")):
            what = f"the index lists {file.removesuffix('.metadata')}, but does not have the file"
            return _Lack(package=package, what=what, hint="name another version")
        return _Lack(package=file, what=f"there is no package {file} in the index", hint=_IS_RIGHT)
    return None


def _yanked(text: str, request: PackageRequest, newest: Newest) -> _Lack | None:
    if not (match := _YANKED.search(text)):
        return None
    why = f" ({match[3]})" if match[3] else ""
    return _Lack(
        package=match[1],
        what=f"{match[1]}{_version(match[2])} was withdrawn by its project{why}",
        hint="name another version; an exact one (==) is installed even if it was withdrawn",
    )


def _no_version(text: str, request: PackageRequest, newest: Newest) -> _Lack | None:
    match = _NO_VERSION.search(text) or _TOO_NEW.search(text)
    if not match:
        return None
    package = match[1]
    specs = [match[2] for match in _REQUIRED.finditer(text) if match[1] == package]
    specs += [match[4] for match in _NEEDS.finditer(text) if match[3] == package]
    spec = next((text.rstrip(",.") for text in specs if text), "")
    version = newest(package)
    if not spec or (version and _takes(spec, version)):
        return None  # there is one, but another package does not accept it
    hint = f"the newest that suits is {version}" if version else "no version of it suits"
    return _Lack(package=package, what=f"the index has no {package}{spec}", hint=hint)


def _takes(spec: str, version: str) -> bool:
    try:
        return SpecifierSet(spec).contains(version, prereleases=True)
    except ValueError:  # of either kind
        return False


def _version(spec: str) -> str:
    return f" {spec.removeprefix('==')}" if spec else ""


def _error(missing: _Lack, text: str, request: PackageRequest) -> NoPackageError:
    """Return the error, with the package of the recipe that needs the missing one."""
    recipe, target = request.target.recipe, request.target.id
    needs = {match[3].rstrip("."): match[1] for match in _NEEDS.finditer(text)}
    chain = [missing.package]
    while chain[-1] in needs and needs[chain[-1]] not in chain and len(chain) < _LEVELS:
        chain.append(needs[chain[-1]])
    name = next(filter(None, (_named(package, request) for package in reversed(chain))), "")
    if not name:  # uv did not print the whole chain
        required = (_named(match[1], request) for match in _REQUIRED.finditer(text))
        name = next(filter(None, required), request.names[0])
    through = "".join(f", which {package} needs" for package in chain[1:])
    hint = missing.hint
    if canonicalize_name(_plain(name)) != canonicalize_name(missing.package):
        way = "" if through else ", for which it is needed"
        tail = f"{through}; recipe {recipe} names {name} for {target}{way}"
        if hint == _IS_RIGHT:
            hint = f"ask for another version of {_plain(name)}, or leave it out"
    else:
        tail = f" (recipe {recipe}, for {target})"
    return NoPackageError(f"{missing.what}{tail}", package=name, hint=hint)


def _conflict(log: str, request: PackageRequest) -> BuilderError:
    """Return the error of packages that do not fit together, or of an unknown message of uv."""
    output = "\n".join(f"    {line}" for line in _words(log))
    introduced_by = request.introduced_by.items()
    owners = sorted({owner for name, owner in introduced_by if _speaks_of(log, name)})
    hint = "ask for other versions, or leave one out under a condition of `when`"
    if owners:
        hint = f"the packages of {', '.join(owners)} stay: run `builder lock --upgrade`, or {hint}"
    recipe, target = request.target.recipe, request.target.id
    names = [name for name in request.names if _speaks_of(log, _plain(name))]
    if not names:
        return StepError(f"uv chose no packages for {target}:\n{output}", hint=hint)
    return NoPackageError(
        f"no versions of {', '.join(names)} fit (recipe {recipe}, for {target}):\n{output}",
        package=names[-1],
        hint=hint,
    )


def _speaks_of(log: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", log, re.IGNORECASE) is not None


def _named(package: str, request: PackageRequest) -> str:
    """Return the requirement of the recipe that names a package, or ""."""
    return next(_all_named(package, request), "")


def _all_named(package: str, request: PackageRequest) -> Iterator[str]:
    """Return all requirements of the recipe that name a package."""
    wanted = canonicalize_name(package)
    return (name for name in request.names if canonicalize_name(_plain(name)) == wanted)


def _extras(requirement: str) -> list[str]:
    """Return the extras that a requirement names."""
    match = re.match(r"[^\[<>=!~;@#]*\[([^\]]*)\]", requirement)
    return [name.strip() for name in match[1].split(",")] if match else []


def _plain(requirement: str) -> str:
    match = _NAME.match(requirement)
    return match[1].rstrip("._-") if match else requirement
