"""A recipe and the axes of a cell to a plain Dockerfile.

Parents and inputs appear by the names of build contexts (`FROM parent`, `COPY --from=<input>`),
never as references: the same text is built against any registry.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jinja2

from builder.errors import ConfigError, Location
from builder.model import Recipe

PARENT = "parent"
Packages = dict[str, tuple[str, ...]]
# What an expression of a template can raise.
_MISTAKES = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
_CONDITION = re.compile(r"(?P<not>not\s+)?(?P<axis>[a-z][a-z0-9-]*)(?:=(?P<value>\S+))?")


def parse_condition(text: str) -> tuple[tuple[str, str | None, bool], ...]:
    """A condition of `when`, as (axis, value or None, wanted) that must all hold.

    Terms are joined by commas: `r`, `not python`, `debian=12`, `r, not python`. ValueError on
    anything else.
    """
    terms = []
    for part in text.split(","):
        match = _CONDITION.fullmatch(part.strip())
        if not match:
            raise ValueError(text)
        terms.append((match["axis"], match["value"], match["not"] is None))
    return tuple(terms)


def holds(condition: str, axes: Mapping[str, str]) -> bool:
    """Whether a condition holds for a cell with these axes."""
    for axis, value, wanted in parse_condition(condition):
        met = axis in axes and value in (None, axes[axis])
        if met is not wanted:
            return False
    return True


def packages_of(recipe: Recipe, axes: Mapping[str, str]) -> Packages:
    """What a recipe adds in a cell, per ecosystem, in the order of its file."""
    found: dict[str, list[str]] = {}
    blocks = [recipe.packages, *(extra for when, extra in recipe.when if holds(when, axes))]
    for block in blocks:
        for ecosystem, names in block.items():
            found.setdefault(ecosystem, []).extend(names)
    return {ecosystem: tuple(dict.fromkeys(names)) for ecosystem, names in found.items()}


class DockerfileRenderer:
    """Renders recipes with the macros of a catalog. What is rendered once is kept."""

    def __init__(self, *, macros: Mapping[str, str], macros_path: str) -> None:
        self._macros = macros
        self._macros_path = macros_path
        self._environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
        )
        self._templates: dict[str, jinja2.Template] = {}
        self._rendered: dict[tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]], str] = {}

    def render(self, recipe: Recipe, axes: Mapping[str, str], inputs: tuple[str, ...] = ()) -> str:
        """The Dockerfile of a recipe for a cell. Raises ConfigError at the template's line."""
        key = (recipe.name, tuple(axes.items()), inputs)
        if key not in self._rendered:
            self._rendered[key] = self._render(recipe, axes, inputs)
        return self._rendered[key]

    def _render(self, recipe: Recipe, axes: Mapping[str, str], inputs: tuple[str, ...]) -> str:
        path = recipe.dockerfile_path
        context: dict[str, Any] = {
            "parent": PARENT,
            "axes": dict(axes),
            "packages": {name: list(items) for name, items in packages_of(recipe, axes).items()},
            "inputs": list(inputs),
        }
        context |= self._functions(context)
        template = self._compile(recipe.dockerfile, path)
        text = self._guard(partial(template.render, context), path, recipe.dockerfile)
        lines = [line.rstrip() for line in text.splitlines()]
        lines = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
        lines += [f"EXPOSE {port}" for port in recipe.ports]
        if recipe.command:
            lines.append(f"CMD {json.dumps(list(recipe.command))}")
        return "\n".join(lines).strip("\n") + "\n"

    def _functions(self, context: Mapping[str, Any]) -> dict[str, Any]:
        functions: dict[str, Any] = {}
        for name, text in self._macros.items():
            path = f"{self._macros_path}/{name}"
            template = self._compile(text, path)
            module = self._guard(partial(template.make_module, dict(context)), path, text)
            functions |= {key: value for key, value in vars(module).items() if key[0] != "_"}
        return functions

    def _compile(self, text: str, path: str) -> jinja2.Template:
        if path not in self._templates:
            code = self._guard(
                lambda: self._environment.compile(text, name=path, filename=path), path, text
            )
            self._templates[path] = jinja2.Template.from_code(
                self._environment, code, self._environment.make_globals(None)
            )
        return self._templates[path]

    def _guard(self, work: Callable[[], Any], path: str, text: str) -> Any:
        """Run jinja2, and turn what it raises into an error at the line of the template."""
        texts = {f"{self._macros_path}/{name}": item for name, item in self._macros.items()}
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
            raise ConfigError(f"template: {error}", location=place) from error


def _at(path: str, line: int, text: str) -> Location:
    lines = text.splitlines()
    source = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return Location(file=path, line=line, source=source)
