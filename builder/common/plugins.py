"""Finds implementations by name: the builder's own, and those that installed packages add.

A package adds one by an entry point of its metadata, such as
`[project.entry-points."catalog_builder.engines"] buildah = "acme.buildah:ENGINE"`. It is imported
only when its name is asked for. A package whose metadata or code is in the
catalog's folder is ignored: otherwise a changed catalog could run code in the builder.
"""

from __future__ import annotations

import importlib.util
import site
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import Generic, TypeVar, cast

from builder.common.errors import ConfigError, Location, ToolError
from builder.common.text import listed, names_hint

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Plugins(Generic[T]):
    """Implementations of one kind by name.

    `noun` is what messages call one: `engine`. `group` is the group of entry points that adds to
    them. `kind` is the class or protocol whose public members each must have. `built_in` maps a
    name to `module:object`, which is imported when it is asked for.
    """

    noun: str
    group: str
    kind: type
    built_in: Mapping[str, str]

    def names(self, catalog: Path | None = None) -> tuple[str, ...]:
        """Return every name, the built-in ones first. Imports none of them."""
        return self._names(self._added(catalog))

    def check(
        self, name: str, *, catalog: Path | None = None, location: Location | None = None
    ) -> None:
        """Raise ConfigError where nothing has this name. Imports nothing."""
        if name not in self.built_in:
            self._entries_of(name, self._added(catalog), location)

    def get(self, name: str, *, catalog: Path | None = None, location: Location | None = None) -> T:
        """Import the implementation called `name`.

        `catalog` is the folder from which nothing is believed, beside the current directory.
        `location` is where a file of the catalog names it. Raises ConfigError where there is none,
        ToolError where the package that adds it does not work.
        """
        if name in self.built_in:
            entry = EntryPoint(name, self.built_in[name], self.group)
            return cast("T", entry.load())
        first, *others = self._entries_of(name, self._added(catalog), location)
        if others:
            packages = listed(sorted(_package(entry) for entry in (first, *others)))
            hint = f"`pip uninstall` all but one of the packages {packages}"
            raise ToolError(f"{self.noun} {name!r} is added by several packages", hint=hint)
        return self._loaded(first, _distrusted(catalog))

    def chosen(self, wanted: Iterable[str], *, catalog: Path | None = None) -> dict[str, T]:
        """Import the built-in implementations, and those of `wanted` that packages add, by name.

        Unknown names are left out. The metadata of packages is read only where a name is not built
        in. Raises ToolError where a package that adds one does not work.
        """
        others = set(wanted) - set(self.built_in)
        added = others & set(self._added(catalog)) if others else set()
        return {name: self.get(name, catalog=catalog) for name in (*self.built_in, *sorted(added))}

    def ignored(self, catalog: Path | None = None) -> tuple[str, ...]:
        """Say which entry points are ignored, because they have the name of a built-in one."""
        return tuple(
            f"{self.noun} {name!r} of the package {_package(entry)} is ignored: "
            "the builder has its own of this name"
            for name, entries in sorted(self._added(catalog).items())
            if name in self.built_in
            for entry in entries
        )

    def _names(self, added: Iterable[str]) -> tuple[str, ...]:
        return (*self.built_in, *sorted(set(added) - set(self.built_in)))

    def _entries_of(
        self, name: str, added: Mapping[str, list[EntryPoint]], location: Location | None
    ) -> list[EntryPoint]:
        """Return the entry points of a name. Raises ConfigError where there is none."""
        if name not in added:
            message = f"no {self.noun} is called {name!r}"
            hint = names_hint(name, self._names(added))
            raise ConfigError(message, hint=hint, location=location)
        return added[name]

    def _added(self, catalog: Path | None) -> dict[str, list[EntryPoint]]:
        """Return the entry points of this group by name, of packages that are believed."""
        added: dict[str, list[EntryPoint]] = {}
        for package in _packages(_distrusted(catalog)):
            if self.group in (package.read_text("entry_points.txt") or ""):
                for entry in _entries(package, self.group):
                    added.setdefault(entry.name, []).append(entry)
        return added

    def _loaded(self, entry: EntryPoint, distrusted: tuple[Path, ...]) -> T:
        """Import an entry point. Raises ToolError with package, module and reason."""
        module, _, _ = entry.value.partition(":")
        if within := _inside(module, distrusted):
            raise self._broken(
                entry,
                f"{module} would be loaded from {within}, and code of the catalog's folder is not "
                "run",
                hint="install the package elsewhere (not with `--editable`), or rename that file",
            )
        try:
            loaded = entry.load()
            missing = [member for member in _members(self.kind) if not hasattr(loaded, member)]
        except (Exception, SystemExit) as error:  # whatever somebody else's module raises
            reason = f"{type(error).__name__}: {error}"
            raise self._broken(entry, f"{module} does not load: {reason}") from error
        if isinstance(loaded, type):
            raise self._broken(entry, f"{entry.value} is a class, not an object of it")
        if missing:
            raise self._broken(entry, f"{entry.value} lacks {listed(missing)}")
        return cast("T", loaded)

    def _broken(self, entry: EntryPoint, reason: str, *, hint: str = "") -> ToolError:
        message = f"{self.noun} {entry.name!r} of the package {_package(entry)}: {reason}"
        return ToolError(message, hint=hint or _mend(entry.dist.name if entry.dist else ""))


