"""Fetches the files of one commit with git itself; nothing that the repository names is run.

Each time an empty repository is made, so that no hook, filter or setting of anybody's is in it. The
files are read from it as git has them: no work tree is made, and no attribute counts.
"""

from __future__ import annotations

import posixpath
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from builder.common import archives
from builder.common.errors import StepError, TransientError
from builder.common.limits import PROGRAM_MEMORY
from builder.common.process import Command, Runner
from builder.lock.pinned import is_exact
from builder.overlay.kept_catalogs import (
    LARGEST,
    MOST,
    WHOLE,
    FoundSource,
    SourceFile,
    UnsafeSourceError,
    check_entry,
    check_sizes,
    is_kept,
)

_PACK = 1 << 30
"""The bytes that git may write into one file: a pack of one commit."""
_LIST = MOST * 1024
_TOPS = ("matrix.yaml", "matrix.lock", "images", "charts")
_OF_ENVIRONMENT = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_TEMPLATE_DIR", "GIT_SHALLOW_FILE",
)  # fmt: skip
"""Variables that a hook or a shell may have set, and that would send git elsewhere."""
_SETTINGS = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false",
    "fetch.recurseSubmodules=false", "submodule.recurse=false", "fetch.writeCommitGraph=false",
    "http.lowSpeedLimit=1000", "http.lowSpeedTime=60",
)  # fmt: skip
_ATTRIBUTES = "* -text !eol !filter !ident !export-ignore !export-subst !working-tree-encoding\n"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}")
_LINK, _SUBMODULE, _PROGRAM = "120000", "160000", "100755"
_NO_CONFIGURATION: Mapping[str, str] = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "0",
    "GIT_CONFIG_PARAMETERS": "",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
}


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A file in a commit."""

    path: str
    mode: int
    size: int
    is_link: bool


class GitSources:
    """Fetches commits; `folder` is where it works, on the disk of the kept copies."""

    def __init__(self, runner: Runner, folder: Path) -> None:
        self._runner = runner
        self._folder = folder

    def fetch(self, url: str, commit: str, path: str = "", ref: str = "") -> FoundSource:
        """Return the files below `path` of a commit, or of what a branch or tag names.

        Where a server gives no commit by its name, it is looked for at `ref`. Raises StepError and
        UnsafeSourceError.
        """
        for name in filter(None, (commit, ref)):
            if _NAME.fullmatch(name) is None or ".." in name:
                raise StepError(f"not a commit, a branch or a tag of git: {name[:200]!r}")
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".git-") as temporary:
            repository = _Repository(self._runner, Path(temporary, "repository"))
            exact = repository.fetch(url, commit, ref)
            tree = exact if path in ("", ".") else f"{exact}:{path}"
            return FoundSource(
                files=tuple(repository.files(tree, Path(temporary, "files.tar"))),
                commit=exact,
                date=repository.date(exact),
            )


class _Repository:
    """An empty repository, into which one commit is fetched."""

    def __init__(self, runner: Runner, folder: Path) -> None:
        self._runner = runner
        self._folder = folder
        self._local("init", "--quiet", "--bare", "--template=", str(folder))
        (folder / "info").mkdir(exist_ok=True)
        (folder / "info/attributes").write_text(_ATTRIBUTES, encoding="utf-8")

    def fetch(self, url: str, commit: str, ref: str) -> str:
        """Fetch a commit, a branch or a tag; return the whole name of the commit."""
        try:
            found = self._fetched(url, commit)
        except TransientError:
            raise
        except StepError:
            if not ref or not is_exact(commit) or ref == commit:
                raise
            found = self._fetched(url, ref)
        if is_exact(commit) and found != commit:
            raise StepError(
                f"{url} does not give commit {commit}, and {ref or 'it'} names {found} now",
                hint="its history may have been rewritten; the kept copy of another machine, in"
                " build/upstreams, has what is locked",
            )
        return found

    def _fetched(self, url: str, name: str) -> str:
        scheme = re.match(r"(https?|ssh|file)://", url)
        env = {"GIT_ALLOW_PROTOCOL": scheme[1] if scheme else "ssh", "GIT_TERMINAL_PROMPT": "0"}
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        words = (
            "fetch", "--quiet", "--no-tags", "--depth=1", "--no-recurse-submodules",
            "--no-auto-maintenance", "--", url, name,
        )  # fmt: skip
        self._run(env, (*settings, *words), timeout=1200.0)
        return self._local("rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}").strip()

    def files(self, tree: str, archive: Path) -> list[SourceFile]:
        """Return the files of a tree that belong to a catalog; all are looked at before.

        A link to a file of the catalog is that file.
        """
        listed = self._entries(tree)
        entries = {entry.path: entry for entry in listed}
        if len(entries) != len(listed):
            raise UnsafeSourceError("the same file twice")
        tops = [top for top in _TOPS if any(path.partition("/")[0] == top for path in entries)]
        if not tops:
            raise UnsafeSourceError("no matrix.yaml")
        self._local("archive", "--format=tar", f"--output={archive}", tree, *tops)
        found, links = dict[str, SourceFile](), dict[str, str]()
        with archives.opened(archive, "what git archived") as opened:
            for member in archives.members(opened):
                entry = entries.get(member.name)
                if member.isdir():
                    continue
                if entry is None or member.issym() is not entry.is_link:
                    raise UnsafeSourceError(f"{member.name}: git archived another file")
                if entry.is_link:
                    links[entry.path] = member.linkname
                    continue
                data = archives.content(opened, member, LARGEST)
                found[entry.path] = SourceFile(path=entry.path, mode=entry.mode, data=data)
        targets = {path: found.get(_target(path, link)) for path, link in links.items()}
        for path, target in targets.items():
            if target is None:
                raise UnsafeSourceError(f"{path}: a link to no file of the catalog")
            found[path] = replace(target, path=path)
        if found.keys() != entries.keys():
            raise UnsafeSourceError("git archived other files than it lists")
        return list(found.values())

    def _entries(self, tree: str) -> list[_Entry]:
        listed = self._local("ls-tree", "-r", "-z", "--long", "--full-tree", tree, *_TOPS)
        entries = [_entry(line) for line in listed.split("\0") if line]
        check_sizes(entry.size for entry in entries)
        return entries

    def date(self, commit: str) -> str:
        """Return the day of a commit, YYYY-MM-DD."""
        return self._local("show", "--no-patch", "--format=%cs", commit).strip()

    def _local(self, *words: str) -> str:
        """Return what git prints that reads no configuration and reaches no network."""
        return self._run(_NO_CONFIGURATION, words, timeout=120.0)

    def _run(self, env: Mapping[str, str], words: tuple[str, ...], timeout: float) -> str:
        unset = [word for name in _OF_ENVIRONMENT for word in ("-u", name)]
        argv = ("env", *unset, "git", f"--git-dir={self._folder}", *words)
        command = Command(
            argv=argv,
            program="git",
            env=env,
            cwd=self._folder.parent,
            timeout=timeout,
            memory=PROGRAM_MEMORY,
            most=_LIST,
            largest=max(_PACK, 2 * WHOLE),
        )
        return self._runner.run(command).stdout


def _entry(line: str) -> _Entry:
    """Read a line of `git ls-tree`: `MODE KIND ID SIZE<TAB>PATH`."""
    facts, _, path = line.partition("\t")
    mode, _kind, _name, size = facts.split()
    check_entry(path, 0 if mode == _SUBMODULE else int(size))
    if mode == _SUBMODULE:
        raise UnsafeSourceError(f"{path}: a submodule")
    if not is_kept(path):
        raise UnsafeSourceError(f"{path}: no part of a catalog")
    return _Entry(
        path=path,
        mode=0o755 if mode == _PROGRAM else 0o644,
        size=int(size),
        is_link=mode == _LINK,
    )


def _target(path: str, link: str) -> str:
    """Return what a link names, as a path in the catalog; it may lead out of it."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
