"""Git trees of tarballs: as git itself has them, and refused where they are others."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from builder.common.errors import StepError
from builder.network.upstreams import upstream
from builder.resolvers.julia.git_tree import GitTrees, read_tar
from builder.resolvers.julia.git_tree import tree_of as tree_in
from tests.fakes.julia_packages import tarball, tree_of, trees_of
from tests.fakes.lines import Upstream

FILES = {"src/A.jl": "module A\nend\n", "src.toml": "", "srcs/b/c": "é", "Project.toml": "x"}
URL = upstream("julia-packages", "package/a/b")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_the_tree_is_that_of_git(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "work"
    for path, text in FILES.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    (place / "srcs/run").write_text("#!/bin/sh\n")
    (place / "srcs/run").chmod(0o755)
    (place / "link").symlink_to("src/A.jl")
    (place / "srcs/same").hardlink_to(place / "src/A.jl")
    (place / "empty/too").mkdir(parents=True)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.add(place, arcname=".")
    git(place, "init", "--quiet", f"--object-format={kind}")
    git(place, "add", ".")
    found = tree_in(tmp_path / "a.tar.gz", "a")
    assert getattr(found, kind) == git(place, "write-tree")
    read = read_tar(tmp_path / "a.tar.gz", "a")
    assert (read["link"], read["srcs/same"]) == (b"src/A.jl", FILES["src/A.jl"].encode())


def test_a_tarball_is_fetched_once(there: Upstream) -> None:
    there.serve("julia-packages/package/a/b", tarball(FILES))
    trees = GitTrees(fetcher=there.fetcher())
    first = trees.fetch("A 1.0.0", URL, tree_of(FILES))
    assert first.path.read_bytes() == tarball(FILES)
    assert first.sha256 == trees_of(FILES).sha256
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
    found = trees.fetch("A 1.0.0", URL, tree_of(FILES))
    assert found.path.read_bytes() == tarball(FILES)


def test_a_content_that_only_sha1_takes_for_the_same_is_refused(there: Upstream) -> None:
    there.serve("julia-packages/package/a/b", tarball(FILES))
    trees = GitTrees(fetcher=there.fetcher())
    right = trees_of(FILES)
    for _ in range(2):  # also where the tarball is here already
        with pytest.raises(StepError) as caught:
            trees.fetch("A 1.0.0", URL, right.sha1, sha256="0" * 64)
        assert caught.value.message == (
            "A 1.0.0: the downloaded tarball has another git tree than expected, by sha256\n"
            f"    expected {'0' * 64}\n"
            f"    found    {right.sha256}"
        )
    assert trees.fetch("A 1.0.0", URL, right.sha1, sha256=right.sha256).sha1 == right.sha1


def test_the_same_content_packed_in_another_way_is_the_same(there: Upstream) -> None:
    there.serve("julia-packages/package/a/b", gzip.compress(gzip.decompress(tarball(FILES)), 1))
    right = trees_of(FILES)
    found = GitTrees(fetcher=there.fetcher()).fetch("A", URL, right.sha1, sha256=right.sha256)
    assert found.path.read_bytes() != tarball(FILES)


def test_a_note_of_an_older_builder_is_not_enough(there: Upstream) -> None:
    there.serve("julia-packages/package/a/b", tarball(FILES))
    fetcher, right = there.fetcher(), trees_of(FILES)
    GitTrees(fetcher=fetcher).fetch("A 1.0.0", URL, right.sha1)
    note = fetcher.folder / "trees" / right.sha1
    note.write_text(note.read_text().split()[0])
    assert GitTrees(fetcher=fetcher).fetch("A 1.0.0", URL, right.sha1).sha256 == right.sha256
    assert len(note.read_text().split()) == 2


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
        ("a", tarfile.CHRTYPE, "a is neither a file nor a link"),
        ("a", tarfile.LNKTYPE, "a is a link to gone, which is not before it"),
        ("../a", tarfile.REGTYPE, "../a is outside the folder of the tarball"),
        ("/a", tarfile.REGTYPE, "/a is outside the folder of the tarball"),
        ("link/a", tarfile.REGTYPE, "link is both a folder and a file"),
    ],
)
def test_what_git_does_not_know(tmp_path: Path, name: str, kind: bytes, what: str) -> None:
    link, member = tarfile.TarInfo("link"), tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    member.type, member.linkname = kind, "gone" if kind == tarfile.LNKTYPE else ""
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
    assert len(tree_in(tmp_path / "a.tar.gz", "A").sha1) == 40


@pytest.mark.slow
def test_a_tarball_is_hashed_without_being_whole_in_memory(tmp_path: Path) -> None:
    size = 64 << 20
    member = tarfile.TarInfo("data")
    member.size = size
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(member, io.BytesIO(bytes(size)))
    tracemalloc.start()
    tree = tree_in(tmp_path / "a.tar", "A 1.0.0").sha1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert tree == tree_of({"data": "\0" * size})
    assert peak < size / 8
