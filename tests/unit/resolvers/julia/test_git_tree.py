"""Git trees of tarballs: as git itself has them, and refused where they are others."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from builder.common.errors import StepError
from builder.network.upstreams import upstream
from builder.resolvers.julia.git_tree import GitFile, GitTrees, read_tar, tree_sha1
from builder.resolvers.julia.git_tree import tree_of as tree_in
from tests.fakes.julia_packages import tarball, tree_of
from tests.fakes.lines import Upstream

FILES = {"src/A.jl": "module A\nend\n", "src.toml": "", "srcs/b/c": "é", "Project.toml": "x"}
URL = upstream("julia-packages", "package/a/b")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_the_tree_is_that_of_git(tmp_path: Path) -> None:
    place = tmp_path / "work"
    for path, text in FILES.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    (place / "srcs/run").write_text("#!/bin/sh\n")
    (place / "srcs/run").chmod(0o755)
    (place / "link").symlink_to("src/A.jl")
    (place / "empty/too").mkdir(parents=True)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.add(place, arcname=".")
    git(place, "init", "--quiet")
    git(place, "add", ".")
    assert tree_sha1(read_tar(tmp_path / "a.tar.gz", "a")) == git(place, "write-tree")


def test_a_tarball_is_fetched_once(there: Upstream) -> None:
    there.serve("julia-packages/package/a/b", tarball(FILES))
    trees = GitTrees(fetcher=there.fetcher())
    first = trees.fetch("A 1.0.0", URL, tree_of(FILES))
    assert first.read_bytes() == tarball(FILES)
    there.files.clear()
    assert GitTrees(fetcher=there.fetcher()).fetch("A 1.0.0", URL, tree_of(FILES)) == first


def test_another_tree_is_refused_until_it_is_the_right_one(there: Upstream) -> None:
    other = {**FILES, "src/A.jl": ""}
    there.serve("julia-packages/package/a/b", tarball(other))
    trees = GitTrees(fetcher=there.fetcher())
    for _ in range(2):
        with pytest.raises(StepError) as caught:
            trees.fetch("A 1.0.0", URL, tree_of(FILES))
        assert str(caught.value) == (
            "A 1.0.0: the downloaded tarball has another git tree than expected\n"
            f"    expected {tree_of(FILES)}\n"
            f"    found    {tree_of(other)}\n"
            "  hint: it was replaced upstream, or the mirror serves another"
            " file; do not build with it"
        )
    there.serve("julia-packages/package/a/b", tarball(FILES))
    assert trees.fetch("A 1.0.0", URL, tree_of(FILES)).read_bytes() == tarball(FILES)


def test_what_is_no_tarball(there: Upstream) -> None:
    there.serve("julia-packages/package/a/b", b"nothing")
    with pytest.raises(StepError, match=r"^A 1\.0\.0 cannot be read: "):
        GitTrees(fetcher=there.fetcher()).fetch("A 1.0.0", URL, "0" * 40)
    there.serve("julia-packages/package/a/b", tarball(FILES)[:-20])
    with pytest.raises(StepError, match=r"^A 1\.0\.0 cannot be read: "):
        GitTrees(fetcher=there.fetcher()).fetch("A 1.0.0", URL, "0" * 40)


@pytest.mark.parametrize(
    ("name", "kind", "what"),
    [
        ("a", tarfile.LNKTYPE, "a is neither a file nor a link"),
        ("../a", tarfile.REGTYPE, "../a is outside the folder of the tarball"),
        ("/a", tarfile.REGTYPE, "/a is outside the folder of the tarball"),
        ("link/a", tarfile.REGTYPE, "link is both a folder and a file"),
    ],
)
def test_what_git_does_not_know(tmp_path: Path, name: str, kind: bytes, what: str) -> None:
    link, member = tarfile.TarInfo("link"), tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    member.type, member.linkname = kind, "link" if kind == tarfile.LNKTYPE else ""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(link)
        tar.addfile(member)
    (tmp_path / "a.tar").write_bytes(buffer.getvalue())
    with pytest.raises(StepError) as caught:
        read_tar(tmp_path / "a.tar", "A 1.0.0")
    assert str(caught.value) == f"A 1.0.0: {what}"


def test_a_tree_that_is_a_path_is_not_looked_for(there: Upstream) -> None:
    for tree in ("../../../../etc/passwd", "0" * 39, "G" * 40, ""):
        with pytest.raises(StepError) as caught:
            GitTrees(fetcher=there.fetcher()).fetch("A 1.0.0", URL, tree)
        assert str(caught.value) == f"A 1.0.0: not a git tree: {tree!r}"
    assert there.server.asked == []


def test_a_name_that_is_not_utf_8_is_hashed_as_git_does(tmp_path: Path) -> None:
    files = {"caf\udce9": "x"}
    (tmp_path / "a.tar.gz").write_bytes(tarball(files))
    assert len(tree_sha1(read_tar(tmp_path / "a.tar.gz", "A"))) == 40


def test_a_tarball_is_hashed_without_being_whole_in_memory(tmp_path: Path) -> None:
    size = 64 << 20
    member = tarfile.TarInfo("data")
    member.size = size
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(member, io.BytesIO(bytes(size)))
    tracemalloc.start()
    tree = tree_in(tmp_path / "a.tar", "A 1.0.0")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert tree == tree_sha1({"data": GitFile("100644", bytes(size))})
    assert peak < size / 8
