"""Whether what recipes want of pip fits together: asked of uv, once a day for each set."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from builder.config.parse import Network
from builder.errors import BuilderError, Location, StepError
from builder.files import write
from builder.process import Command, Runner
from builder.resolvers.pypi import compile_command, index_env, unreachable
from builder.resolvers.sources import Place

_AT_ONCE = 4
_NO_SOLUTION = "No solution found"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
Locate = Callable[[str, str], Location]
"""The place where a recipe names a package."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a lineage wants of pip: (recipe, requirement), the root first."""

    target: str
    python: str
    platform: str
    requirements: tuple[tuple[str, str], ...]

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        """What uv is asked: targets that have it in common are asked of once."""
        return self.python, self.platform, tuple(sorted({text for _, text in self.requirements}))


class PipCheck:
    """Remembers below `folder` what fitted, for the day."""

    def __init__(self, *, runner: Runner, network: Network, folder: Path, locate: Locate) -> None:
        self._runner = runner
        self._network = network
        self._folder = folder
        self._locate = locate

    def check(self, wanted: Iterable[Wanted], today: str) -> tuple[BuilderError, ...]:
        """One error for each set that does not fit, or that names a package that is not there."""
        first: dict[object, Wanted] = {}
        for item in wanted:
            first.setdefault(item.key, item)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(lambda item: self._check(item, today), first.values()))
        # What a parent cannot have, its children cannot have either: told once.
        told: dict[str, BuilderError] = {}
        for item, error in zip(first.values(), found, strict=True):
            if error is not None:
                told.setdefault(error.message.replace(item.target, ""), error)
        return tuple(told.values())

    def _check(self, wanted: Wanted, today: str) -> BuilderError | None:
        index = self._network.mirrors.get("pip", "")
        identity = json.dumps([today, index, *wanted.key]).encode()
        known = self._folder / hashlib.sha256(identity).hexdigest()
        if known.exists():
            return None
        command = compile_command(
            python=wanted.python, platform=wanted.platform, env=index_env(self._network)
        )
        text = "".join(f"{requirement}\n" for requirement in wanted.key[2])
        asked = Command(
            argv=command.argv, env=command.env, program="uv", timeout=120,
            stdin=text.encode(),
        )  # fmt: skip
        output = self._runner.run(asked, check=False)
        if output.code == 0:
            write(known, b"")
            return None
        if _NO_SOLUTION not in output.log or unreachable(
            output.log, Place(source="pip", url=index)
        ):
            return None  # the index was not asked to the end: nothing is known of the packages
        return self._error(wanted, output.log)

    def _error(self, wanted: Wanted, log: str) -> BuilderError:
        said = "\n".join(f"    {line.strip()}" for line in log.strip().splitlines()[1:] if line)
        if gone := re.search(r"Because (\S+) was not found in the package registry", log):
            recipe = self._recipe_of(gone[1], wanted)
            return StepError(
                f"there is no package {gone[1]} in the index, which recipe {recipe} wants"
                f" for {wanted.target}",
                hint="is its name right?",
                location=self._locate(recipe, gone[1]),
            )
        blamed = [
            (recipe, text) for recipe, text in wanted.requirements
            if re.search(rf"(?<![\w.-]){re.escape(_name(text))}(?![\w-])", log, re.IGNORECASE)
        ] or list(wanted.requirements)  # fmt: skip
        wishes = ", ".join(f"{text} (recipe {recipe})" for recipe, text in dict.fromkeys(blamed))
        recipe, text = blamed[-1]
        return StepError(
            f"these do not fit together for {wanted.target}: {wishes}\n{said}",
            hint="ask for other versions, or leave one out under a condition of `when`",
            location=self._locate(recipe, _name(text)),
        )

    def _recipe_of(self, package: str, wanted: Wanted) -> str:
        for recipe, text in wanted.requirements:
            if canonicalize_name(_name(text)) == canonicalize_name(package):
                return recipe
        return wanted.requirements[-1][0]


def _name(requirement: str) -> str:
    match = _NAME.match(requirement)
    return match[0] if match else requirement
