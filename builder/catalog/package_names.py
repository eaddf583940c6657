"""Checks what recipes name, before it becomes a word of a command or a line of requirements.

Most names reach the programs of a language as they are. `-r /etc/passwd` is a line that pip reads,
and `x @ git+https://…` one for which uv runs git and the project's own code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from builder.catalog.ecosystem import EcosystemRules, Ecosystems
from builder.catalog.models import Recipe
from builder.catalog.recipe import named_at
from builder.common.errors import BuilderError, ConfigError, Location

_PLACEHOLDER = re.compile(r"\{[a-z][a-z0-9]*\.(major|minor|version)\}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+ -]*")
_PACKAGE = re.compile(r"@?[A-Za-z0-9][A-Za-z0-9._+/-]*(?:\[[A-Za-z0-9., _-]+\])?")
_ANY = re.compile(r"(?!-)[^\x00-\x1f\x7f]*")
# The options of providers that become words of commands, lines of files, or names of files.
_OPTIONS: Mapping[str, re.Pattern[str]] = {
    "build": _WORD,
    "components": _WORDS,
    "fingerprint": re.compile(r"[0-9A-Fa-f]{40}"),
    "kind": _WORD,
    "name": _WORD,
    "package": _PACKAGE,
    "sdist": _WORD,
}


def check_name(rules: EcosystemRules, name: str, location: Location | None = None) -> None:
    """Raise ConfigError for a text that is no package of an ecosystem."""
    if not rules.request.pattern.fullmatch(_PLACEHOLDER.sub("1", name)):
        raise ConfigError(
            f"{name!r} is not a package of {rules.name}",
            hint=f"write it as in {rules.name}: [{rules.request.example}]",
            location=location,
        )


def check_recipes(
    recipes: Iterable[Recipe], ecosystems: Ecosystems, read: Callable[[str], str]
) -> list[BuilderError]:
    """Return an error for each package, and each option of a provider, that is none."""
    return [error for recipe in recipes for error in _of_recipe(recipe, ecosystems, read)]


def _of_recipe(
    recipe: Recipe, ecosystems: Ecosystems, read: Callable[[str], str]
) -> list[BuilderError]:
    errors: list[BuilderError] = []
    for block in (recipe.packages, *(extra.packages for extra in recipe.when)):
        for ecosystem, names in block.items():
            if ecosystem in ecosystems:
                errors += _errors(ecosystems[ecosystem], names, recipe.name, read)
    for providers in recipe.provides.values():
        for options in providers.values():
            errors += [
                ConfigError(
                    f"{text!r} is no value of the option {key}",
                    location=named_at(read, recipe.name, text, keys=("provides",)),
                )
                for key, text in options.items()
                if not _OPTIONS.get(key, _ANY).fullmatch(text)
            ]
    return errors


def _errors(
    rules: EcosystemRules, names: Iterable[str], recipe: str, read: Callable[[str], str]
) -> list[BuilderError]:
    errors: list[BuilderError] = []
    for name in names:
        try:
            check_name(rules, name)
        except ConfigError as error:
            location = named_at(read, recipe, name)
            errors.append(ConfigError(error.message, hint=error.hint, location=location))
    return errors
