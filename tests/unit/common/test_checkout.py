"""Which files of a catalog count, wherever it is checked out, and what is refused."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import IO, Any

import pytest

from builder.build.build_context import write_context
from builder.common.checkout import check_folder, is_leftover, read_checkout
from builder.common.errors import BuilderError, ConfigError, StepError
from builder.common.process import Runner
from builder.project import Workspace
from tests.fakes.catalog import Folder, prints

FILES = "images/desk/files"


def git(root: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words],
        cwd=root, check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture
def committed(folder: Folder) -> Folder:
    """The catalog, in a repository of git."""
    git(folder.root, "init", "--quiet")
    git(folder.root, "add", "--all")
    git(folder.root, "commit", "--quiet", "--message=a")
    return folder


def names(folder: Folder) -> list[str]:
    """The files of a recipe, read anew."""
    return [file.path for file in Workspace(folder.root).load().catalog.recipes["desk"].files]


def refused(folder: Folder) -> str:
    with pytest.raises(BuilderError) as caught:
        Workspace(folder.root).load()
    assert caught.value.exit_code == ConfigError.exit_code
    return str(caught.value)


# What editors and programs leave, and what git ignores.


@pytest.mark.parametrize(
    "name",
    ["a~", "#a#", ".#a", ".a.swp", "a.orig", "__pycache__", ".DS_Store", "._a", ".idea", ".git",
     ".ipynb_checkpoints", ".pytest_cache", "Thumbs.db"],
)  # fmt: skip
def test_what_is_left_behind_is_no_content(folder: Folder, name: str) -> None:
    before = prints(folder.load())
    folder.write(f"{FILES}/{name}", "x")
    assert prints(Workspace(folder.root).load()) == before


@pytest.mark.parametrize(
    "name", ["a", ".bashrc", "a.swp", "_a", "#a", "a.c", ".config", ".gitkeep"]
)
def test_what_is_content(name: str) -> None:
    assert not is_leftover(name)


@pytest.mark.parametrize("path", [f"{FILES}/a.log", f"{FILES}/cache/b", "images/desk/tests/a.log"])
def test_what_git_ignores_is_no_content(committed: Folder, path: str) -> None:
    before = Workspace(committed.root).load()
    committed.write(".gitignore", "*.log\ncache/\n")
    committed.write(path, "x")
    after = Workspace(committed.root).load()
    assert prints(after) == prints(before)
    assert after.catalog.recipes["desk"].tests_hash == before.catalog.recipes["desk"].tests_hash


def test_what_git_has_is_content_though_it_would_be_ignored(committed: Folder) -> None:
    committed.write(".gitignore", "*.log\n")
    committed.write(f"{FILES}/a.log", "x")
    git(committed.root, "add", "--force", f"{FILES}/a.log")
    assert names(committed) == ["files/a.log", "files/desk.conf"]


def test_what_git_has_is_content_though_it_is_named_like_a_leftover(committed: Folder) -> None:
    for name in ("a.orig", ".idea/deep/b", "b.orig"):
        committed.write(f"{FILES}/{name}", "x")
    git(committed.root, "add", f"{FILES}/a.orig", f"{FILES}/.idea")
    assert names(committed) == ["files/.idea/deep/b", "files/a.orig", "files/desk.conf"]


def test_what_git_does_not_know_yet_is_content(committed: Folder) -> None:
    committed.write(f"{FILES}/new", "x")
    assert names(committed) == ["files/desk.conf", "files/new"]


def test_a_catalog_in_a_folder_that_git_ignores(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_text("build/\n*.conf\n")
    folder = Folder(tmp_path / "build" / "catalog")
    assert names(folder) == ["files/desk.conf"]


def test_a_checkout_of_somebody_else(committed: Folder) -> None:
    committed.write(".gitignore", "*.log\n")
    committed.write(f"{FILES}/a.log", "x")
    for path in [committed.root, *committed.root.rglob("*")]:
        os.chown(path, 12345, 12345)
    assert names(committed) == ["files/desk.conf"]


def test_settings_of_a_checkout_run_nothing(committed: Folder, tmp_path: Path) -> None:
    committed.write("hook", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    committed.allow("hook", 0o755)
    git(committed.root, "config", "core.fsmonitor", str(committed.root / "hook"))
    names(committed)
    assert not (tmp_path / "ran").exists()


def test_without_git(committed: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert names(committed) == ["files/desk.conf"]


def test_where_no_work_tree_is_git_is_not_asked(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    folder.allow(f"{FILES}/desk.conf", 0o755)  # no index says otherwise, nor may settings of a user
    (file,) = read_checkout(folder.root, Runner()).files(folder.root / FILES)
    assert read_checkout(folder.root, Runner()).mode(file) == 0o755
    assert not (tmp_path / "ran").exists()
    (folder.root / ".git").mkdir()
    read_checkout(folder.root, Runner())
    assert (tmp_path / "ran").exists()


def test_where_the_disk_keeps_no_modes_git_says_them(committed: Folder) -> None:
    committed.write(f"{FILES}/run", "#!/bin/sh\n")
    git(committed.root, "add", "--all")
    git(committed.root, "update-index", "--chmod=+x", f"{FILES}/run")
    git(committed.root, "config", "core.fileMode", "false")
    committed.allow(f"{FILES}/desk.conf", 0o777)
    files = Workspace(committed.root).load().catalog.recipes["desk"].files
    assert {file.path: file.mode for file in files} == {
        "files/desk.conf": 0o644, "files/run": 0o755,
    }  # fmt: skip


# Links.


def test_a_link_to_a_folder_is_its_content(folder: Folder) -> None:
    folder.write("shared/themes/dark.css", "dark")
    (folder.root / FILES / "themes").symlink_to("../../../shared/themes")
    assert names(folder) == ["files/desk.conf", "files/themes/dark.css"]
    before = prints(Workspace(folder.root).load())
    folder.write("shared/themes/dark.css", "darker")
    assert prints(Workspace(folder.root).load()) != before


def test_a_link_to_a_file_is_its_content(folder: Folder) -> None:
    folder.write("shared/one", "one")
    (folder.root / FILES / "one").symlink_to("../../../shared/one")
    os.link(folder.root / "shared/one", folder.root / FILES / "two")
    assert names(folder) == ["files/desk.conf", "files/one", "files/two"]


def test_a_link_to_nothing(folder: Folder) -> None:
    (folder.root / FILES / "gone").symlink_to("../nothing")
    assert refused(folder) == (
        "images/desk/files/gone: this link points to ../nothing, which does not exist\n"
        "  hint: create that file, or remove the link"
    )
    (folder.root / FILES / "same").symlink_to("desk.conf")
    assert refused(folder).endswith(
        "or remove the link; what a link names is in the image, as with same (a file)"
    )


def test_links_in_a_ring(folder: Folder) -> None:
    (folder.root / FILES / "a").symlink_to("b")
    (folder.root / FILES / "b").symlink_to("a")
    assert "images/desk/files/a: this link points to b, which does not exist" in refused(folder)


def test_a_link_to_a_folder_above(folder: Folder) -> None:
    (folder.root / FILES / "up").symlink_to("..")
    assert (
        refused(folder)
        == "images/desk/files/up/files: this link points to a folder that contains it\n"
        "  hint: remove the link"
    )


def test_links_out_of_the_catalog(folder: Folder) -> None:
    for name in ("etc", "etc/passwd"):
        (folder.root / FILES / name.replace("/", "-")).symlink_to(f"/{name}")
    text = refused(folder)
    for name in ("etc", "etc/passwd"):
        assert (
            f"images/desk/files/{name.replace('/', '-')}: this link points to /{name}, outside the "
            "catalog\n  hint: copy that file into the catalog, and link to the copy"
        ) in text


# What is no file, or cannot be read.


def test_a_pipe_and_a_socket(folder: Folder) -> None:
    os.mkfifo(folder.root / FILES / "pipe")
    assert refused(folder) == (
        "images/desk/files/pipe: a pipe, which no image can contain\n  hint: remove it"
    )
    (folder.root / FILES / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as ours:
        ours.bind(str(folder.root / FILES / "sock"))
    assert "files/sock: a socket, which no image can contain" in refused(folder)


def test_a_file_that_may_not_be_read(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read all: the kernel is asked as if it were somebody else."""
    path_open = Path.open

    def opened(path: Path, *args: Any) -> IO[Any]:
        if path.name == "desk.conf":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return path_open(path, *args)

    monkeypatch.setattr(Path, "open", opened)
    assert refused(folder) == "images/desk/files/desk.conf: it cannot be read: Permission denied"


