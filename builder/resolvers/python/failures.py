"""Why uv found no packages of Python for a target, in the words of the recipe. Pure."""

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
_LEVELS = 20
_IS_RIGHT = "is its name right?"
Newest = Callable[[str], str]
"""The newest version of a package that has a wheel for the target; "" where there is none."""


def reason(log: str, request: PackageRequest, newest: Newest) -> BuilderError:
    """Return the error of a target for which uv found nothing; `log` is all that it said."""
    text = " ".join(_words(log))
    for find in (_no_wheel, _unknown, _yanked, _no_version):
        if lack := find(text, request, newest):
            return _error(lack, text, request)
    return _conflict(log, request)


def missing_extra(log: str, request: PackageRequest) -> NoPackageError | None:
    """Return the error of an extra that a recipe names and its package lacks, if uv warns of one.

    What is missing of a package that the recipe does not name is its own matter.
    """
    for package, version, extra in _NO_EXTRA.findall(log):
        for name in _all_named(package, request):
            if canonicalize_name(extra) in map(canonicalize_name, _extras(name)):
                recipe, target = request.target.recipe, request.target.id
                return NoPackageError(
                    f"{package} {version} has no extra {extra}, which recipe {recipe} names for"
                    f" {target}",
                    package=name,
                    hint=f"is its name right? without it, {package} brings nothing more",
                )
    return None


@dataclass(frozen=True, kw_only=True)
class _Lack:
    """What is not there of a package, and what to do where a recipe names it by itself."""

    package: str
    what: str
    hint: str


def _words(log: str) -> Iterator[str]:
    """Return what uv said, line by line, without hints: they name options that nobody has here."""
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
        hint = f"the newest that has one is {version}: ask for what takes {package}=={version}"
    else:
        hint = (
            f"no version of {package} has one: leave out what needs it, or serve a wheel of it"
            " (made by `pip wheel`) from an index of your own, `network.mirrors: {pip: URL}`"
        )
    what = (
        f"{package}{_version(match[2])} has no wheel for {suits}, and its source is not built here"
    )
    return _Lack(package=package, what=what, hint=hint)


def _unknown(text: str, request: PackageRequest, newest: Newest) -> _Lack | None:
    if match := _UNKNOWN.search(text) or _EMPTY.search(text):
        what = f"there is no package {match[1]} in the index"
        return _Lack(package=match[1], what=what, hint=_IS_RIGHT)
    if match := _ABSENT.search(text):
        file, package = match[1], match[1].partition("-")[0].replace("_", "-")
        if file.endswith((".whl", ".metadata")):
            what = f"the index lists {file.removesuffix('.metadata')}, and does not have it"
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
        hint="name another version; an exact one, with ==, is taken all the same",
    )


def _no_version(text: str, request: PackageRequest, newest: Newest) -> _Lack | None:
    match = _NO_VERSION.search(text) or _TOO_NEW.search(text)
    if not match:
        return None
    package = match[1]
    specs = [it[2] for it in _REQUIRED.finditer(text) if it[1] == package]
    specs += [it[4] for it in _NEEDS.finditer(text) if it[3] == package]
    spec = next((it.rstrip(",.") for it in specs if it), "")
    version = newest(package)
    if not spec or (version and _takes(spec, version)):
        return None  # there is one, and something else does not take it
    there = f"the newest that suits is {version}" if version else "no version of it suits"
    return _Lack(package=package, what=f"the index has no {package}{spec}", hint=there)


def _takes(spec: str, version: str) -> bool:
    try:
        return SpecifierSet(spec).contains(version, prereleases=True)
    except ValueError:  # of either kind
        return False


def _version(spec: str) -> str:
    return f" {spec.removeprefix('==')}" if spec else ""


def _error(lack: _Lack, text: str, request: PackageRequest) -> NoPackageError:
    """Return the error, with what of the recipe brought the package in."""
    recipe, target = request.target.recipe, request.target.id
    needs = {it[3].rstrip("."): it[1] for it in _NEEDS.finditer(text)}
    chain = [lack.package]
    while chain[-1] in needs and needs[chain[-1]] not in chain and len(chain) < _LEVELS:
        chain.append(needs[chain[-1]])
    name = next((it for one in reversed(chain) if (it := _named(one, request))), "")
    if not name:  # uv did not say the whole way
        required = (_named(it[1], request) for it in _REQUIRED.finditer(text))
        name = next(filter(None, required), request.names[0])
    through = "".join(f", which {one} needs" for one in chain[1:])
    hint = lack.hint
    if canonicalize_name(_plain(name)) != canonicalize_name(lack.package):
        way = "" if through else ", for which it is needed"
        tail = f"{through}; recipe {recipe} names {name} for {target}{way}"
        if hint == _IS_RIGHT:
            hint = f"ask for another version of {_plain(name)}, or leave it out"
    else:
        tail = f", which recipe {recipe} names for {target}"
    return NoPackageError(f"{lack.what}{tail}", package=name, hint=hint)


def _conflict(log: str, request: PackageRequest) -> BuilderError:
    """Return the error of what does not fit together, or of words of uv that are not known."""
    said = "\n".join(f"    {line}" for line in _words(log))
    introduced_by = request.introduced_by.items()
    owners = sorted({owner for name, owner in introduced_by if _speaks_of(log, name)})
    hint = "ask for other versions, or leave one out under a condition of `when`"
    if owners:
        hint = f"{', '.join(owners)} keeps what it has: `builder lock --upgrade`, or {hint}"
    recipe, target = request.target.recipe, request.target.id
    named = [name for name in request.names if _speaks_of(log, _plain(name))]
    if not named:
        return StepError(f"uv chose no packages for {target}:\n{said}", hint=hint)
    return NoPackageError(
        f"no versions of {', '.join(named)} fit, which recipe {recipe} names for {target}:\n{said}",
        package=named[-1],
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
    return (it for it in request.names if canonicalize_name(_plain(it)) == wanted)


def _extras(requirement: str) -> list[str]:
    """Return the extras that a requirement names."""
    match = re.match(r"[^\[<>=!~;@#]*\[([^\]]*)\]", requirement)
    return [name.strip() for name in match[1].split(",")] if match else []


def _plain(requirement: str) -> str:
    match = _NAME.match(requirement)
    return match[1].rstrip("._-") if match else requirement
