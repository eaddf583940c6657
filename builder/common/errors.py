"""The errors of the builder; each class has its exit code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import ENOSPC


@dataclass(frozen=True, kw_only=True)
class Location:
    """A position in a file of the catalog. Lines and columns count from 1; 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0
    source: str = ""

    def __str__(self) -> str:
        if not self.line:
            return self.file
        if not self.column:
            return f"{self.file}:{self.line}"
        return f"{self.file}:{self.line}:{self.column}"


class BuilderError(Exception):
    """An error that a user can mend. The CLI prints it and exits with `exit_code`.

    `id` is its name in docs/overlay-errors.md, "" for one that has none.
    """

    exit_code = 1

    def __init__(
        self, message: str, *, hint: str = "", location: Location | None = None, id: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.location = location
        self.id = id

    def __str__(self) -> str:
        """Return the text shown to a user: location, message, source line with a caret, hint."""
        message = f"{self.message} [{self.id}]" if self.id else self.message
        lines = [f"{self.location}: {message}" if self.location else message]
        if self.location and self.location.source:
            lines.append(f"    {self.location.source}")
            if self.location.column:
                lines.append("    " + " " * (self.location.column - 1) + "^")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class ConfigError(BuilderError):
    """The matrix, a recipe, a template, a chart or the lock is wrong."""

    exit_code = 2


class NoPackageError(ConfigError):
    """A recipe names a package that cannot be locked: no version of it exists, or none fits.

    `package` is the name in the recipe.
    """

    def __init__(
        self, message: str, *, package: str, hint: str = "", location: Location | None = None
    ) -> None:
        super().__init__(message, hint=hint, location=location)
        self.package = package


class SelectionError(BuilderError):
    """A selection names nothing."""

    exit_code = 3


class ToolError(BuilderError):
    """A program that is needed is missing, too old, or cannot run on this host."""

    exit_code = 4


class StepError(BuilderError):
    """A step of the plan failed."""

    exit_code = 5


class UnreachableError(StepError):
    """A host cannot be reached. The targets that need it wait, and all others continue."""

    reason = ""
    """The reason, without the name of the host."""


class GoneError(StepError):
    """A locked package can no longer be downloaded. Its targets keep it, and others continue."""


class DamagedError(StepError):
    """Something in a registry is incomplete, or not what its place says."""


class TransientError(StepError):
    """A step failed for a reason that may pass by itself (network, registry 5xx); it is retried.

    `after` is the number of seconds to wait before the next try.
    """

    def __init__(self, message: str, *, hint: str = "", after: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.after = after


class NoConnectionError(TransientError):
    """A registry does not answer: it is down, or its name is wrong."""


class SmokeError(BuilderError):
    """An image was built and its smoke test rejected it."""

    exit_code = 6


class SizeError(BuilderError):
    """An image was built, and rejected because it adds too much to its parent."""

    exit_code = 6


class ContentError(BuilderError):
    """An image has something that nothing explains."""

    exit_code = 6


class HeldBackError(BuilderError):
    """The gate holds back what has known vulnerabilities, or a licence that is refused."""

    exit_code = 10


class ConflictError(BuilderError):
    """A publication contradicts what is already published, or a port is in use."""

    exit_code = 7


class DifferenceError(BuilderError):
    """An image or chart in the registry is another than the one that was built and tested."""

    exit_code = 8


class TrustError(BuilderError):
    """Something is not signed as `trust` in matrix.yaml wants."""

    exit_code = 9


class Problems(BuilderError):
    """Several independent errors, reported together. The exit code is that of the first."""

    def __init__(self, errors: Sequence[BuilderError]) -> None:
        super().__init__(f"{len(errors)} problems")
        self.errors = tuple(errors)
        self.exit_code = errors[0].exit_code

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


UNREADABLE = (RecursionError, MemoryError, UnicodeError, OverflowError)
"""What a file can make a reader raise that does not know of it: it is too deep, large or odd."""


@contextmanager
def reading(file: str) -> Iterator[None]:
    """Raise ConfigError, with the file, for what a file of anybody makes a reader raise."""
    try:
        yield
    except UNREADABLE as error:
        raise unreadable(error, Location(file=file)) from error


def unreadable(error: BaseException, location: Location | None = None) -> ConfigError:
    """Return the error of an input that is too deep, too large or not text."""
    reasons = {
        RecursionError: "it is nested too deeply",
        MemoryError: "it is too large for the memory of this machine",
        UnicodeError: "it is not text of Unicode",
        OverflowError: "it has a number that is too large",
    }
    reason = next(text for kind, text in reasons.items() if isinstance(error, kind))
    message = reason if location else f"an input cannot be read: {reason}"
    return ConfigError(message, location=location)


def refused(error: OSError) -> StepError:
    """Return the error for a failed system call: a full disk, a file without permission."""
    file = Location(file=str(error.filename)) if error.filename else None
    hint = "free disk space, and run the command again" if error.errno == ENOSPC else ""
    return StepError(error.strerror or str(error), hint=hint, location=file)


def flat(errors: Iterable[BuilderError]) -> list[BuilderError]:
    """Return errors, those that hold several replaced by these."""
    return [nested for error in errors for nested in getattr(error, "errors", (error,))]


def raise_all(errors: Sequence[BuilderError], tolerated: list[BuilderError] | None = None) -> None:
    """Raise the collected errors: one by itself, several together, or none.

    Where `tolerated` is a list, they are added to it instead.
    """
    single = flat(errors)
    if tolerated is not None:
        tolerated += single
    elif len(single) == 1:
        raise single[0]
    elif single:
        raise Problems(single)