@pytest.mark.parametrize(
    "path",
    [
        "matrix.yaml", "images/desk/recipe.yaml", "images/desk/Dockerfile.j2", "images/desk/files",
        "images/desk", "images/_macros/install.j2", "charts/desk/chart.yaml", "charts/desk",
        "charts/features/core/feature.yaml", "charts/features/core/templates", "charts/features",
    ],
)  # fmt: skip
def test_no_file_of_a_catalog_is_a_link_out_of_it(
    folder: Folder, tmp_path: Path, path: str
) -> None:
    outside = tmp_path / "outside"
    shutil.move(folder.root / path, outside)
    (folder.root / path).symlink_to(outside)
    text = refused(folder)
    assert "outside the catalog" in text
    assert "hint: copy that file into the catalog, and link to the copy" in text


def test_no_file_of_a_catalog_is_a_link_to_what_never_ends(folder: Folder) -> None:
    recipe = folder.root / "images/desk/recipe.yaml"
    recipe.unlink()
    recipe.symlink_to("recipe.yaml")
    assert "images/desk/recipe.yaml" in refused(folder)
    recipe.unlink()
    os.mkfifo(recipe)
    assert "images/desk/recipe.yaml" in refused(folder)


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb", "a\\b", "a\rb"])
def test_a_name_that_programs_misread(folder: Folder, name: str) -> None:
    (folder.root / FILES / name).write_text("x")
    assert refused(folder).startswith(f"images/desk/files: the path {name!r} has ")


