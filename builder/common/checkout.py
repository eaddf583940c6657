"""Reads a catalog's files: which of them count, and their state in git.

Leftovers of editors and programs, and files that git ignores, do not count: clones are equal.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import stat
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from pathlib import Path

from builder.common import limits
from builder.common.errors import BuilderError, ConfigError, Location, ToolError, raise_all
from builder.common.files import with_lf
from builder.common.process import Command, Runner

LEFTOVERS = (
    "*~", "#*#", ".#*", ".*.sw[a-p]", "*.orig", "*.rej",  # editors and merges
    ".idea", ".git", ".hg", ".svn",
    "__pycache__", "*.pyc", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache",
    ".DS_Store", "._*", "Thumbs.db", "desktop.ini", ".directory", ".nfs*", ".fuse_hidden*",
)  # fmt: skip
"""Patterns of names of files and folders that do not count."""

_LEFTOVER = re.compile("|".join(translate(pattern) for pattern in LEFTOVERS))

_REFUSED = {
    ":": "skopeo",
    ",": "podman",
    "\\": "podman",
    "\n": "podman",
    "\r": "podman",
    "\t": "apt",
    "[": "pytest",
}
"""Characters that a folder's name must not have, and the program that misreads them."""
_LARGEST = 1 << 30
_NO_FETCH = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
_KINDS = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """The folder of a catalog. `ignored` are the paths that git ignores.

    `tracked_leftovers` are files that look like leftovers and that git tracks: they count.
    `programs` are the files that git's index calls executable; None: the file system's modes count.
    `converted` are the files that git stores with LF and wrote with CR LF into this clone only.
    `label` begins the names of files in errors.
    """

    root: Path
    label: str = ""
    ignored: frozenset[Path] = frozenset()
    tracked_leftovers: frozenset[Path] = frozenset()
    converted: frozenset[Path] = frozenset()
    programs: frozenset[Path] | None = None

    @cached_property
    def _real_root(self) -> Path:
        return self.root.resolve()

    def files(self, folder: Path) -> tuple[Path, ...]:
        """Return the files below a folder, sorted; those of a linked folder are its own.

        Raises ConfigError for links to nothing or out of the catalog, and for what is no file.
        """
        if not folder.is_dir():
            return ()
        errors: list[BuilderError] = []
        paths = sorted(self._walk(folder, (self.real(folder),), errors))
        raise_all(errors)
        return tuple(paths)

    def real(self, path: Path) -> Path:
        """Return the target of a path. Raises ConfigError where a link leads out of the catalog."""
        try:
            real = path.resolve()
            is_inside = real.is_relative_to(self._real_root)
        except (OSError, RuntimeError):  # a link that leads to itself
            is_inside = False
        if not is_inside:
            hint = "copy that file into the catalog, and link to the copy"
            raise self._error(path, "a link leads outside the catalog", hint)
        return real

    def read(self, path: Path, limit: int = _LARGEST) -> bytes:
        """Return the content of a file, as git has it. Raises ConfigError where there is none."""
        self.real(path)
        data = limits.read_file(path, limit, "it", error=lambda reason: self._error(path, reason))
        is_converted = self.converted and path.resolve() in self.converted
        return with_lf(data) if is_converted else data

    def mode(self, path: Path) -> int:
        """Return the mode that a file gets in an image.

        Only the executable bit is git's; the rest depends on a umask.
        """
        if self.programs is not None:
            is_program = path.resolve() in self.programs
        else:
            is_program = bool(path.stat().st_mode & 0o100)
        return 0o755 if is_program else 0o644

    def _walk(
        self, folder: Path, above: tuple[Path, ...], errors: list[BuilderError]
    ) -> Iterator[Path]:
        """Yield the files; `above` are the real paths of the folder and of those it lies in."""
        try:
            names = os.listdir(folder)
        except OSError as error:
            errors.append(self._error(folder, f"cannot be read: {error.strerror}"))
            return
        for name in names:
            path, real_path = folder / name, above[-1] / name
            if real_path in self.ignored or (
                is_leftover(name) and real_path not in self.tracked_leftovers
            ):
                continue
            try:
                real = self._real(path, real_path)
                if path.is_dir():
                    if real in above:
                        message = "this link points to a folder that contains it"
                        raise self._error(path, message, "remove the link")
                    yield from self._walk(path, (*above, real), errors)
                else:
                    self._check_kind(path)
                    yield path
            except BuilderError as error:
                errors.append(error)

    def _real(self, path: Path, real_path: Path) -> Path:
        """Return the target of a path: `real_path`, if it is no link.

        Raises ConfigError if it is not a file of the catalog.
        """
        try:
            str(path).encode()
        except UnicodeEncodeError:
            shown = os.fsencode(path.name).decode(errors="backslashreplace")
            message = f"the name of {shown} is not UTF-8"
            raise self._error(path.parent, message, "rename it") from None
        limits.check_name(path.name, error=lambda reason: self._error(path.parent, reason))
        if not path.is_symlink():
            return real_path
        target = os.readlink(path)
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            hint = f"create that file, or remove the link{_links_beside(path)}"
            raise self._error(
                path, f"this link points to {target}, which does not exist", hint
            ) from None
        if not real.is_relative_to(self._real_root):
            hint = "copy that file into the catalog, and link to the copy"
            raise self._error(path, f"this link points to {target}, outside the catalog", hint)
        return real

    def _check_kind(self, path: Path) -> None:
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind != stat.S_IFREG:
            what = _KINDS.get(kind, "not a file")
            raise self._error(path, f"{what}, which no image can contain", "remove it")

    def _error(self, path: Path, message: str, hint: str = "") -> ConfigError:
        name = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        return ConfigError(message, hint=hint, location=Location(file=f"{self.label}{name}"))


