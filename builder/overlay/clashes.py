"""Names that several catalogs define which do not stand on one another: one of them is to count.

`{images: {x: {from-catalog: NAME}}}` in a catalog above them all says which. What the others say of
that name is left out, with the folder of that name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from builder.catalog.models import Path
from builder.catalog.yaml_document import Document
from builder.common.errors import BuilderError, ConfigError
from builder.common.mappings import mapping
from builder.common.text import did_you_mean, listed

SECTIONS = {"images": "image", "charts": "chart"}
CHOICE = "from-catalog"


@dataclass(frozen=True, kw_only=True)
class StackedFile:
    """The matrix.yaml of a catalog, and the names of all catalogs below it."""

    name: str
    document: Document
    below: frozenset[str]

    def says(self, section: str) -> Mapping[str, object]:
        """Return what a section has, by name; what is removed is not there."""
        said = mapping(self.document.data, section)
        return {name: value for name, value in said.items() if value is not None}


def left_out(
    files: Sequence[StackedFile],
) -> tuple[Mapping[str, frozenset[Path]], list[BuilderError]]:
    """Return what does not count of each catalog, by paths in its matrix.yaml, and what is wrong.

    `files` are those of catalogs that stand on one another, the lowest first.
    """
    paths: dict[str, set[Path]] = {file.name: set() for file in files}
    errors: list[BuilderError] = []
    for section in SECTIONS:
        for name in dict.fromkeys(name for file in files for name in file.says(section)):
            try:
                for catalog, path in _left_out(files, section, name):
                    paths[catalog].add(path)
            except ConfigError as error:
                errors.append(error)
    return {catalog: frozenset(found) for catalog, found in paths.items()}, errors


def _left_out(files: Sequence[StackedFile], section: str, name: str) -> Iterator[tuple[str, Path]]:
    having = [file for file in files if name in file.says(section)]
    names = {file.name for file in having}
    definers = [file.name for file in having if not file.below & names]
    if len(definers) < 2:
        return
    choices = [
        file for file in having
        if file.below.issuperset(definers) and CHOICE in mapping(file.says(section), name)
    ]  # fmt: skip
    if not choices:
        above = [file for file in files if file.below.issuperset(definers)]
        raise ConfigError(
            f"{SECTIONS[section]} {name!r} is defined by {listed(definers)}",
            hint=f"say which counts: `{section}: {{{name}: {{{CHOICE}: {definers[0]}}}}}`",
            location=above[-1].document.at_key(("extends",)),
            id="E-CATALOG-CLASH",
        )
    chosen = mapping(choices[-1].says(section), name)[CHOICE]
    if chosen not in definers:
        raise ConfigError(
            f"catalog {chosen!r} defines no {SECTIONS[section]} {name!r}",
            hint=did_you_mean(str(chosen), definers),
            location=choices[-1].document.at((section, name, CHOICE)),
            id="E-NAME-UNKNOWN",
        )
    for file in choices:
        yield file.name, (section, name, CHOICE)
    for file in having:
        if file.name != chosen and chosen not in file.below:
            yield file.name, (section, name)
