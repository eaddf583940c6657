"""Ask each index again whether it states what the lock has of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from builder.catalog.expansion import Expansion
from builder.catalog.models import Catalog, RemoteFile
from builder.catalog.packages import LockedPackage
from builder.common.errors import BuilderError, StepError, UnreachableError
from builder.common.parallel import in_parallel
from builder.common.text import count
from builder.lock.interfaces import PackageRequest, PackageResolver, Provider
from builder.lock.line_locker import (
    WantedReleaseLine,
    release_line_request,
    wanted_release_lines,
)
from builder.lock.lockfile import Lock
from builder.lock.requests import PackageRequests
from builder.lock.verify import Flaw

_AT_ONCE = 4
Note = Callable[[str], None]


@runtime_checkable
class AsksAgain(Protocol):
    """A resolver that can ask its index again for packages of the lock."""

    def differing(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, str]:
        """Return what the index says of those that it does not state as they are, by name.

        Raises StepError, UnreachableError.
        """


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked for: the flaws that were found, and the errors of who did not answer."""

    flaws: tuple[Flaw, ...] = ()
    errors: tuple[BuilderError, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Question:
    target: str
    ecosystem: str
    request: PackageRequest
    packages: Mapping[str, LockedPackage]


def ask_packages(
    *,
    catalog: Catalog,
    expansion: Expansion,
    lock: Lock,
    targets: Sequence[str],
    resolvers: Mapping[str, PackageResolver],
    note: Note,
) -> Asked:
    """Ask for the packages of targets, each package once."""
    requests = PackageRequests(catalog=catalog, expansion=expansion, lock=lock)
    questions = list(_questions(requests, expansion, lock, targets))
    for ecosystem in dict.fromkeys(question.ecosystem for question in questions):
        if not isinstance(resolvers.get(ecosystem), AsksAgain):
            note(f"{ecosystem}: its index is not asked, as it cannot be")

    def ask(question: _Question) -> Asked:
        resolver = resolvers.get(question.ecosystem)
        if not isinstance(resolver, AsksAgain):
            return Asked()
        number = count(len(question.packages), "package")
        note(f"{question.target}: asking for {number} of {question.ecosystem}")
        try:
            found = resolver.differing(question.request, question.packages)
        except StepError as error:
            return Asked(errors=(error,))
        return Asked(flaws=tuple(_package_flaw(question, *item) for item in found.items()))

    return _together(in_parallel(ask, questions, at_once=_AT_ONCE))


def ask_release_lines(
    *,
    catalog: Catalog,
    expansion: Expansion,
    lock: Lock,
    targets: Sequence[str],
    providers: Mapping[str, Provider],
    note: Note,
) -> Asked:
    """Ask for the files of the release lines of targets, each once for a base."""
    chosen = [expansion.targets[target_id] for target_id in targets]
    wanted = [
        item
        for item in wanted_release_lines(catalog, expansion, chosen, providers, lock)
        if item.base.id in _files(lock, item.value.id)
    ]

    def ask(item: WantedReleaseLine) -> Asked:
        name, base = item.value.id, item.base.id
        note(f"{name}: asking provider {item.value.provider}")
        request = release_line_request(item, lock.bases[base], catalog)
        versions = lock.lines_of(item.target.variant.values).versions
        request = replace(request, line=versions[name])
        try:
            exact = providers[item.value.provider or ""].resolve(request)
        except UnreachableError as error:
            return Asked(errors=(error,))
        except StepError as error:
            return Asked(flaws=(_line_flaw(name, base, (), error.message),))
        stated_files = {file.name: file for file in exact.files}
        return Asked(
            flaws=tuple(
                _line_flaw(name, base, (file.name,), _said_of(file, stated_files.get(file.name)))
                for file in _files(lock, name)[base]
                if stated_files.get(file.name) != file
            )
        )

    return _together(in_parallel(ask, wanted, at_once=_AT_ONCE))


def _files(lock: Lock, value_id: str) -> Mapping[str, tuple[RemoteFile, ...]]:
    """Return the files of a release line, by base, for the bases that are locked."""
    version_lock = lock.release_lines.get(value_id)
    files = version_lock.files if version_lock else {}
    return {base: items for base, items in files.items() if base in lock.bases}


def _questions(
    requests: PackageRequests, expansion: Expansion, lock: Lock, targets: Sequence[str]
) -> Iterator[_Question]:
    """Yield what is asked for each target, without what was asked for another."""
    seen: set[object] = set()
    for target_id in targets:
        target = expansion.targets[target_id]
        package_set = lock.package_sets.get(target.made_id)
        if package_set is None or not requests.can_lock(target):
            continue
        for ecosystem, packages in package_set.packages.items():
            request = requests.request(
                target, ecosystem, lock.package_sets, own=package_set.packages
            )
            context = ecosystem, request.base.id, tuple(sorted(request.languages.items()))
            new = {
                name: package
                for name, package in packages.items()
                if (context, name, package) not in seen
            }
            seen.update((context, *item) for item in new.items())
            if new:
                yield _Question(
                    target=target.made_id, ecosystem=ecosystem, request=request, packages=new
                )


def _package_flaw(question: _Question, name: str, said: str) -> Flaw:
    package = question.packages[name]
    return Flaw(
        section="package_sets",
        subject=question.target,
        path=("packages", question.ecosystem, name),
        problem=f"{question.ecosystem} package {name} {package.version}: {said}",
    )


def _line_flaw(value_id: str, base: str, path: tuple[str, ...], said: str) -> Flaw:
    return Flaw(
        section="release_lines", subject=value_id, path=("files", base, *path), problem=said
    )


def _said_of(file: RemoteFile, stated: RemoteFile | None) -> str:
    if stated is None:
        return f"its provider has no file {file.name}"
    return f"its provider has {stated.url} with sha256 {stated.sha256}, not {file.sha256}"


def _together(parts: Sequence[Asked]) -> Asked:
    errors = {error.message: error for part in parts for error in part.errors}
    return Asked(
        flaws=tuple(flaw for part in parts for flaw in part.flaws), errors=tuple(errors.values())
    )