def whole_folder(root: Path, label: str = "") -> Checkout:
    """Return a folder all of whose files count: nobody edits it, and git does not know it."""
    found = {path for path in root.rglob("*") if is_leftover(path.name)}
    return Checkout(root=root, label=label, tracked_leftovers=frozenset(found))


def read_checkout(root: Path, runner: Runner, label: str = "") -> Checkout:
    """Return the catalog in `root`, with the state of its files if it is a work tree of git."""
    if not _may_be_of_git(root):
        return Checkout(root=root, label=label)
    ignored: tuple[str, ...] = ()
    if not _git(root, runner, "check-ignore", "."):  # else git ignores all that is there
        words = ("--others", "--ignored", "--exclude-standard", "--directory")
        ignored = _git(root, runner, "ls-files", *words)
    converted: tuple[str, ...] = ()
    if _git(root, runner, "config", "core.autocrlf") == ("true\n",):
        converted = _git(root, runner, "ls-files", "--eol")
    programs = None
    if _git(root, runner, "config", "--type=bool", "core.fileMode") == ("false\n",):
        tracked = _git(root, runner, "ls-files", "--stage")
        programs = frozenset(_paths(root, _executable(tracked)))
    leftovers = _tracked_leftovers(_git(root, runner, "ls-files"))
    return Checkout(
        root=root,
        label=label,
        tracked_leftovers=frozenset(_paths(root, leftovers)),
        ignored=frozenset(_paths(root, ignored)),
        converted=frozenset(_paths(root, _converted(converted))),
        programs=programs,
    )


def commit_of(root: Path, runner: Runner) -> str:
    """Return the commit that a work tree of git is at, "" for a folder of no git."""
    if not _may_be_of_git(root):
        return ""
    return "".join(_git(root, runner, "rev-parse", "--verify", "--quiet", "HEAD")).strip()


def check_folder(folder: Path) -> None:
    """Raise ConfigError for a folder in which the tools of a build cannot work."""
    name = str(folder.absolute())
    shown = name if name.isprintable() else repr(name)
    hint = "move the catalog to a folder without it"
    for character, tool in _REFUSED.items():
        if character in name:
            reason = f"the character {character!r} is in its name"
            raise ConfigError(f"{tool} cannot work in {shown}: {reason}", hint=hint)
    try:
        name.encode()
    except UnicodeEncodeError:
        reason = "a character in its name is not UTF-8"
        raise ConfigError(f"podman cannot work in {shown}: {reason}", hint=hint) from None


