"""matrix.lock as text."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from builder import lock
from builder.errors import ConfigError
from builder.lock import LineLock
from builder.model import RemoteFile
from tests.fakes.catalog import LOCK
from tests.fakes.julia_packages import Release, uuid_of
from tests.fakes.layers import layer, package


def test_it_comes_back_as_it_was() -> None:
    held = replace(LOCK, layers={"base/os=2": layer(apt={"tar": "1.35"})})
    text = lock.dump(held)
    assert lock.parse(text) == held
    assert lock.dump(lock.parse(text)) == text


def test_a_line_keeps_its_files() -> None:
    file = RemoteFile(name="lang.tar.gz", url="https://example.org/lang.tar.gz", sha256="a" * 64)
    line = LineLock(version="1.10.4", files={"os=2@linux/amd64": (file,)})
    held = replace(LOCK, lines={**LOCK.lines, "lang=1.10": line})
    assert lock.parse(lock.dump(held)) == held
    assert held.versions == LOCK.versions


def test_a_lock_of_the_first_format_is_read() -> None:
    text = lock.dump(LOCK).replace('"format": 3', '"format": 1')
    assert lock.parse(text) == LOCK


def test_suites_have_their_date_where_it_is_known() -> None:
    text = lock.dump(LOCK)
    suites = {key: base["suites"] for key, base in json.loads(text)["bases"].items()}
    assert suites == {
        "os=1@linux/amd64": {"one": "a" * 64},
        "os=2@linux/amd64": {"two": {"date": "2026-11-20T08:00:00Z", "inrelease_sha256": "b" * 64}},
    }
    assert lock.parse(text) == LOCK


def test_its_bytes_do_not_depend_on_order() -> None:
    turned = replace(
        LOCK,
        bases=dict(reversed(LOCK.bases.items())),
        lines=dict(reversed(LOCK.lines.items())),
    )
    assert lock.dump(turned) == lock.dump(LOCK)


def test_it_has_one_fact_a_line() -> None:
    lines = lock.dump(LOCK).splitlines()
    assert '  "lang=1.10": "1.10.4",' in lines
    assert ' "format": 3,' in lines
    assert lock.dump(LOCK).endswith("\n}\n")
    assert list(json.loads(lock.dump(LOCK))) == ["bases", "format", "layers", "lines"]


def test_a_package_is_a_line() -> None:
    held = replace(LOCK, layers={"base/os=2": layer(apt={"tar": "1.35", "grep": "3.11"})})
    digest = package("tar", "1.35").digest
    assert f'     "tar": "1.35 {digest} main pool/tar_1.35.deb"' in lock.dump(held).splitlines()


def test_a_digest_is_a_sha256_or_a_sha512() -> None:
    lamp = replace(package("lamp", "2.0.0"), digest=f"sha512:{'ab' * 64}")
    held = replace(layer(), packages={"npm": {"lamp@2.0.0": lamp}})
    text = lock.dump(replace(LOCK, layers={"base/os=2": held}))
    assert lock.parse(text).layers == {"base/os=2": held}
    with pytest.raises(ConfigError, match=r"package lamp@2\.0\.0 is not `version digest source"):
        lock.parse(text.replace(f"sha512:{'ab' * 64}", f"sha512:{'ab' * 32}"))


def test_a_package_may_be_known_by_its_git_tree() -> None:
    julia = Release(name="CSV", version="0.10.15").locked
    held = replace(LOCK, layers={"base/os=2": replace(layer(), packages={"julia": {"CSV": julia}})})
    text = lock.dump(held)
    line = f"0.10.15 {julia.digest} General package/{uuid_of('CSV')}/{julia.file_name}"
    assert f'     "CSV": "{line}"' in text.splitlines()
    assert lock.parse(text) == held
    with pytest.raises(ConfigError, match="package CSV is not `version digest source file`"):
        lock.parse(text.replace("git-tree-sha1:", "git-tree-sha1:0"))
