"""A recipe and the axes of a variant to a plain Dockerfile.

Parents and inputs appear by the names of build contexts (`FROM parent`, `COPY --from=<input>`),
never as references: the same text is built against any registry.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import jinja2

from builder.catalog.models import Recipe
from builder.catalog.recipe import BuildVariables, packages_of
from builder.common.errors import ConfigError, Location
from builder.common.text import did_you_mean
from builder.plan.dockerfile_downloads import Download, downloads, marked, unmarked

PARENT = "parent"
# What an expression of a template can raise.
_MISTAKES = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
_BEGINS = re.compile(r"^\s*FROM\s", re.MULTILINE | re.IGNORECASE)
_UNDEFINED = re.compile(r"'(\w+)' is undefined")


@dataclass(frozen=True, kw_only=True)
class Dockerfile:
    """A rendered Dockerfile, and what instructions of the recipe download, which no lock knows."""

    text: str
    downloads: tuple[Download, ...] = ()

    @property
    def is_staged(self) -> bool:
        """Whether a part of the build is left behind, with what was installed there."""
        return sum(line.startswith("FROM ") for line in self.text.splitlines()) > 1


class DockerfileRenderer:
    """Renders recipes with the macros of a catalog. What is rendered once is kept.

    `sources` maps the name of a place that packages come from to the start of its URLs upstream.
    """

    def __init__(
        self, *, macros: Mapping[str, str], macros_path: str, sources: Mapping[str, str]
    ) -> None:
        self._macros = macros
        self._macros_path = macros_path
        self._sources = sources
        self._environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
        )
        self._templates: dict[str, jinja2.Template] = {}
        self._rendered: dict[tuple[object, ...], str] = {}  # still marked, see `downloads`

    def render(self, recipe: Recipe, where: BuildVariables) -> Dockerfile:
        """Render the recipe for a variant. Raises ConfigError at the template's line."""
        marked = self._marked(recipe, where)
        return Dockerfile(
            text=unmarked(marked), downloads=downloads(marked, (PARENT, *where.inputs))
        )

    def _marked(self, recipe: Recipe, where: BuildVariables) -> str:
        parts = (where.axes, where.providers, where.versions)
        key = (
            recipe.name,
            *(tuple(part.items()) for part in parts),
            where.inputs,
            where.arch,
            where.locked,
        )
        if key not in self._rendered:
            self._rendered[key] = self._render(recipe, where)
        return self._rendered[key]

    def _render(self, recipe: Recipe, where: BuildVariables) -> str:
        path = recipe.dockerfile_path
        packages = packages_of(recipe, where)
        context: dict[str, Any] = {
            "parent": PARENT,
            "axes": dict(where.axes),
            "providers": dict(where.providers),
            "versions": dict(where.versions),
            "arch": where.arch,
            "sources": dict(self._sources),
            "packages": {name: list(items) for name, items in packages.items()},
            "inputs": list(where.inputs),
            "locked": list(where.locked),
        }
        context |= self._functions(context)
        template = self._compile(marked(recipe.dockerfile), path)
        render = partial(template.render, context)
        text = self._guard(render, path, recipe.dockerfile, known=context)
        lines = [line.rstrip() for line in text.splitlines()]
        lines = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
        lines += [f"EXPOSE {port}" for port in recipe.ports]
        if recipe.command:
            lines.append(f"CMD {json.dumps(list(recipe.command))}")
        if not _BEGINS.search(unmarked("\n".join(lines))):
            raise ConfigError(
                f"recipe {recipe.name} makes a Dockerfile without FROM",
                hint="it begins with `FROM {{ parent }}`",
                location=Location(file=path),
            )
        return "\n".join(lines).strip("\n") + "\n"

    def _functions(self, context: Mapping[str, Any]) -> dict[str, Any]:
        functions: dict[str, Any] = {}
        for name, text in self._macros.items():
            path = self._path(name)
            template = self._compile(text, path)
            module = self._guard(partial(template.make_module, dict(context)), path, text)
            functions |= {key: value for key, value in vars(module).items() if key[0] != "_"}
        return functions

    def _path(self, name: str) -> str:
        """Return where a file of macros is; the name of one of the builder's is its path."""
        return str(PurePosixPath(self._macros_path, name))

    def _compile(self, text: str, path: str) -> jinja2.Template:
        if path not in self._templates:
            code = self._guard(
                lambda: self._environment.compile(text, name=path, filename=path), path, text
            )
            self._templates[path] = jinja2.Template.from_code(
                self._environment, code, self._environment.make_globals(None)
            )
        return self._templates[path]

    def _guard(
        self, work: Callable[[], Any], path: str, text: str, known: Iterable[str] = ()
    ) -> Any:
        """Run jinja2, and turn what it raises into an error at the line of the template.

        `known` are the names that the template may use.
        """
        texts = {self._path(name): item for name, item in self._macros.items()}
        texts[path] = text
        try:
            return work()
        except jinja2.TemplateSyntaxError as error:
            place = _at(error.filename or path, error.lineno, text)
            raise ConfigError(f"template: {error.message}", location=place) from error
        except _MISTAKES as error:
            file, line = path, 0
            for frame in traceback.extract_tb(error.__traceback__):
                if frame.filename in texts:
                    file, line = frame.filename, frame.lineno or 0
            place = _at(file, line, texts[file])
            hint = _hint(str(error), known)
            raise ConfigError(f"template: {error}", hint=hint, location=place) from error


def _hint(message: str, known: Iterable[str]) -> str:
    """Return what helps where a name is not defined; jinja2 keeps it in its message alone."""
    match = _UNDEFINED.fullmatch(message)
    if match is None:
        return ""
    near = did_you_mean(match.group(1), known)
    return near or "define it in images/_macros, or take a macro that comes with the builder"


def _at(path: str, line: int, text: str) -> Location:
    lines = text.splitlines()
    source = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return Location(file=path, line=line, source=unmarked(source))