def text_of(data: bytes, path: str) -> str:
    """Return the text of a file, its lines ended by LF alone. Raises ConfigError with the line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].rpartition(b"\n")
        line = data.count(b"\n", 0, error.start) + 1
        column = len(before[2].decode(errors="replace")) + 1
        location = Location(file=path, line=line, column=column)
        byte = f"the byte 0x{data[error.start]:02x}"
        hint = f"write it as UTF-8, e.g. `iconv -f latin1 -t utf-8 {shlex.quote(path)}`"
        raise ConfigError(f"{byte} is not UTF-8", hint=hint, location=location) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_script(data: bytes, path: str) -> None:
    """Raise ConfigError for a script that the system cannot start."""
    first = data.partition(b"\n")[0]
    if first.startswith(b"#!") and first.endswith(b"\r"):
        program = first[2:].strip().decode(errors="replace")
        raise ConfigError(
            f"its first line ends with CR LF, so that `{program}\\r` is not found when it starts",
            hint=f"`sed -i 's/\\r$//' {shlex.quote(path)}`; with `* text=auto eol=lf` in "
            ".gitattributes git writes no CR",
            location=Location(file=path, line=1),
        )


def is_leftover(name: str) -> bool:
    """Whether files and folders of that name do not count."""
    return _LEFTOVER.match(name) is not None


def _links_beside(path: Path) -> str:
    """Return the part of a hint that names working links beside a broken one."""
    kinds = (
        f"{link.name} (a {'folder' if link.is_dir() else 'file'})"
        for link in sorted(path.parent.iterdir())
        if link.is_symlink() and link.exists()
    )
    links = ", ".join(kinds)
    return f"; what a link names is in the image, as with {links}" if links else ""


def _may_be_of_git(root: Path) -> bool:
    """Whether git could find a work tree around a folder; asking git takes longer."""
    real = root.resolve()
    return "GIT_DIR" in os.environ or any(
        os.path.exists(folder / ".git") for folder in (real, *real.parents)
    )


def _git(root: Path, runner: Runner, verb: str, *words: str) -> tuple[str, ...]:
    """Return the output of git, split at NUL; nothing where the folder is not a work tree.

    git answers whoever owns the checkout, and runs no program that its settings name: neither a
    monitor of files, nor one by which it would fetch an object that a partial clone lacks.
    """
    settings = ("-c", "core.fsmonitor=false", "-c", "safe.directory=*")
    ends = ("-z",) if verb == "ls-files" else ()
    argv = ("git", "-C", str(root), *settings, verb, *ends, *words)
    try:
        output = runner.run(Command(argv=argv, env=_NO_FETCH, timeout=120.0), check=False)
    except ToolError:  # no git here
        return ()
    return tuple(filter(None, output.stdout.split("\0"))) if output.code == 0 else ()


def _executable(entries: tuple[str, ...]) -> Iterator[str]:
    """Yield the executable files in git's index: `100755 HASH 0<TAB>NAME`."""
    for entry in entries:
        facts, _, name = entry.partition("\t")
        if facts.startswith("100755 "):
            yield name


def _tracked_leftovers(names: tuple[str, ...]) -> Iterator[str]:
    """Yield the files that look like leftovers, and the folders that do."""
    seen: set[str] = set()
    for name in names:
        part = name
        while part and part not in seen:
            seen.add(part)
            if is_leftover(part.rpartition("/")[2]):
                yield part
            part = part.rpartition("/")[0]


def _converted(entries: tuple[str, ...]) -> Iterator[str]:
    """Yield the files that git converted to CR LF by itself: `i/lf w/crlf attr/… <TAB>NAME`."""
    for entry in entries:
        facts, _, name = entry.partition("\t")
        if facts.split()[:2] == ["i/lf", "w/crlf"] and "eol=crlf" not in facts:
            yield name


def _paths(root: Path, names: Iterable[str]) -> list[Path]:
    real = root.resolve()
    return [real / name for name in names if name.strip("./")]


def not_python(path: str, data: bytes) -> ConfigError | None:
    """Return the error of a file that Python does not read, if it does not."""
    location = Location(file=path)
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(data)
    except SyntaxError as error:
        source = (error.text or "").rstrip("\r\n")
        line, column = error.lineno or 0, error.offset or 0
        location = Location(file=path, line=line, column=column, source=source)
        return ConfigError(f"not Python: {error.msg}", location=location)
    except (ValueError, RecursionError, MemoryError) as error:
        return ConfigError(f"not Python: {error or type(error).__name__}", location=location)
    return None
