"""A server of Julia's packages: its registry and what it names, as files by their path."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from builder.catalog.packages import LockedPackage
from builder.resolvers.julia.git_tree import GitFile, tree_sha1

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


def tree_of(files: Mapping[str, str]) -> str:
    """The git tree of text files."""
    return tree_sha1({path: GitFile("100644", text.encode()) for path, text in files.items()})


@dataclass(frozen=True, kw_only=True)
class Release:
    """A version of a package. `needs` are ranges by name, as a registry has them; `weak` too.

    `uuids` are those of what it needs, where they are not of the tests.
    """

    name: str
    version: str
    needs: Mapping[str, str] = field(default_factory=dict)
    weak: Mapping[str, str] = field(default_factory=dict)
    uuids: Mapping[str, str] = field(default_factory=dict)
    julia: str = "1"
    is_yanked: bool = False

    @property
    def uuid(self) -> str:
        """Of the package."""
        return uuid_of(self.name)

    @property
    def files(self) -> dict[str, str]:
        """Its source: a module that tells its version, and what it needs."""
        project = f'name = "{self.name}"\nuuid = "{self.uuid}"\nversion = "{self.version}"\n'
        uses = "".join(f"import {name}\n" for name in self.needs)
        return {
            "Project.toml": project + "[deps]\n" + self._uuids(self.needs),
            f"src/{self.name}.jl": (
                f'module {self.name}\n{uses}told() = "{self.name} {self.version}"\nend\n'
            ),
        }

    @property
    def tree(self) -> str:
        """The git tree of its source."""
        return tree_of(self.files)

    @property
    def locked(self) -> LockedPackage:
        """As the lock has it."""
        return LockedPackage(
            version=self.version, digest=f"git-tree-sha1:{self.tree}", source="General",
            file=f"package/{self.uuid}/{self.tree}",
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
    }


def _quoted(items: Mapping[str, str]) -> str:
    return "".join(f'{name} = "{value}"\n' for name, value in items.items())
