"""A server of Julia's packages: its registry and what it names, as files by their path."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from builder.catalog.packages import LockedPackage
from builder.resolvers.julia.git_tree import Tree
from builder.resolvers.julia.git_tree import tree_of as tree_in

REGISTRY = "23338594-aafe-5451-b93e-139f81909106"


def uuid_of(name: str) -> str:
    """The uuid of a package of the tests."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


def tarball(files: Mapping[str, str]) -> bytes:
    """Text files as a tarball."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0)


def trees_of(files: Mapping[str, str]) -> Tree:
    """The git trees of text files."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(tarball(files))
        file.flush()
        return tree_in(Path(file.name), "text files")


def tree_of(files: Mapping[str, str]) -> str:
    """The git tree of text files, as registries state it."""
    return trees_of(files).sha1


@dataclass(frozen=True, kw_only=True)
class Binary:
    """An artifact: text files, what it is for, and whether it is lazy.

    `platform` are the words of Artifacts.toml; none for an artifact of every platform.
    """

    name: str
    files: Mapping[str, str]
    platform: Mapping[str, str] = field(default_factory=dict)
    is_lazy: bool = False
    is_downloaded: bool = True

    @property
    def tree(self) -> str:
        """Its git tree."""
        return tree_of(self.files)

    @property
    def entry(self) -> str:
        """Its entry in Artifacts.toml."""
        brackets = "[[{}]]" if self.platform else "[{}]"
        stated = {**self.platform, "git-tree-sha1": self.tree}
        download = (
            f'    [[{self.name}.download]]\n    url = "https://example.org/x"\n    sha256 = "0"\n'
        )
        return (
            brackets.format(self.name)
            + "\n"
            + _quoted(stated)
            + "lazy = true\n" * self.is_lazy
            + download * self.is_downloaded
        )


@dataclass(frozen=True, kw_only=True)
class Release:
    """A version of a package. `needs` are ranges by name, as a registry has them; `weak` too.

    `uuids` are those of what it needs, where they are not of the tests. `binaries` are its
    artifacts, `more` further files.
    """

    name: str
    version: str
    needs: Mapping[str, str] = field(default_factory=dict)
    weak: Mapping[str, str] = field(default_factory=dict)
    uuids: Mapping[str, str] = field(default_factory=dict)
    julia: str = "1"
    is_yanked: bool = False
    binaries: tuple[Binary, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def uuid(self) -> str:
        """Of the package."""
        return uuid_of(self.name)

    @property
    def files(self) -> dict[str, str]:
        """Its source: a module that tells its version, and what it needs."""
        project = f'name = "{self.name}"\nuuid = "{self.uuid}"\nversion = "{self.version}"\n'
        uses = "".join(f"import {name}\n" for name in self.needs)
        table = {"Artifacts.toml": "".join(it.entry for it in self.binaries)}
        return {
            **(table if self.binaries else {}),
            "Project.toml": project + "[deps]\n" + self._uuids(self.needs),
            f"src/{self.name}.jl": (
                f'module {self.name}\n{uses}told() = "{self.name} {self.version}"\nend\n'
            ),
            **self.more,
        }

    @property
    def tree(self) -> str:
        """The git tree of its source."""
        return tree_of(self.files)

    @property
    def locked(self) -> LockedPackage:
        """As the lock has it."""
        return LockedPackage(
            version=self.version, digest=f"git-tree-sha256:{trees_of(self.files).sha256}",
            source="General", file=f"package/{self.uuid}/{self.tree}",
        )  # fmt: skip

    @property
    def former(self) -> LockedPackage:
        """As an older lock has it."""
        return replace(self.locked, digest=f"git-tree-sha1:{self.tree}")

    def artifact(self, binary: Binary) -> LockedPackage:
        """An artifact as the lock has it."""
        return LockedPackage(
            version=self.version, digest=f"git-tree-sha256:{trees_of(binary.files).sha256}",
            source="General", file=f"artifact/{binary.tree}",
        )  # fmt: skip

    @property
    def sections(self) -> dict[str, str]:
        """What it adds to the files of its package in a registry."""
        section = f'["{re.split("[-+]", self.version)[0]}"]\n'  # ranges know numbers alone
        compat = {"julia": self.julia, **self.needs}
        yanked = "yanked = true\n" if self.is_yanked else ""
        found = {
            "Versions": f'["{self.version}"]\ngit-tree-sha1 = "{self.tree}"\n{yanked}',
            "Deps": section + self._uuids(self.needs),
            "Compat": section + _quoted({name: text for name, text in compat.items() if text}),
        }
        if self.weak:
            found["WeakDeps"] = section + self._uuids(self.weak)
            found["WeakCompat"] = section + _quoted(self.weak)
        return found

    def _uuids(self, names: Mapping[str, str]) -> str:
        return _quoted({name: self.uuids.get(name, uuid_of(name)) for name in names})


def registry_files(releases: Sequence[Release]) -> dict[str, str]:
    """The files of a registry, by path."""
    about = f'name = "General"\nuuid = "{REGISTRY}"\nrepo = "none"\n\n[packages]\n'
    found: dict[str, str] = {}
    for it in releases:
        path = f"{it.name[0]}/{it.name}"
        if f"{path}/Package.toml" not in found:
            about += f'{it.uuid} = {{ name = "{it.name}", path = "{path}" }}\n'
            found[f"{path}/Package.toml"] = _quoted(
                {"name": it.name, "uuid": it.uuid, "repo": "none"}
            )
        for name, text in it.sections.items():
            found[f"{path}/{name}.toml"] = found.get(f"{path}/{name}.toml", "") + text
    return {"Registry.toml": about, **found}


def served(*releases: Release) -> dict[str, bytes]:
    """What a package server has, by path."""
    registry = registry_files(releases)
    place = f"registry/{REGISTRY}/{tree_of(registry)}"
    return {
        "registries": f"/{place}\n".encode(),
        place: tarball(registry),
        **{it.locked.file: tarball(it.files) for it in releases},
        **{
            f"artifact/{binary.tree}": tarball(binary.files)
            for it in releases
            for binary in it.binaries
        },
    }


def _quoted(items: Mapping[str, str]) -> str:
    return "".join(f'{name} = "{value}"\n' for name, value in items.items())
