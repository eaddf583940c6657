"""Asks indexes and tables of ends of life, and says which release lines may come or go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from builder.app.app import App
from builder.app.load import load
from builder.bump.decision import AxisFacts, decide, lines_of
from builder.bump.outcome import NotLookedAt, Outcome
from builder.bump.trust import sifted, with_first_days
from builder.bump.writing import carried_out, without_conditions
from builder.catalog.release_line import AxisValue
from builder.common.errors import BuilderError, ConfigError, SelectionError
from builder.common.files import write
from builder.common.parallel import by_item, in_parallel
from builder.common.text import did_you_mean
from builder.lock.interfaces import ReleaseLineRequest
from builder.overlay.source_catalogs import MATRIX
from builder.resolvers.ends_of_life import EndTable, file_name, parse_table
from builder.resolvers.observation import Observation, Question, as_file, observed, read

_Found = TypeVar("_Found")


@dataclass(kw_only=True)
class _Answers:
    """What the indexes and tables said, by axis."""

    observations: dict[str, list[Observation]] = field(default_factory=dict)
    ends: dict[str, EndTable] = field(default_factory=dict)
    missing: list[NotLookedAt] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def bump(
    app: App, axes: Sequence[str] = (), *, indexes: Path | None = None, record: Path | None = None
) -> Outcome:
    """Return what may be done about the release lines of some axes, or of all.

    `indexes` is a folder of observations that take the place of asking; `record` is one to write
    them to. Raises SelectionError, and ConfigError for what is wrong with a file of `indexes`.
    """
    matrix = app.catalog.matrix
    if unknown := [axis for axis in axes if axis not in matrix.axes]:
        hint = did_you_mean(unknown[0], matrix.axes)
        raise SelectionError(f"there is no axis {unknown[0]!r}", hint=hint)
    names = tuple(axes or matrix.axes)
    answers = _Answers()
    for axis, table in _tables(app, names, indexes, answers):
        answers.ends[axis] = table
        _keep(record, _table_file(app, axis), table.text)
    for question, found in _asked(app, names, indexes):
        _take(app, question, found, answers, record)
    facts = {
        axis: AxisFacts(
            observations=tuple(answers.observations.get(axis, ())), ends=answers.ends.get(axis)
        )
        for axis in names
    }
    return Outcome(
        today=app.options.today,
        rows=decide(matrix, facts, app.options.today),
        observations=tuple(one for axis in names for one in answers.observations.get(axis, ())),
        not_looked_at=tuple(answers.missing),
        warnings=tuple(answers.warnings),
    )


def carry_out(app: App, outcome: Outcome) -> tuple[str, ...]:
    """Write into matrix.yaml what is proposed, and return what was done and what is to do.

    What recipes say for a line that goes is taken out, too. Where the catalog would not load any
    more, all files stay as they were. Raises ConfigError then.
    """
    root = app.project.root
    written = carried_out(_text(root / MATRIX), app.catalog.matrix, outcome.proposals)
    texts = {root / MATRIX: written.text}
    places = list(_take_conditions(root, written.gone, texts))
    before = {file: file.read_bytes() for file in texts}
    changed = [write(file, text.encode()) for file, text in texts.items()]
    if any(changed):
        try:
            load(root)
        except BuilderError:
            for file, data in before.items():
                write(file, data)
            raise
    locks = [f"now: builder lock {' '.join(f'-s {line}' for line in written.lines)}"]
    return (*written.done, *written.left, *places, *(locks if written.lines else ()))


def _take_conditions(root: Path, lines: Sequence[str], texts: dict[Path, str]) -> Iterator[str]:
    """Add the texts of recipes without what they say for release lines that are gone.

    Yields what was taken out, with its place.
    """
    for file in sorted(root.glob("images/*/recipe.yaml")) if lines else ():
        text = before = _text(file)
        for line in lines:
            text, numbers = without_conditions(line, text)
            for number in numbers:
                shown = file.relative_to(root)
                yield f"{shown}:{number}: what it has for {line} is taken out"
        if text != before:
            texts[file] = text


def _text(file: Path) -> str:
    return file.read_bytes().decode()


# Tables of ends of life.


def _tables(
    app: App, axes: Sequence[str], indexes: Path | None, answers: _Answers
) -> Iterator[tuple[str, EndTable]]:
    """Yield the tables that the policies of axes name; those that cannot be read are noted."""
    policies = {axis: app.catalog.matrix.bump.policy(axis).eol for axis in axes}
    wanted = {axis: eol for axis, eol in policies.items() if eol and eol.origin != "none"}

    def table(axis: str) -> EndTable | BuilderError:
        eol = wanted[axis]
        if indexes is not None:
            return _or_error(lambda: parse_table(*_file(indexes / _table_file(app, axis))))
        return _or_error(lambda: app.adapters.observers.ends(eol.origin, eol.product, eol.support))

    for axis, found in by_item(table, wanted).items():
        if isinstance(found, EndTable):
            yield axis, found
        else:
            name = wanted[axis].origin
            answers.missing.append(NotLookedAt(axis=axis, name=name, reason=found.message))


def _table_file(app: App, axis: str) -> str:
    eol = app.catalog.matrix.bump.policy(axis).eol
    assert eol is not None
    return file_name(eol.origin, eol.product, eol.support)


def _file(path: Path) -> tuple[bytes, str]:
    """Return what is in a file, with its name. Raises BuilderError where it is not there."""
    if not path.is_file():
        raise BuilderError(f"{path} is not there")
    return path.read_bytes(), str(path)


def _keep(folder: Path | None, name: str, text: str) -> None:
    """Write a file into a folder, if there is one to write to."""
    if folder is not None:
        write(folder / name, text.encode())


def _or_error(ask: Callable[[], _Found]) -> _Found | BuilderError:
    """Return an answer, or the error, which spoils no other one. Raises ConfigError."""
    try:
        return ask()
    except ConfigError:
        raise
    except BuilderError as error:
        return error


# Indexes.


def questions(app: App, axes: Sequence[str]) -> tuple[Question, ...]:
    """Return what is asked about axes: each provider once whose index may have newer lines."""
    catalog = app.catalog
    asked: dict[str, Question] = {}
    for axis in axes:
        for name in _providers(catalog.matrix.axes[axis]):
            if app.adapters.observers.has_index(name):
                options = catalog.provider_options(axis, name)
                question = Question(axis=axis, provider=name, options=options[0] if options else {})
                asked[question.name] = question
    return tuple(asked.values())


def _providers(values: Sequence[AxisValue]) -> list[str]:
    return list(dict.fromkeys(name for value in values for name in value.provider_names))


def _asked(
    app: App, axes: Sequence[str], indexes: Path | None
) -> Iterator[tuple[Question, Observation | BuilderError]]:
    """Yield the questions with what each index has, or why it was not read."""
    asked = questions(app, axes)

    def observation(question: Question) -> Observation | BuilderError:
        return _or_error(lambda: _observation(app, question, indexes))

    yield from zip(asked, in_parallel(observation, asked), strict=True)


def _observation(app: App, question: Question, indexes: Path | None) -> Observation:
    if indexes is not None:
        return read(*_file(indexes / f"{question.name}.json"))
    versions = app.adapters.observers.versions(question.provider, _request(app, question))
    return observed(question, versions, app.options.today)


def _request(app: App, question: Question) -> ReleaseLineRequest:
    """Return a request of all lines for the first base that is locked, or for none at all."""
    project = app.project
    locked = project.lock.bases if project.lock else {}
    base = next((base for base in project.expansion.bases.values() if base.id in locked), None)
    if base is None:
        raise BuilderError("no base is locked: run `builder lock`")
    return ReleaseLineRequest(
        line="", base=base, lock=locked[base.id], options=question.options, axis=question.axis
    )


def _take(
    app: App,
    question: Question,
    found: Observation | BuilderError,
    answers: _Answers,
    record: Path | None,
) -> None:
    """Put an observation among the answers, if it is believed, and keep it."""
    if isinstance(found, BuilderError):
        answers.missing.append(
            NotLookedAt(axis=question.axis, name=question.provider, reason=found.message)
        )
        return
    file = app.state.observations / f"{question.name}.json"
    last = _last(file)
    dated = with_first_days(found, last)
    values = app.catalog.matrix.axes[question.axis]
    served = [value for value in values if question.provider in value.provider_names]
    result = sifted(dated, last, lines_of(served), app.options.today)
    answers.warnings += [f"{question.name}: {text}" for text in result.warnings]
    if result.distrust:
        answers.missing.append(
            NotLookedAt(
                axis=question.axis,
                name=question.provider,
                reason=f"not believed: {result.distrust}",
            )
        )
        return
    answers.observations.setdefault(question.axis, []).append(result.observation)
    for folder in (file.parent, record):
        _keep(folder, file.name, as_file(dated))


def _last(file: Path) -> Observation | None:
    """Return the last observation that is kept; what is damaged is none."""
    try:
        return read(file.read_bytes(), str(file)) if file.is_file() else None
    except BuilderError:
        return None