def test_a_checkout_runs_no_program_of_its_settings(folder: Folder, tmp_path: Path) -> None:
    """A partial clone fetches what it lacks by a program of its own settings."""
    ran = tmp_path / "ran"
    git(folder.root, "init", "--quiet")
    git(folder.root, "add", "--all")
    git(folder.root, "commit", "--quiet", "--message=a")
    for objects in folder.root.glob(".git/objects/??"):
        shutil.rmtree(objects)
    for key, value in {
        "core.autocrlf": "true",
        "core.repositoryFormatVersion": "1",
        "core.fsmonitor": f"touch {ran}; false",
        "core.sshCommand": f"touch {ran}; false",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": "ssh://example.org/x",
        "remote.origin.uploadpack": f"touch {ran}; false",
    }.items():
        git(folder.root, "config", key, value)
    folder.load()
    assert not ran.exists()


def test_a_name_that_is_not_utf_8(folder: Folder) -> None:
    (Path(os.fsdecode(os.fsencode(folder.root / FILES) + b"/caf\xe9"))).write_text("x")
    assert refused(folder) == (
        "images/desk/files: the name of caf\\xe9 is not UTF-8\n  hint: rename it"
    )


# Ends of lines, and encodings.


def test_a_script_that_would_not_start(folder: Folder) -> None:
    (folder.root / FILES / "start").write_bytes(b"#!/bin/sh\r\nexec true\r\n")
    assert refused(folder) == (
        "images/desk/files/start:1: its first line ends with CR LF, so that `/bin/sh\\r` is "
        "not found when it starts\n"
        "  hint: `sed -i 's/\\r$//' images/desk/files/start`; with `* text=auto eol=lf` in "
        ".gitattributes git writes no CR"
    )


