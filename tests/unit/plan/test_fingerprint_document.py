"""The document of a fingerprint, to the byte: images in registries are found by its hash."""

from __future__ import annotations

from builder.catalog.models import File, RemoteFile
from builder.catalog.packages import LockedPackage
from builder.common.hashing import canonical
from builder.lock.lockfile import PackageSet
from builder.plan.fingerprint_document import document, lock_part

PACKAGE = LockedPackage(version="1.35", digest="sha256:aa", source="main", file="pool/tar.deb")
LOCK = lock_part(
    package_set=PackageSet(epoch=7, request="r", packages={"apt": {"tar": PACKAGE}}),
    declared={"maven": ("a:b", "c:d")},
    versions={"lang=1.10": "1.10.4"},
    files=(RemoteFile(name="lang.tgz", url="https://example.org/lang.tgz", sha256="bb"),),
)
DOCUMENT = document(
    platform="linux/amd64",
    parent="cc",
    inputs={"tool": "dd"},
    dockerfile="FROM parent\n",
    context=(File(path="files/a", mode=0o755, sha256="ee", source="/catalog/files/a"),),
    lock=LOCK,
)


def test_its_bytes() -> None:
    assert canonical(DOCUMENT).decode() == (
        '{"context":[["files/a","0755","ee"]],"dockerfile":"FROM parent\\n","format":1,'
        '"inputs":{"tool":"dd"},"lock":{"declared":{"maven":["a:b","c:d"]},"epoch":7,'
        '"files":{"lang.tgz":"bb"},"lines":{"lang=1.10":"1.10.4"},'
        '"packages":{"apt":{"tar":"1.35 sha256:aa"}}},"parent":"cc","platform":"linux/amd64"}'
    )


def test_what_is_not_there_has_no_key() -> None:
    part = lock_part(package_set=None, declared={}, versions={}, files=())
    assert canonical(part) == b'{"declared":{},"lines":{}}'
