"""What somebody wrote into matrix.lock by hand is refused, with its position."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest

from builder.app.adapters import Adapters
from builder.app.app import App
from builder.app.options import Options
from builder.app.planning import flaws_of
from builder.catalog.models import RemoteFile, Source
from builder.catalog.packages import LockedPackage, Suite
from builder.common.errors import ConfigError, Problems
from builder.lock.lockfile import BaseLock, Lock, PackageSet, VersionLock, dump, parse
from builder.lock.positions import location_of
from builder.lock.verify import Flaw, errors_of, without
from tests.fakes.catalog import LOCK, TODAY, Folder, Week, with_package_sets
from tests.fakes.ecosystems import BUILT_IN
from tests.fakes.layers import FakeLayers, layer
from tests.fakes.locking import HAS

BASE = "os=2@linux/amd64"
LINE = "lang=1.10"
SHA256, SHA512, TREE = "sha256:" + "0" * 64, "sha512:" + "0" * 128, "git-tree-sha256:" + "0" * 64
FORMER = "git-tree-sha1:" + "0" * 40
UUID = "336ed68f-0bac-5ca0-87d4-7b16caf5d00b"
WHEEL = "lxml-6.0.2-cp313-cp313-manylinux_2_28_x86_64.whl"
GOOD = {
    "apt": ("libc6", "2:2.41-12+deb13u1", SHA256, "trixie",
            "pool/main/g/glibc/libc6_2.41-12+deb13u1_amd64.deb"),
    "pip": ("lxml", "6.0.2", SHA256, "pip", WHEEL),
    "wheel": ("foo-bar", "1.0", SHA256, "pip", "foo_bar-1.0-py3-none-any.whl"),
    "npm": ("@coder/logger@3.0.1", "3.0.1", SHA512, "npm", "@coder/logger/-/logger-3.0.1.tgz"),
    "r": ("cli", "3.6.5", SHA256, "2026-11-20",
          "bin/linux/trixie-x86_64/4.6/src/contrib/cli_3.6.5.tar.gz"),
    "julia": ("CSV", "0.10.15", TREE, "General", f"package/{UUID}/{'0' * 40}"),
    "maven": ("org.x:y", "1.0", SHA256, "maven", "org/x/y/1.0/y-1.0.jar"),
}  # fmt: skip


def line(name: str = "lang.tgz", url: str = "https://github.com/x", sha256: str = "0" * 64) -> Lock:
    """A lock whose release line comes in a file."""
    file = RemoteFile(name=name, url=url, sha256=sha256)
    lines = {**LOCK.release_lines, LINE: VersionLock(version="1.10.4", files={BASE: (file,)})}
    return replace(LOCK, release_lines=lines)


def from_url(folder: Folder, template: str) -> None:
    """Have the release lines come from a template of URLs."""
    folder.edit("matrix.yaml", '"1.10": {provider: apt', '"1.10": {provider: url')
    options = f'{{apt: {{package: lang}}, url: {{url: "{template}"}}}}'
    folder.edit("images/speech/recipe.yaml", "{apt: {package: lang}}", options)


def found(folder: Folder, lock: Lock) -> list[str]:
    """What is wrong with a lock of a catalog."""
    return [flaw.message for flaw in flaws_of(folder.load(), lock)]


@pytest.mark.parametrize("ecosystem", GOOD)
def test_an_entry_as_its_ecosystem_writes_it(ecosystem: str) -> None:
    name, version, digest, source, file = GOOD[ecosystem]
    package = LockedPackage(version=version, digest=digest, source=source, file=file)
    assert BUILT_IN[ecosystem].shape.flaw(name, package) == ""


@pytest.mark.parametrize("ecosystem", GOOD)
@pytest.mark.parametrize(
    ("field", "text", "problem"),
    [
        ("name", "../x", "is not the name of a package"),
        ("name", "-x", "is not the name of a package"),
        ("name", "a b", "is not the name of a package"),
        ("name", "", "is not the name of a package"),
        ("version", "1\nRUN evil", "is not a version"),
        ("version", "$(evil)", "is not a version"),
        ("version", "--yes", "is not a version"),
        ("version", "../1", "is not a version"),
        ("digest", "sha256:0", "its digest"),
        ("digest", "sha256:" + "G" * 64, "its digest"),
        ("digest", "md5:" + "0" * 32, "its digest"),
        ("source", "http://evil.example", "is not a source"),
        ("source", "../..", "is not a source"),
        ("source", "a\nb", "is not a source"),
        ("file", "../../../escaped", "is not a plain path"),
        ("file", "/etc/passwd", "is not a plain path"),
        ("file", "a/../b.deb", "is not a plain path"),
        ("file", "a//b.deb", "is not a plain path"),
        ("file", "a/.", "is not a plain path"),
        ("file", "", "is not a plain path"),
        ("file", "-o.deb", "is not a plain path"),
        ("file", "a;evil.deb", "is not a plain path"),
        ("file", "a\\b.deb", "is not a plain path"),
        ("file", "a\x00.deb", "is not a plain path"),
        ("file", "x" * 256, "is not a plain path"),
        ("file", "pool/other_1.0_amd64.deb", "is not that of"),
    ],
)
def test_an_entry_as_an_attacker_writes_it(
    ecosystem: str, field: str, text: str, problem: str
) -> None:
    name, version, digest, source, file = GOOD[ecosystem]
    fields = {"version": version, "digest": digest, "source": source, "file": file}
    package = LockedPackage(**{**fields, **({} if field == "name" else {field: text})})
    flaw = BUILT_IN[ecosystem].shape.flaw(text if field == "name" else name, package)
    assert problem in flaw


@pytest.mark.parametrize(
    ("ecosystem", "digest"),
    [("apt", SHA512), ("pip", SHA512), ("npm", SHA256), ("r", TREE), ("julia", SHA256)],
)
def test_a_digest_that_its_index_does_not_state(ecosystem: str, digest: str) -> None:
    name, version, _, source, file = GOOD[ecosystem]
    package = LockedPackage(version=version, digest=digest, source=source, file=file)
    assert "its digest" in BUILT_IN[ecosystem].shape.flaw(name, package)


NULL = "0" * 40


@pytest.mark.parametrize(
    ("name", "digest", "file", "problem"),
    [
        ("CSV", TREE, f"package/{UUID}/{NULL}", ""),
        ("CSV", FORMER, f"package/{UUID}/{NULL}", ""),
        ("CSV:lib", TREE, f"artifact/{NULL}", ""),
        (f"CSV:lib:{NULL}", TREE, f"artifact/{NULL}", ""),
        ("CSV", FORMER, f"package/{UUID}/{'1' * 40}", "is not that of CSV"),
        ("CSV", TREE, f"artifact/{NULL}", "is not that of CSV"),
        ("CSV:lib", TREE, f"package/{UUID}/{NULL}", "is not that of CSV:lib"),
        ("CSV:lib", FORMER, f"artifact/{NULL}", "is not that of CSV:lib"),
        (f"CSV:lib:{'1' * 40}", TREE, f"artifact/{NULL}", "is not that of CSV:lib"),
        ("CSV:../x", TREE, f"artifact/{NULL}", "is not the name of a package"),
        ("CSV:lib:x", TREE, f"artifact/{NULL}", "is not the name of a package"),
        ("CSV:lib", TREE, f"artifact/../{NULL}", "is not a plain path"),
    ],
)
def test_the_packages_and_artifacts_of_julia(
    name: str, digest: str, file: str, problem: str
) -> None:
    package = LockedPackage(version="0.10.15", digest=digest, source="General", file=file)
    flaw = BUILT_IN["julia"].shape.flaw(name, package)
    assert (problem in flaw) if problem else flaw == ""


def test_a_lock_that_was_written_by_the_builder(folder: Folder) -> None:
    assert found(folder, LOCK) == []
    assert (
        found(folder, replace(LOCK, package_sets={"base/os=2": layer(apt={"tar": "1.35"})})) == []
    )


@pytest.mark.parametrize(
    "name", ["../../escaped", "a/b", "..", ".", "", "-rf", "/etc/passwd", "a b", "a\nb", "$(x)"]
)
def test_a_file_whose_name_is_a_path(folder: Folder, name: str) -> None:
    from_url(folder, "https://example.org/lang-{version}.tgz")
    lock = line(name, "https://example.org/lang-1.10.4.tgz")
    assert found(folder, lock) == [f"{LINE}: {name!r} is not the name of a file"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/lang-1.10.4.tgz",
        "https://evil.example/lang-1.10.4.tgz",
        "https://example.org/lang-1.10.3.tgz",
        "https://example.org.evil.example/lang-1.10.4.tgz",
        "https://example.org@evil.example/lang-1.10.4.tgz",
        "https://user:x@example.org/lang-1.10.4.tgz",
        "file:///etc/passwd",
        "pkg:pypi/evil@1.10.4",
        "--output=/etc/passwd",
        "",
    ],
)
def test_a_file_of_another_url_than_the_recipe_names(folder: Folder, url: str) -> None:
    own = "https://example.org/lang-1.10.4.tgz"
    from_url(folder, "https://example.org/lang-{version}.tgz")
    assert found(folder, line(url=own)) == []
    assert found(folder, line(url=url)) == [
        f"{LINE}: {url!r} is not of a source of its provider: it has {own}"
    ]


@pytest.mark.parametrize(
    "path", ["../evil", "a/../../evil", "%2e%2e/evil", "a%2fb", "a b", "a\nb", "./a", "a\\b"]
)
def test_a_file_that_leaves_the_folder_of_its_source(folder: Folder, path: str) -> None:
    folder.edit("matrix.yaml", '"1.10": {provider: apt', '"1.10": {provider: rstudio')
    options = "{apt: {package: lang}, rstudio: {}}"
    folder.edit("images/speech/recipe.yaml", "{apt: {package: lang}}", options)
    start = "https://download2.rstudio.org/"
    assert found(folder, line(url=f"{start}server/x.deb")) == []
    assert len(found(folder, line(url=start + path))) == 1


def test_a_file_of_a_provider_that_has_none(folder: Folder) -> None:
    """A package of an archive comes in no file: one ending in .deb would be installed."""
    assert found(folder, line("evil.deb", "https://github.com/evil.deb")) == [
        f"{LINE}: 'https://github.com/evil.deb' is not of a source of its provider:"
        " it has files of none"
    ]


def test_a_hash_that_is_none(folder: Folder) -> None:
    from_url(folder, "https://example.org/lang")
    lock = line(url="https://example.org/lang", sha256="0" * 63)
    assert found(folder, lock) == [f"{LINE}: the hash of lang.tgz is not a sha256"]


def test_a_version_that_is_a_line_of_a_dockerfile(folder: Folder) -> None:
    lines = {**LOCK.release_lines, LINE: VersionLock(version="1\nRUN evil")}
    lock = replace(LOCK, release_lines=lines)
    assert found(folder, lock) == [f"{LINE}: '1\\nRUN evil' is not a version"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"source": Source(registry="evil.example/os:two")},
         "matrix.yaml does not name its source registry evil.example/os:two"),
        ({"content": "latest"}, "its content 'latest' is not a sha256"),
        ({"content": ""}, "its content '' is not a sha256"),
        ({"suites": {"two": Suite(date="", sha256="x")}},
         "the hash of its suite two is not a sha256"),
        ({"suites": {"../two": Suite(date="", sha256="a" * 64)}},
         "'../two' is not the name of a suite"),
    ],
)  # fmt: skip
def test_a_base(folder: Folder, changes: dict[str, object], problem: str) -> None:
    base: BaseLock = replace(LOCK.bases[BASE], **changes)  # type: ignore[arg-type]
    lock = replace(LOCK, bases={**LOCK.bases, BASE: base})
    assert found(folder, lock) == [f"{BASE}: {problem}"]
    assert [*without(lock, flaws_of(folder.load(), lock)).bases] == ["os=1@linux/amd64"]


def tampered(week: Week) -> None:
    """Write a lock of which two entries are false."""
    lock = with_package_sets(week.folder.load(), LOCK)
    key = "base/os=2"
    packages = {"tar": LockedPackage(version="1", digest=SHA256, source="x", file="../../tar.deb")}
    false = PackageSet(epoch=1, request=lock.package_sets[key].request, packages={"apt": packages})
    base = replace(lock.bases[BASE], content="sha256:0")
    lock = replace(
        lock,
        bases={**lock.bases, BASE: base},
        package_sets={**lock.package_sets, key: false},
    )
    week.folder.write("matrix.lock", dump(lock))


def test_nothing_is_planned_with_a_false_lock(week: Week) -> None:
    tampered(week)
    app = week.app()
    for use in (app.locked, app.fitting_lock, app.plan):
        with pytest.raises(Problems) as raised:
            use()
        assert raised.value.exit_code == 2
        hint = (
            "  hint: somebody or something else than `builder lock` wrote it: restore it from git,"
            " or let `builder lock` look this entry up again"
        )
        assert str(raised.value).splitlines()[:8] == [
            "matrix.lock:14:4: os=2@linux/amd64: its content 'sha256:0' is not a sha256",
            '       "content": "sha256:0",',
            "       ^",
            hint,
            "matrix.lock:38:6: base/os=2: apt package tar: its file '../../tar.deb' is not a plain"
            " path",
            f'         "tar": "1 {SHA256} x ../../tar.deb"',
            "         ^",
            hint,
        ]


def test_a_new_lock_looks_up_what_was_false(week: Week) -> None:
    tampered(week)
    notes: list[str] = []
    app = App(
        week.folder.load(),
        Options(today=TODAY),
        adapters=partial(Adapters, **week.fakes),
        notify=notes.append,
    )
    lock = app.lock().lock
    assert flaws_of(week.folder.load(), lock) == ()
    assert [note for note in notes if "not believed" in note] == [
        f"lock: not believed, and looked up again: {BASE}: its content 'sha256:0' is not a sha256",
        "lock: not believed, and looked up again: base/os=2: apt package tar:"
        " its file '../../tar.deb' is not a plain path",
    ]


def test_what_an_index_says_is_not_believed_either(week: Week) -> None:
    """A hostile index gives a file a path for a name: its entry is not written."""
    resolvers = {"apt": FakeLayers(week.state / "files", {**HAS, "desk": "$(evil)"})}
    fakes = {**week.fakes, "resolvers": resolvers}
    app = App(week.folder.load(), Options(today=TODAY), adapters=partial(Adapters, **fakes))
    locked = app.lock(upgrade=["desk"])
    assert "base/os=2" in locked.lock.package_sets
    assert not any(key.startswith("desk/") for key in locked.lock.package_sets)
    assert [(item.subject, item.reason) for item in locked.problems] == [
        (key, "an index is not believed: apt package desk: '$(evil)' is not a version")
        for key in ("desk/os=2,lang=1.10", "desk/os=1,lang=1.9")
    ]


def test_many_false_entries_are_counted() -> None:
    found = [
        Flaw(section="bases", subject=str(number), path=(), problem="is false")
        for number in range(30)
    ]
    errors = errors_of(found)
    assert len(errors) == 21
    assert errors[-1].message == "10 more entries of matrix.lock are wrong"


def test_an_entry_that_cannot_be_read_has_its_position() -> None:
    lock = Lock(package_sets={"base/os=2": layer(apt={"tar": "1"})})
    text = dump(lock).replace("sha256:", "sha1:")
    with pytest.raises(ConfigError) as raised:
        parse(text)
    assert str(raised.value).startswith(
        "matrix.lock:9:6: not a lock: base/os=2: package tar is not `version digest source file`:"
    )


def test_positions_are_those_of_the_last_of_equal_keys() -> None:
    text = '{"a": {"b": 1, "c": [1, {"b": 2}]},\n "a": {"x": "\\"b\\": 3",\n  "b": 4}}'
    at = location_of(text, ("a", "b"), "f")
    assert (at.line, at.column, at.source) == (3, 3, '  "b": 4}}')
    assert str(location_of(text, ("a", "none"), "f")) == "f:2:2"
    assert str(location_of(text, ("none",), "f")) == "f"
    assert str(location_of("[]", ("a",), "f")) == "f"
    assert json.loads(text)["a"]["b"] == 4


def test_positions_in_an_older_lock(folder: Folder) -> None:
    text = dump(line("../x")).replace('"release_lines"', '"lines"')
    flaw = flaws_of(folder.load(), line("../x"))
    (error, _) = errors_of(flaw, text)
    assert error.location is not None
    assert '"../x"' in error.location.source