def test_a_clone_with_crlf_gives_the_same_images(committed: Folder, tmp_path: Path) -> None:
    """Git for Windows' default, where no .gitattributes says otherwise."""
    committed.write(f"{FILES}/start", "#!/bin/sh\nexec true\n")
    committed.write(f"{FILES}/own.bat", "rem\n")
    committed.write(f"{FILES}/.gitattributes", "*.bat text eol=crlf\n")
    git(committed.root, "add", "--all")
    git(committed.root, "commit", "--quiet", "--message=b")
    clones = {}
    for setting in ("true", "false"):
        root = tmp_path / setting
        git(tmp_path, "clone", "--quiet", "--config", f"core.autocrlf={setting}",
            str(committed.root), str(root))  # fmt: skip
        clones[setting] = Workspace(root).load()
    crlf, lf = clones["true"], clones["false"]
    assert b"\r\n" in (tmp_path / "true" / FILES / "start").read_bytes()
    assert prints(crlf) == prints(lf)
    files = crlf.catalog.recipes["desk"].files
    write_context(tmp_path / "context", "FROM x\n", files, {})
    assert (tmp_path / "context/files/start").read_bytes() == b"#!/bin/sh\nexec true\n"
    assert (tmp_path / "context/files/own.bat").read_bytes() == b"rem\r\n"


def test_a_file_that_changes_after_it_was_read(folder: Folder, tmp_path: Path) -> None:
    files = folder.load().catalog.recipes["desk"].files
    folder.write(f"{FILES}/desk.conf", "other")
    with pytest.raises(StepError) as caught:
        write_context(tmp_path / "context", "FROM x\n", files, {})
    assert str(caught.value) == (
        f"{folder.root}/{FILES}/desk.conf has changed during this run\n"
        "  hint: run the command again"
    )


@pytest.mark.parametrize("path", ["matrix.yaml", "images/desk/recipe.yaml", "matrix.lock"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "marked"])
def test_files_as_editors_of_windows_write_them(folder: Folder, path: str, mark: bytes) -> None:
    before = prints(folder.load())
    file = folder.root / path
    file.write_bytes(mark + file.read_bytes().replace(b"\n", b"\r\n"))
    assert prints(Workspace(folder.root).load()) == before


def test_the_byte_that_is_not_utf_8_is_named(folder: Folder) -> None:
    (folder.root / "images/desk/recipe.yaml").write_bytes(b"# a\nsummary: caf\xe9\n")
    assert refused(folder).startswith(
        "images/desk/recipe.yaml:2:13: the byte 0xe9 is not UTF-8\n"
        "  hint: write it as UTF-8, e.g. `iconv -f latin1 -t utf-8 images/desk/recipe.yaml`"
    )


# Where a catalog may lie.


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a:b", "skopeo cannot work in /x/a:b: the character ':' is in its name"),
        ("a,b", "podman cannot work in /x/a,b: the character ',' is in its name"),
        ("a\\b", "podman cannot work in /x/a\\b: the character '\\\\' is in its name"),
        ("a[b", "pytest cannot work in /x/a[b: the character '[' is in its name"),
        ("a\nb", "podman cannot work in '/x/a\\nb': the character '\\n' is in its name"),
        (
            os.fsdecode(b"caf\xe9"),
            "podman cannot work in '/x/caf\\udce9': a character in its name is not UTF-8",
        ),
    ],
)
def test_a_folder_in_which_nothing_could_be_built(name: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_folder(Path("/x", name))
    assert str(caught.value) == f"{text}\n  hint: move the catalog to a folder without it"


@pytest.mark.parametrize("name", ["with space", "a#b", "a%20b", "it's", "été", 'a"b', "a=b", "-a"])
def test_a_folder_of_any_other_name(name: str) -> None:
    check_folder(Path("/x", name))
