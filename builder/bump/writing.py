"""Carries out proposals in the text of matrix.yaml. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.version import Version

from builder.bump.decision import Row
from builder.bump.removal import without_line
from builder.catalog import yaml_document as documents
from builder.catalog.matrix import Matrix
from builder.catalog.release_line import AxisValue
from builder.catalog.yaml_text import with_copy, with_value, without
from builder.common.errors import BuilderError
from builder.common.mappings import mapping
from builder.resolvers.observation import version_of


@dataclass(frozen=True, kw_only=True)
class Written:
    """The text of matrix.yaml with what was proposed, and what each proposal came to.

    `done` and `left` are sentences; `lines` are the new release lines, as `builder lock -s` takes
    them, and `gone` those that were taken out.
    """

    text: str
    done: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def carried_out(text: str, matrix: Matrix, proposals: Sequence[Row]) -> Written:
    """Return the text of matrix.yaml in which lines enter and go, and ends are those of tables.

    A line that cannot go, as something there names no other one, is left.
    """
    done, left, lines, gone = list[str](), list[str](), list[str](), list[str]()
    for row in proposals:
        line = f"{row.axis}={row.line}"
        try:
            if row.what == "enter":
                name, text = _entered(text, matrix, row)
                done.append(f"{row.axis}={name} enters, like the newest of {row.provider}")
                lines.append(f"{row.axis}={name}")
            elif row.what == "eol":
                text = with_value(text, ("axes", row.axis, row.line, "eol"), row.day)
                done.append(f"{line} ends on {row.day}")
            elif row.what in ("drop", "retire"):
                text = without_line(text, row.axis, row.line)
                done.append(f"{line} is taken out, with what named it in matrix.yaml")
                gone.append(line)
        except BuilderError as error:
            left.append(f"{line}: {error.message}")
    return Written(
        text=text, done=tuple(done), left=tuple(left), lines=tuple(lines), gone=tuple(gone)
    )


def without_conditions(line: str, recipe: str) -> tuple[str, tuple[int, ...]]:
    """Return a recipe.yaml without what it says for a release line alone, and where that stood.

    A condition that says `not` of the line stays: what it has is not for that line. `line` is
    `axis=value`; the numbers are those of lines of `recipe`.
    """
    document = documents.load(recipe, "recipe.yaml")[0]
    numbers: list[int] = []
    for condition in mapping(document.data, "when"):
        if line in map(str.strip, str(condition).split(",")):
            numbers.append(document.at_key(("when", condition)).line or 0)
            recipe = without(recipe, ("when", condition))
    return recipe, tuple(numbers)


def _entered(text: str, matrix: Matrix, row: Row) -> tuple[str, str]:
    """Return the name of a new release line, and the text with it. Raises BuilderError."""
    like = _newest(matrix.axes[row.axis], row.provider)
    name = like.name.replace(like.upstream, row.line)
    if name in {value.name for value in matrix.axes[row.axis]}:
        raise BuilderError(f"{row.axis} has another {name} already")
    path = ("axes", row.axis)
    text = without(with_copy(text, path, name, like.name), (*path, name, "eol"))
    if like.release_line:
        text = with_value(text, (*path, name, "release_line"), row.line)
    return name, text


def _newest(values: Sequence[AxisValue], provider: str) -> AxisValue:
    """Return the newest value of a provider, which has one where it has candidates."""
    served = [value for value in values if provider in value.provider_names]
    return max(served, key=lambda value: version_of(value.upstream) or Version("0"))
