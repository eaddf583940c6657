"""matrix.lock as text."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from builder.catalog.models import RemoteFile, Source
from builder.common.errors import ConfigError
from builder.common.version import VERSION
from builder.lock import lockfile
from builder.lock.lockfile import VersionLock
from builder.lock.pinned import AcceptedPatch, PinnedCatalog
from tests.fakes.catalog import LOCK
from tests.fakes.julia_packages import Release, uuid_of
from tests.fakes.layers import layer, package


def test_it_comes_back_as_it_was() -> None:
    held = replace(LOCK, package_sets={"base/os=2": layer(apt={"tar": "1.35"})})
    text = lockfile.dump(held)
    assert lockfile.parse(text) == held
    assert lockfile.dump(lockfile.parse(text)) == text


def test_a_line_keeps_its_files() -> None:
    file = RemoteFile(name="lang.tar.gz", url="https://example.org/lang.tar.gz", sha256="a" * 64)
    line = VersionLock(version="1.10.4", files={"os=2@linux/amd64": (file,)})
    held = replace(LOCK, release_lines={**LOCK.release_lines, "lang=1.10": line})
    assert lockfile.parse(lockfile.dump(held)) == held
    assert held.versions == LOCK.versions


def test_a_source_whose_indexes_may_have_expired_comes_back() -> None:
    base = replace(LOCK.bases["os=1@linux/amd64"], source=Source(bootstrap="one", expired=True))
    held = replace(LOCK, bases={"os=1@linux/amd64": base})
    text = lockfile.dump(held)
    assert lockfile.parse(text) == held
    with pytest.raises(ConfigError, match="not a lock: not a source: True"):
        lockfile.parse(
            text.replace('"bootstrap": "one",', '"bootstrap": true,').replace(
                '"bootstrap": "one"', '"bootstrap": true'
            )
        )


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_lock_of_an_older_format_is_read(number: int) -> None:
    held = replace(LOCK, package_sets={"base/os=2": layer(apt={"tar": "1.35"})})
    text = lockfile.dump(held)
    for new, old in (("release_lines", "lines"), ("package_sets", "layers"), ("request", "asked")):
        assert text.count(f'"{new}": ') == 1
        text = text.replace(f'"{new}": ', f'"{old}": ')
    assert lockfile.parse(text.replace('"format": 9', f'"format": {number}')) == held
    with pytest.raises(ConfigError, match="not a lock: it lacks 'release_lines'"):
        lockfile.parse(text)


def test_a_lock_of_a_newer_format_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        lockfile.parse(lockfile.dump(LOCK).replace('"format": 9', '"format": 11'))
    assert caught.value.exit_code == 2
    assert str(caught.value) == (
        "matrix.lock: format 11 is newer than this builder's 10\n"
        f"  hint: this is builder {VERSION}: pip install --upgrade catalog-builder"
    )


def test_suites_have_their_date_where_it_is_known() -> None:
    text = lockfile.dump(LOCK)
    suites = {key: base["suites"] for key, base in json.loads(text)["bases"].items()}
    assert suites == {
        "os=1@linux/amd64": {"one": "a" * 64},
        "os=2@linux/amd64": {"two": {"date": "2026-11-20T08:00:00Z", "inrelease_sha256": "b" * 64}},
    }
    assert lockfile.parse(text) == LOCK


def test_its_bytes_do_not_depend_on_order() -> None:
    turned = replace(
        LOCK,
        bases=dict(reversed(LOCK.bases.items())),
        release_lines=dict(reversed(LOCK.release_lines.items())),
    )
    assert lockfile.dump(turned) == lockfile.dump(LOCK)


def test_it_has_one_fact_a_line() -> None:
    lines = lockfile.dump(LOCK).splitlines()
    assert '  "lang=1.10": "1.10.4",' in lines
    assert ' "format": 9,' in lines
    assert lockfile.dump(LOCK).endswith("\n}\n")
    assert list(json.loads(lockfile.dump(LOCK))) == [
        "bases", "format", "package_sets", "release_lines",
    ]  # fmt: skip


def test_a_package_is_a_line() -> None:
    held = replace(LOCK, package_sets={"base/os=2": layer(apt={"tar": "1.35", "grep": "3.11"})})
    digest = package("tar", "1.35").digest
    assert (
        f'     "tar": "1.35 {digest} main pool/tar_1.35_all.deb"'
        in lockfile.dump(held).splitlines()
    )


def test_a_package_may_have_its_size_and_its_source_package() -> None:
    tar = replace(package("tar", "1.35+b1"), size=951, built_from="tar", source_version="1.35")
    grep = package("grep", "3.11")
    held = replace(layer(), packages={"apt": {"tar": tar, "grep": grep}})
    text = lockfile.dump(replace(LOCK, package_sets={"base/os=2": held}))
    assert f'"tar": "1.35+b1 {tar.digest} main pool/tar_1.35+b1_all.deb 951 tar 1.35"' in text
    assert ' "format": 10,' in text.splitlines()
    found = lockfile.parse(text).package_sets["base/os=2"].packages["apt"]
    assert vars(found["tar"]) == vars(tar)
    assert vars(found["grep"]) == vars(grep)
    assert lockfile.dump(lockfile.parse(text)) == text


@pytest.mark.parametrize("words", ["951 tar", "many tar 1.35", "951 tar 1.35 more", "-1 tar 1.35"])
def test_what_a_package_says_beside_is_whole(words: str) -> None:
    tar = replace(package("tar", "1.35"), size=951, built_from="tar", source_version="1.35")
    held = replace(layer(), packages={"apt": {"tar": tar}})
    text = lockfile.dump(replace(LOCK, package_sets={"base/os=2": held}))
    with pytest.raises(
        ConfigError,
        match=r"tar is not `version digest source file \[size built-from source-version\]`",
    ):
        lockfile.parse(text.replace("951 tar 1.35", words))


def test_a_digest_is_a_sha256_or_a_sha512() -> None:
    lamp = replace(package("lamp", "2.0.0"), digest=f"sha512:{'ab' * 64}")
    held = replace(layer(), packages={"npm": {"lamp@2.0.0": lamp}})
    text = lockfile.dump(replace(LOCK, package_sets={"base/os=2": held}))
    assert lockfile.parse(text).package_sets == {"base/os=2": held}
    with pytest.raises(ConfigError, match=r"package lamp@2\.0\.0 is not `version digest source"):
        lockfile.parse(text.replace(f"sha512:{'ab' * 64}", f"sha512:{'ab' * 32}"))


def test_a_package_may_be_known_by_its_git_tree() -> None:
    julia = Release(name="CSV", version="0.10.15").locked
    held = replace(
        LOCK, package_sets={"base/os=2": replace(layer(), packages={"julia": {"CSV": julia}})}
    )
    text = lockfile.dump(held)
    line = f"0.10.15 {julia.digest} General package/{uuid_of('CSV')}/{julia.file_name}"
    assert f'     "CSV": "{line}"' in text.splitlines()
    assert lockfile.parse(text) == held
    with pytest.raises(ConfigError, match="package CSV is not `version digest source file`"):
        lockfile.parse(text.replace("git-tree-sha256:", "git-tree-sha256:0"))


def test_a_git_tree_of_an_older_lock_is_read() -> None:
    julia = Release(name="CSV", version="0.10.15").former
    held = replace(
        LOCK, package_sets={"base/os=2": replace(layer(), packages={"julia": {"CSV": julia}})}
    )
    text = lockfile.dump(held)
    assert f'"0.10.15 git-tree-sha1:{julia.file_name} General ' in text
    assert lockfile.parse(text.replace('"format": 9', '"format": 4')) == held


PIN = PinnedCatalog(
    source={"git": "https://git.example/catalog.git", "ref": "main"},
    commit="0123456789" * 4,
    content=f"sha256:{'c' * 64}",
    registry="ghcr.io/upstream",
)
PATCH = AcceptedPatch(matched=2, hash=f"sha256:{'d' * 64}", names=("desk", "tool"))


def test_what_it_says_of_the_catalogs_below_comes_back() -> None:
    held = replace(
        LOCK,
        upstreams={"upstream": PIN},
        replaces={"images/desk/Dockerfile.j2": f"sha256:{'e' * 64}"},
        patches={"sizes": PATCH},
    )
    text = lockfile.dump(held)
    assert lockfile.parse(text) == held
    assert json.loads(text)["upstreams"]["upstream"] == {
        "source": {"git": "https://git.example/catalog.git", "ref": "main"},
        "commit": "0123456789" * 4,
        "content": f"sha256:{'c' * 64}",
        "registry": "ghcr.io/upstream",
    }
    assert lockfile.parse(lockfile.dump(LOCK).replace('"format": 9', '"format": 8')) == LOCK


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"ref": "main"', '"oci": "a/b"', "upstream upstream: not a source: "),
        ('"ref": "main"', '"ref": 7', "upstream upstream: not a string: 7"),
        ('"commit": "0', '"commit": "-', "upstream upstream: not a commit: '-"),
        ('"content": "sha256:', '"content": "sha1:', "upstream upstream: not a digest: 'sha1:"),
        ('"matched": 2', '"matched": true', "patch sizes: not a number of matches: True"),
        ('"hash": "sha256:', '"hash": "', "patch sizes: not a digest: 'd"),
        ('.j2": "sha256:', '.j2": "', "replaces images/desk/Dockerfile.j2: not a digest: 'e"),
    ],
)
def test_what_it_says_of_the_catalogs_below_is_checked(old: str, new: str, message: str) -> None:
    replaced = {"images/desk/Dockerfile.j2": f"sha256:{'e' * 64}"}
    held = replace(LOCK, upstreams={"upstream": PIN}, patches={"sizes": PATCH}, replaces=replaced)
    text = lockfile.dump(held)
    assert old in text
    with pytest.raises(ConfigError) as caught:
        lockfile.parse(text.replace(old, new))
    assert caught.value.message.startswith(f"not a lock: {message}")