def _packages(distrusted: tuple[Path, ...]) -> Iterator[Distribution]:
    """Yield the installed packages by the order of sys.path, each name once.

    Folders that are not believed are left out before names are compared: a package in one of them
    hides none that is installed.
    """
    folders = [entry for entry in sys.path if not _is_within(Path(entry or "."), distrusted)]
    seen: set[str] = set()
    for package in distributions(path=folders):
        if (name := str(package.name)) not in seen:
            seen.add(name)
            yield package


def _entries(package: Distribution, group: str) -> Sequence[EntryPoint]:
    """Return the entry points of a package in a group. Raises ToolError where they are damaged."""
    try:
        return tuple(package.entry_points.select(group=group))
    except Exception as error:  # the parser raises what it comes upon
        raise ToolError(
            f"the file entry_points.txt of the package {package.name} {package.version} "
            f"cannot be read: {type(error).__name__}: {error}",
            hint=_mend(package.name),
        ) from error


def _distrusted(catalog: Path | None) -> tuple[Path, ...]:
    """Return the folders of which no code is run."""
    return tuple({folder.resolve() for folder in (Path.cwd(), catalog) if folder is not None})


def _is_within(path: Path, folders: tuple[Path, ...]) -> bool:
    """Whether a path is in one of the folders, and not in Python's own environment there."""
    path = path.resolve()
    environments = [
        Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix, site.getuserbase())
    ]
    return any(
        path.is_relative_to(folder)
        and not any(
            path.is_relative_to(environment)
            for environment in environments
            if environment.is_relative_to(folder)
        )
        for folder in folders
    )


def _inside(module: str, distrusted: tuple[Path, ...]) -> Path | None:
    """Return the file or folder of a module where it is in a folder that is not believed.

    Only the outermost package is looked for, which imports nothing.
    """
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
    except ValueError:  # a name that no module can have, which does not load either
        return None
    if spec is None:
        return None
    files = [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.origin else ())]
    return next((Path(file) for file in files if _is_within(Path(file), distrusted)), None)


def _members(kind: type) -> tuple[str, ...]:
    """Return the public members of a class or protocol, those of its parents included."""
    fields = {name for parent in kind.mro() for name in vars(parent).get("__annotations__", ())}
    return tuple(sorted(name for name in {*dir(kind), *fields} if not name.startswith("_")))


def _mend(package: str) -> str:
    return f"`pip install --upgrade {package}`, or `pip uninstall {package}`"


def _package(entry: EntryPoint) -> str:
    """Return name and version of the package that an entry point is of."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "builder"
