"""Renders a recipe and the axes of a variant to a plain Dockerfile.

Parents and inputs appear by the names of build contexts (`FROM parent`, `COPY --from=<input>`),
never as references: the same text is built against any registry.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any, NoReturn

import jinja2

from builder.catalog.models import Recipe
from builder.catalog.recipe import BuildVariables, packages_of
from builder.common.errors import ConfigError, Location
from builder.common.text import did_you_mean
from builder.plan.dockerfile_downloads import Download, downloads, marked, unmarked
from builder.plan.dockerfile_lines import check_appended, with_environment
from builder.plan.template_sandbox import LARGEST_TEXT, TemplateSandbox

PARENT = "parent"
# The exceptions that a template can raise where it is compiled or rendered.
_MISTAKES = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)
_BEGINS = re.compile(r"^\s*FROM\s", re.MULTILINE | re.IGNORECASE)
_UNDEFINED = re.compile(r"'(\w+)' is undefined")


@dataclass(frozen=True, kw_only=True)
class Dockerfile:
    """A rendered Dockerfile, and the unlocked downloads of its instructions."""

    text: str
    downloads: tuple[Download, ...] = ()

    @property
    def is_staged(self) -> bool:
        """Whether the build has several stages, so that not all that is installed stays."""
        return sum(line.startswith("FROM ") for line in self.text.splitlines()) > 1


MIRRORED = Dockerfile(text=f"FROM {PARENT}\n")
"""What makes the same image as a mirrored one: nothing is done to it."""


class DockerfileRenderer:
    """Renders recipes with the macros of a catalog, and caches the results.

    `sources` maps the name of a package source to the start of its upstream URLs.
    """

    def __init__(
        self, *, macros: Mapping[str, str], macros_path: str, sources: Mapping[str, str]
    ) -> None:
        self._macros = macros
        self._macros_path = macros_path
        self._sources = sources
        self._environment = TemplateSandbox()
        self._templates: dict[str, jinja2.Template] = {}
        self._rendered: dict[tuple[object, ...], str] = {}  # with marks, see `downloads`

    def render(self, recipe: Recipe, variables: BuildVariables) -> Dockerfile:
        """Render the recipe for a variant. Raises ConfigError at the template's line."""
        marked = self._marked(recipe, variables)
        return Dockerfile(
            text=unmarked(marked), downloads=downloads(marked, (PARENT, *variables.inputs))
        )

    def _marked(self, recipe: Recipe, variables: BuildVariables) -> str:
        parts = (variables.axes, variables.providers, variables.versions)
        key = (
            recipe.name,
            *(tuple(part.items()) for part in parts),
            variables.inputs,
            variables.arch,
            variables.locked,
            variables.inherited,
            variables.sudo,
        )
        if key not in self._rendered:
            self._rendered[key] = self._render(recipe, variables)
        return self._rendered[key]

    def _render(self, recipe: Recipe, variables: BuildVariables) -> str:
        self._environment.begin()
        path, context = recipe.dockerfile_path, self._context(recipe, variables)
        lines: list[str] = []
        templates = {path: recipe.dockerfile, **recipe.appended}
        for index, (file, template) in enumerate(templates.items()):
            added = self._lines(file, template, index, context)
            if index:
                check_appended(added, file)
            lines += added
        lines = with_environment(_with_few_blanks(lines), recipe.env)
        lines += [f"EXPOSE {port}" for port in recipe.ports]
        if recipe.command:
            lines.append(f"CMD {json.dumps(list(recipe.command))}")
        if not _BEGINS.search(unmarked("\n".join(lines))):
            raise ConfigError(
                f"recipe {recipe.name} renders to a Dockerfile without FROM",
                hint="begin it with `FROM {{ parent }}`",
                location=Location(file=path),
            )
        return "\n".join(lines).strip("\n") + "\n"

    def _context(self, recipe: Recipe, variables: BuildVariables) -> dict[str, Any]:
        """Return what a template of a recipe may use, by name."""
        packages = packages_of(recipe, variables)
        context: dict[str, Any] = {
            "parent": PARENT,
            "axes": dict(variables.axes),
            "providers": dict(variables.providers),
            "versions": dict(variables.versions),
            "arch": variables.arch,
            "sources": dict(self._sources),
            "packages": {name: list(names) for name, names in packages.items()},
            "inputs": list(variables.inputs),
            "locked": list(variables.locked),
            "inherited": list(variables.inherited),
            "sudo": variables.sudo,
            "files": [file.path for file in recipe.files],
            "fail": _fail,
        }
        return context | self._functions(context)

    def _lines(self, path: str, template: str, index: int, context: Mapping[str, Any]) -> list[str]:
        """Return what a template of a recipe renders to; its index is in the marks of its lines."""
        compiled = self._compile(marked(template, index), path)
        text = self._guard(partial(compiled.render, context), path, template, names=context)
        return [line.rstrip() for line in text.splitlines()]

    def _functions(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return the macros by name; those of a file may use those of the files before it."""
        functions: dict[str, Any] = {}
        for name, text in self._macros.items():
            path = self._path(name)
            template = self._compile(text, path)
            names = {**context, **functions}
            module = self._guard(partial(self._module, template, names), path, text)
            functions |= {key: value for key, value in vars(module).items() if key[0] != "_"}
        return functions

    def _module(self, template: jinja2.Template, context: Mapping[str, Any]) -> Any:
        try:
            return template.make_module(dict(context))
        except _MISTAKES:
            self._environment.handle_exception()  # its frames get the lines of the template

    def _path(self, name: str) -> str:
        """Return the path of a file of macros; the builder's own are named by their paths."""
        return str(PurePosixPath(self._macros_path, name))

    def _compile(self, text: str, path: str) -> jinja2.Template:
        if len(text) > LARGEST_TEXT:
            message = f"template: it has more than {LARGEST_TEXT:,} characters"
            raise ConfigError(message, location=Location(file=path))
        if path not in self._templates:
            code = self._guard(
                lambda: self._environment.compile(text, name=path, filename=path), path, text
            )
            self._templates[path] = jinja2.Template.from_code(
                self._environment, code, self._environment.make_globals(None)
            )
        return self._templates[path]

    def _guard(
        self, call: Callable[[], Any], path: str, text: str, names: Iterable[str] = ()
    ) -> Any:
        """Call jinja2, and raise its errors as ConfigError at the line of the template.

        `names` are those that the template may use.
        """
        texts = {self._path(name): macro for name, macro in self._macros.items()}
        texts[path] = text
        try:
            return call()
        except jinja2.TemplateSyntaxError as error:
            location = _at(error.filename or path, error.lineno, text)
            raise ConfigError(f"template: {error.message}", location=location) from error
        except _MISTAKES as error:
            file, line = path, 0
            for frame in traceback.extract_tb(error.__traceback__):
                if frame.filename in texts:
                    file, line = frame.filename, frame.lineno or 0
            location = _at(file, line, texts[file])
            hint = _hint(str(error), names)
            raise ConfigError(f"template: {error}", hint=hint, location=location) from error


def _fail(message: str) -> NoReturn:
    """Refuse to render: a template says what it lacks."""
    raise ValueError(message)


def _with_few_blanks(lines: Sequence[str]) -> list[str]:
    """Return lines of which no two in a row are empty, nor is the first."""
    return [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]


def _hint(message: str, names: Iterable[str]) -> str:
    """Return a hint for an undefined name, which is in the message of jinja2 only."""
    match = _UNDEFINED.fullmatch(message)
    if match is None:
        return ""
    suggestion = did_you_mean(match.group(1), names)
    return suggestion or "define it in images/_macros, or use a macro of the builder"


def _at(path: str, line: int, text: str) -> Location:
    lines = text.splitlines()
    source = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return Location(file=path, line=line, source=unmarked(source))
