"""Locks release lines: their exact version, and which of several providers serves a base."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from builder.catalog.expansion import Expansion, own_values
from builder.catalog.ids import BaseId, ServedId
from builder.catalog.models import AxisValue, Base, Catalog, RemoteFile, Target
from builder.common.errors import (
    BuilderError,
    ConfigError,
    StepError,
    UnreachableError,
    raise_all,
)
from builder.common.parallel import in_parallel
from builder.common.text import did_you_mean
from builder.lock.cooldown import resolve
from builder.lock.interfaces import ExactVersion, Provider, ReleaseLineRequest
from builder.lock.lockfile import BaseLock, Lock, Served, VersionLock
from builder.lock.package_locker import Note
from builder.lock.problems import Problem
from builder.lock.requests import as_locked


@dataclass(frozen=True, kw_only=True)
class WantedReleaseLine:
    """A release line to resolve for the targets on a base; the recipe of `target` installs it.

    `choices` are the providers to ask, each with the value as it serves it: the locked one alone,
    if there is one. `preferred` are those that come before the locked one.
    """

    line: AxisValue
    choices: tuple[AxisValue, ...]
    base: Base
    target: Target
    preferred: tuple[AxisValue, ...] = ()

    @property
    def value(self) -> AxisValue:
        """The value as the provider that is asked first serves it."""
        return self.choices[0]

    def of(self, one: AxisValue) -> WantedReleaseLine:
        """Return it for one provider alone."""
        return replace(self, choices=(one,))


@dataclass(frozen=True, kw_only=True)
class Available:
    """A provider that comes before the locked one, and has the release line too."""

    line: str
    base: str  # the value of its axis
    provider: str
    version: str
    locked: str  # the provider that stays

    @property
    def command(self) -> str:
        """The command that moves the release line to this provider."""
        name = ServedId.of(self.line, self.provider)
        return f"builder lock --select {self.base} --upgrade {name}"

    def __str__(self) -> str:
        return (
            f"{self.line} on {self.base} stays with provider {self.locked};"
            f" {self.provider} has {self.version} and comes first in matrix.yaml:"
            f" `{self.command}` moves it"
        )


@dataclass(frozen=True, kw_only=True)
class LockedReleaseLines:
    """The release lines that were resolved, and what could not be."""

    release_lines: Mapping[str, VersionLock]
    problems: tuple[Problem, ...]
    available: tuple[Available, ...]


def wanted_release_lines(
    catalog: Catalog,
    expansion: Expansion,
    chosen: Sequence[Target],
    providers: Collection[str],
    lock: Lock,
    requested: Mapping[str, str] = MappingProxyType({}),
) -> list[WantedReleaseLine]:
    """Return each release line with each base on which a recipe installs it.

    `requested` are the providers that lines shall move to, by `axis=value`. Raises ConfigError for
    a release line that no recipe installs, and for a provider that a line does not have.
    """
    wanted: dict[tuple[str, str], WantedReleaseLine] = {}
    orphans: dict[tuple[str, str], BuilderError] = {}
    unknown: dict[str, BuilderError] = {}
    brought: set[tuple[str, str]] = set()
    for target in chosen:
        for axis, name in own_values(target, expansion).items():
            line = catalog.matrix.value(axis, name)
            installed = catalog.recipes[target.recipe].provides.get(axis, {})
            usable = []
            for one in line.fitting(target.variant.values):
                provider = one.provider or ""
                if provider and provider not in providers:
                    unknown[f"{one.id} {provider}"] = _unknown(one, providers)
                elif provider in installed:
                    usable.append(one)
                elif provider:
                    orphans.setdefault((one.id, provider), _no_provider(one, target))
            if usable:
                brought |= {(one.id, one.provider or "") for one in usable}
                base, asked = expansion.base_of(target), requested.get(line.id, "")
                item = WantedReleaseLine(line=line, choices=tuple(usable), base=base, target=target)
                wanted.setdefault((line.id, base.id), _as_locked(item, lock, asked))
    errors = [error for key, error in orphans.items() if key not in brought]
    raise_all([*unknown.values(), *errors, *_not_offered(catalog, requested)])
    return list(wanted.values())


def _as_locked(item: WantedReleaseLine, lock: Lock, requested: str) -> WantedReleaseLine:
    """Return a release line with the provider alone that is requested, or else locked."""
    asked = next((one for one in item.choices if one.provider == requested), None)
    if asked is not None:
        return item.of(asked)
    locked = as_locked(item.line, item.target.variant.values, lock)
    if locked not in item.choices:
        return item
    before = item.choices[: item.choices.index(locked)]
    return replace(item, choices=(locked,), preferred=before)


def _unknown(value: AxisValue, providers: Collection[str]) -> ConfigError:
    return ConfigError(
        f"{value.id}: unknown provider {value.provider!r}",
        hint=did_you_mean(value.provider or "", providers),
    )


def _no_provider(value: AxisValue, target: Target) -> ConfigError:
    return ConfigError(
        f"recipe {target.recipe} has no options for {value.axis} from provider {value.provider}",
        hint=f"images/{target.recipe}/recipe.yaml: "
        f"`provides: {{{value.axis}: {{{value.provider}: …}}}}`",
    )


def _not_offered(catalog: Catalog, requested: Mapping[str, str]) -> Iterator[BuilderError]:
    """Yield an error for each requested provider that matrix.yaml does not name for the line."""
    lines = {value.id: value for values in catalog.matrix.axes.values() for value in values}
    for value_id, provider in requested.items():
        if value_id not in lines:
            hint = did_you_mean(value_id, lines)
            yield ConfigError(f"matrix.yaml has no release line {value_id}", hint=hint)
            continue
        names = [one.provider or "" for one in lines[value_id].alternatives]
        if provider not in names:
            hint = did_you_mean(provider, names)
            yield ConfigError(f"{value_id} has no provider {provider!r} in matrix.yaml", hint=hint)


def is_locked_for(lock: Lock, item: WantedReleaseLine) -> bool:
    """Whether a lock has a release line for a base, by a provider that may serve it."""
    version_lock = lock.release_lines.get(item.line.id)
    if version_lock is None or as_locked(item.line, item.target.variant.values, lock) is None:
        return False
    return not version_lock.lacks_files(item.base.id)


def release_line_request(
    wanted: WantedReleaseLine, lock: BaseLock, catalog: Catalog
) -> ReleaseLineRequest:
    """Return the request to the provider of a release line that is asked first."""
    value, provider_name = wanted.value, wanted.value.provider or ""
    return ReleaseLineRequest(
        line=value.upstream,
        base=wanted.base,
        lock=lock,
        options=catalog.recipes[wanted.target.recipe].provides[value.axis][provider_name],
        axis=value.axis,
        axes={
            axis: catalog.matrix.value(axis, value_name).upstream
            for axis, value_name in wanted.target.variant.values.items()
        },
    )


def with_other_bases(
    line: AxisValue, version_lock: VersionLock, previous: Lock, expansion: Expansion
) -> VersionLock:
    """Return a release line with what the previous lock has of bases that were not asked for."""
    before = previous.release_lines.get(line.id)
    if before is None:
        return version_lock
    if not version_lock.served:
        is_same = not before.served and before.version == version_lock.version
        files = {**before.files, **version_lock.files} if is_same else version_lock.files
        return replace(version_lock, files=files)
    served = {**_served(line, previous, expansion), **version_lock.served}
    others = {
        base: files
        for base, files in before.files.items()
        if BaseId(base).value in served and BaseId(base).value not in version_lock.served
    }
    return replace(version_lock, served=served, files={**others, **version_lock.files})


def _served(line: AxisValue, lock: Lock, expansion: Expansion) -> dict[str, Served]:
    """Return who serves a release line on each base that has targets with it."""
    served: dict[str, Served] = {}
    for target in expansion.targets.values():
        values = target.variant.values
        if values.get(line.axis) == line.name and (one := as_locked(line, values, lock)):
            version = lock.lines_of(values).versions[line.id]
            base = expansion.base_of(target).value_id
            served[base] = Served(provider=one.provider or "", version=version)
    return served


@dataclass(frozen=True, kw_only=True)
class LineLocker:
    """Resolves release lines. `bases` are the locked ones, by id; `not_after`: see requests."""

    catalog: Catalog
    providers: Mapping[str, Provider]
    bases: Mapping[str, BaseLock]
    previous: Lock
    not_after: str
    note: Note

    def lock(self, wanted: Sequence[WantedReleaseLine]) -> LockedReleaseLines:
        """Resolve each line once for each base: in one version, if it has one provider.

        Of several providers, the first that has it serves a base.
        """
        groups: dict[tuple[str, str], list[WantedReleaseLine]] = {}
        for item in wanted:
            base = item.base.value_id if item.line.providers else ""
            groups.setdefault((item.line.id, base), []).append(item)
        answers = in_parallel(self._serve, list(groups.values()))
        locked: dict[str, VersionLock] = {}
        problems: list[Problem] = []
        for (name, base), answer in zip(groups, answers, strict=True):
            if isinstance(answer, Problem):
                problems.append(answer)
                outcome = "stays as it is" if answer.keeps else "not locked"
                self.note(f"{_on(name, base)}: {outcome}: {answer.reason}")
                continue
            others = locked.get(name, VersionLock())
            locked[name] = replace(
                answer,
                files={**others.files, **answer.files}, served={**others.served, **answer.served},
            )  # fmt: skip
            says = [f"{one.version} of {one.provider}" for one in answer.served.values()]
            self.note(f"{_on(name, base)}: {', '.join(says) or answer.version}")
        available = [
            found for group in groups.values() if (found := self._preferred(group)) is not None
        ]
        for found in available:
            self.note(str(found))
        return LockedReleaseLines(
            release_lines=locked, problems=tuple(problems), available=tuple(available)
        )

    def _serve(self, group: Sequence[WantedReleaseLine]) -> VersionLock | Problem:
        """Return a release line by the first provider that has it, or the problem."""
        first, errors = group[0], []
        for one in first.choices:
            try:
                return self._resolved([item.of(one) for item in group])
            except BuilderError as error:
                errors.append(error)
                if isinstance(error, ConfigError):
                    break
        keeps = as_locked(first.line, first.target.variant.values, self.previous) is not None
        return Problem(subject=first.line.id, error=_together(errors), keeps=keeps)

    def _preferred(self, group: Sequence[WantedReleaseLine]) -> Available | None:
        """Return the first provider before the locked one that has a release line, if any."""
        first = group[0]
        for one in first.preferred:
            try:
                found = self._resolved([item.of(one) for item in group])
            except BuilderError:
                continue
            (served,) = found.served.values()
            return Available(
                line=first.line.id, base=first.base.value_id, provider=served.provider,
                version=served.version, locked=first.value.provider or "",
            )  # fmt: skip
        return None

    def _resolved(self, group: Sequence[WantedReleaseLine]) -> VersionLock:
        """Return a release line as its provider has it for all bases of a group."""
        answers = [(item, self._ask(item)) for item in group]
        found, first = _one_version(answers), group[0]
        if not first.line.providers:
            return found
        served = Served(provider=first.value.provider or "", version=found.version)
        return VersionLock(files=found.files, served={first.base.value_id: served})

    def _ask(self, wanted: WantedReleaseLine) -> ExactVersion:
        request = release_line_request(wanted, self.bases[wanted.base.id], self.catalog)
        request = replace(request, not_after=self.not_after)
        value, provider_name = wanted.value, wanted.value.provider or ""
        try:
            exact = resolve(self.providers[provider_name], request, self._before(wanted))
        except BuilderError as error:
            subject = f"{value.id} for {wanted.target.id} (recipe {wanted.target.recipe})"
            raise type(error)(f"{subject}: {error.message}", hint=error.hint) from error
        if exact.version != value.upstream and not exact.version.startswith(f"{value.upstream}."):
            raise StepError(
                f"{value.id}: provider {provider_name} has {exact.version} on {wanted.base.id}",
                hint="name the release line that it has, or require another base",
            )
        return exact

    def _before(self, wanted: WantedReleaseLine) -> VersionLock | None:
        """Return what the lock has of a release line from the provider that is asked."""
        version_lock, values = (
            self.previous.release_lines.get(wanted.line.id),
            wanted.target.variant.values,
        )
        if version_lock is None or as_locked(wanted.line, values, self.previous) != wanted.value:
            return None
        version = self.previous.lines_of(values).versions[wanted.line.id]
        return VersionLock(version=version, files=version_lock.files)


def _on(name: str, base: str) -> str:
    return f"{name} on {base}" if base else name


def _together(errors: Sequence[BuilderError]) -> BuilderError:
    """Return one error of all providers of a release line: nobody knows what one may have."""
    if len(errors) == 1:
        return errors[0]
    kind = UnreachableError if any(isinstance(it, UnreachableError) for it in errors) else StepError
    hints = dict.fromkeys(error.hint for error in errors if error.hint)
    return kind("; ".join(error.message for error in errors), hint="; ".join(hints))


def _one_version(answers: Sequence[tuple[WantedReleaseLine, ExactVersion]]) -> VersionLock:
    """Return the one version of all bases. Raises StepError where they differ."""
    files: dict[str, tuple[RemoteFile, ...]] = {}
    versions: dict[str, str] = {}
    for wanted, answer in answers:
        versions[wanted.base.id] = answer.version
        if answer.files:
            files[wanted.base.id] = answer.files
    if len(set(versions.values())) > 1:
        several = ", ".join(f"{version} on {base}" for base, version in versions.items())
        raise StepError(
            f"{answers[0][0].line.id} has more than one exact version: {several}",
            hint="declare a release line for each base, with `requires`",
        )
    return VersionLock(version=next(iter(versions.values())), files=files)
