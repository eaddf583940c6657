"""What differs between two sides: packages, configuration, sizes, and the lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from builder.catalog.packages import LockedPackage, Package, PackageList, Suite
from builder.catalog.release_line import Source
from builder.diff.changes import Change, Image, Shared
from builder.diff.compare import Difference, Resized, Side, compare, lock_side
from builder.lock.lockfile import BaseLock, Lock, PackageSet, VersionLock
from builder.registry.release_record import ImageShare

BASE = ImageShare(target="base/os=2", recipe="base", layers=2, size=50_000_000)
DESK = ImageShare(target="desk/os=2", recipe="desk", layers=1, size=9_000_000)


def apt(**versions: str) -> PackageList:
    """Packages of apt; `name__source` is made from a source."""
    found = {}
    for key, version in versions.items():
        name, _, source = key.partition("__")
        found[name] = Package(version=version, size=1, source=source)
    return {"apt": found}


def image(name: str, digest: str, packages: PackageList | None = None, **given: Any) -> Image:
    """An image of the lineage base, desk."""
    shares = (BASE,) if name == "base" else (BASE, DESK)
    size = sum(share.size for share in shares)
    fields = {"shares": shares, "size": size, "config": {}, **given}
    return Image(name=name, digest=digest, packages=packages, **fields)


def differ(old: dict[str, Image], new: dict[str, Image]) -> Difference:
    """What differs between two releases."""
    return compare(
        Side(name="old", noun="target", images=old), Side(name="new", noun="target", images=new)
    )


def test_what_is_the_same_differs_in_nothing() -> None:
    side = {"base/os=2": image("base", "1", apt(tar="1")), "desk/os=2": image("desk", "2")}
    found = differ(side, side)
    assert found.is_empty
    assert (found.changed, found.same, found.total) == ((), 2, (59_000_000, 59_000_000))
    assert found.unknown == ()


def test_one_update_is_one_change_over_all_images_and_packages_of_its_source() -> None:
    old = apt(libssl__openssl="3.5.1-1", openssl="3.5.1-1", tar="1")
    new = apt(libssl__openssl="3.5.1-2", openssl="3.5.1-2", tar="1")
    names = ("base", "desk", *(f"more{number}" for number in range(58)))
    before = {f"{name}/os=2": image(name, f"{name}1", old) for name in reversed(names)}
    after = {f"{name}/os=2": image(name, f"{name}2", new) for name in reversed(names)}
    (change,) = differ(before, after).packages
    assert (change.group, change.name, change.members) == ("apt", "openssl", ("libssl", "openssl"))
    assert (change.before, change.after) == ("3.5.1-1", "3.5.1-2")
    assert len(change.targets) == len(change.images) == 60
    assert change.images[:3] == ("base", "desk", "more0")


def test_an_epoch_and_a_rebuild_are_not_of_the_source() -> None:
    old = apt(bsdutils__linux="1:2.41-5", mount__linux="2.41-5", fdisk__linux="2.41-5+b1")
    new = apt(bsdutils__linux="1:2.41-6", mount__linux="2.41-6", fdisk__linux="2.41-6")
    (change,) = differ(
        {"base/os=2": image("base", "1", old)}, {"base/os=2": image("base", "2", new)}
    ).packages
    assert change.members == ("bsdutils", "fdisk", "mount")
    assert (change.before, change.after) == ("2.41-5+b1", "2.41-6")


def test_the_same_source_on_two_bases_is_two_changes() -> None:
    old = {"base/os=1": image("base", "1", apt(tar="1.34")),
           "base/os=2": image("base", "2", apt(tar="1.35"))}  # fmt: skip
    new = {"base/os=1": image("base", "3", apt(tar="1.34+deb1")),
           "base/os=2": image("base", "4", apt(tar="1.35+deb2"))}  # fmt: skip
    assert [(it.before, it.after, it.targets) for it in differ(old, new).packages] == [
        ("1.34", "1.34+deb1", ("base/os=1",)),
        ("1.35", "1.35+deb2", ("base/os=2",)),
    ]


def test_what_came_and_went() -> None:
    old = {"desk/os=2": image("desk", "1", {**apt(legs="1"), "pip": {}})}
    new = {"desk/os=2": image("desk", "2", {"pip": {"lamp": Package(version="2", size=1)}})}
    assert differ(old, new).packages == (
        Shared(group="apt", name="legs", members=("legs",), before="1", after=None,
               targets=("desk/os=2",), images=("desk",)),
        Shared(group="pip", name="lamp", members=("lamp",), before=None, after="2",
               targets=("desk/os=2",), images=("desk",)),
    )  # fmt: skip


def test_images_that_are_new_or_gone_have_no_changes_of_packages() -> None:
    found = differ(
        {"base/os=1": image("base", "1", apt(tar="1"))},
        {"base/os=2": image("base", "2", apt(tar="2"))},
    )
    assert (found.added, found.removed) == (("base/os=2",), ("base/os=1",))
    assert (found.packages, found.changed) == ((), ())
    assert not found.is_empty


@pytest.mark.parametrize("missing", ["packages", "config"])
def test_what_is_not_known_is_said(missing: str) -> None:
    known = image("base", "2", apt(tar="2"), config={"config": {"User": "1000"}})
    before = replace(known, digest="1", **{missing: None})
    found = differ({"base/os=2": before}, {"base/os=2": known})
    assert (found.packages, found.config)[missing == "config"] == ()
    assert found.unknown == (("base/os=2",) if missing == "packages" else ())
    assert found.unconfigured == (("base/os=2",) if missing == "config" else ())


def test_configuration_is_told_as_a_dockerfile_does() -> None:
    old = {
        "config": {
            "Env": ["PATH=/bin", "A=1"], "Cmd": ["sh"], "User": "0",
            "ExposedPorts": {"8000/tcp": {}}, "Labels": {"x": "1"},
        }
    }  # fmt: skip
    new = {
        "config": {
            "Env": ["PATH=/bin", "A=b=2"], "Entrypoint": ["tini", "--"], "Cmd": ["desk"],
            "User": "1000", "WorkingDir": "/home",
            "ExposedPorts": {"8888/tcp": {}, "8000/tcp": {}}, "Labels": None,
        }
    }  # fmt: skip
    found = differ(
        {"base/os=2": image("base", "1", {}, config=old)},
        {"base/os=2": image("base", "2", {}, config=new)},
    )
    assert [(it.group, it.name, it.before, it.after) for it in found.config] == [
        ("CMD", "", '["sh"]', '["desk"]'),
        ("ENTRYPOINT", "", None, '["tini", "--"]'),
        ("ENV", "A", "1", "b=2"),
        ("EXPOSE", "", "8000/tcp", "8000/tcp 8888/tcp"),
        ("LABEL", "x", "1", None),
        ("USER", "", "0", "1000"),
        ("WORKDIR", "", None, "/home"),
    ]


def test_what_grew_is_told_once_for_all_that_stand_on_it() -> None:
    grown = replace(BASE, size=60_000_000, layers=3)
    old = {"base/os=2": image("base", "1", {}), "desk/os=2": image("desk", "2", {})}
    new = {
        "base/os=2": image("base", "3", {}, shares=(grown,), size=60_000_000),
        "desk/os=2": image("desk", "4", {}, shares=(grown, DESK), size=69_000_000),
    }
    found = differ(old, new)
    assert found.links == (
        Resized(name="base/os=2", size=(50_000_000, 60_000_000), layers=(2, 3), targets=2),
    )
    assert [(it.name, it.size) for it in found.sizes] == [
        ("base/os=2", (50_000_000, 60_000_000)),
        ("desk/os=2", (59_000_000, 69_000_000)),
    ]
    assert found.total == (59_000_000, 69_000_000)


def test_the_lowest_layers_that_are_the_same_are_kept() -> None:
    def layers(*diffs: str) -> dict[str, Any]:
        return {"rootfs": {"diff_ids": list(diffs)}}

    (found,) = differ(
        {"base/os=2": image("base", "1", {}, config=layers("a", "b", "c"))},
        {"base/os=2": image("base", "2", {}, config=layers("a", "x", "c", "d"))},
    ).sizes
    assert (found.layers, found.kept) == ((3, 4), 1)


def package_set(ecosystem: str, **versions: str) -> PackageSet:
    """Return a package set with packages of one ecosystem, by name; their files are named so."""
    return PackageSet(epoch=1, request="x", packages={ecosystem: locked(versions)})


def locked(versions: Mapping[str, str], digest: str = "a") -> dict[str, LockedPackage]:
    """Return packages as they are locked, by name or `name@version`."""
    return {
        name: LockedPackage(
            version=version, digest=f"sha256:{digest * 64}", source="two", file=f"x/{name}"
        )
        for name, version in versions.items()
    }


ROOT = "os=2@linux/amd64"
OLD = Lock(
    bases={
        ROOT: BaseLock(
            source=Source(bootstrap="two"),
            content="sha256:" + "a" * 64,
            epoch=1,
            suites={
                "two": Suite(date="", sha256="b" * 64),
                "two-security": Suite(date="", sha256="c" * 64),
            },
        )
    },
    release_lines={
        "lang=1.10": VersionLock(version="1.10.4"),
        "ship=1": VersionLock(version="1.2"),
    },
    package_sets={"desk/os=2": package_set("apt", desk="1.0", legs="1")},
)


def test_two_locks() -> None:
    base = replace(
        OLD.bases[ROOT],
        content="sha256:" + "d" * 64,
        suites={
            "two": Suite(date="", sha256="b" * 64),
            "two-security": Suite(date="20261123", sha256="e" * 64),
        },
    )
    new = Lock(
        bases={ROOT: base},
        release_lines={
            "lang=1.10": VersionLock(version="1.10.5"),
            "ship=1": VersionLock(version="1.2"),
        },
        package_sets={
            "desk/os=2": package_set("apt", desk="1.1", legs="1"),
            "base/os=2": package_set("apt", tar="1"),
        },
    )
    found = compare(lock_side("old", OLD), lock_side("new", new))
    assert found.noun == "layer"
    assert found.others == (
        Change(kind="base", name=ROOT,
               before="bootstrap two aaaaaaaaaaaa", after="bootstrap two dddddddddddd"),
        Change(kind="suite", name=f"two-security of {ROOT}",
               before="cccccccccccc", after="20261123 eeeeeeeeeeee"),
        Change(kind="line", name="lang=1.10", before="1.10.4", after="1.10.5"),
    )  # fmt: skip
    assert found.added == ("base/os=2",)
    (change,) = found.packages
    assert (change.name, change.before, change.after) == ("desk", "1.0", "1.1")
    assert change.images == ("desk",)
    assert (found.sizes, found.unconfigured, found.total) == ((), (), (0, 0))
    assert compare(lock_side("old", OLD), lock_side("old", OLD)).is_empty


def test_the_packages_of_a_package_set_are_of_the_source_that_their_archive_says() -> None:
    def lock(version: str) -> Lock:
        packages = {
            name: replace(item, file=f"pool/main/o/openssl/{name}.deb")
            for name, item in locked(dict.fromkeys(("libssl3t64", "openssl"), version)).items()
        }
        both = {"apt": packages, "pip": locked({"lamp": "1"})}
        return Lock(package_sets={"base/os=2": PackageSet(epoch=1, request="x", packages=both)})

    (change,) = compare(lock_side("old", lock("1")), lock_side("new", lock("2"))).packages
    assert (change.name, change.members) == ("openssl", ("libssl3t64", "openssl"))
    assert (change.before, change.after, change.targets) == ("1", "2", ("base/os=2",))


def test_a_package_that_is_there_in_several_versions_is_told_once() -> None:
    def lock(*names: str) -> Lock:
        versions = {name: name.rpartition("@")[2] for name in names}
        return Lock(package_sets={"desk/os=2": package_set("npm", **versions)})

    before = lock("@wood/oak@1.0.0", "glue@1.0.0", "glue@2.0.0", "nail@3.0.0")
    after = lock("@wood/oak@1.1.0", "glue@2.0.0", "glue@2.1.0", "nail@3.0.0")
    found = compare(lock_side("old", before), lock_side("new", after)).packages
    assert [(it.name, it.before, it.after) for it in found] == [
        ("@wood/oak", "1.0.0", "1.1.0"),
        ("glue", "1.0.0, 2.0.0", "2.0.0, 2.1.0"),
    ]


def test_two_locks_with_other_hashes_of_the_same_versions() -> None:
    packages = {"apt": locked({"desk": "1.0", "legs": "1"}, digest="b")}
    layers = {"desk/os=2": PackageSet(epoch=1, request="x", packages=packages)}
    found = compare(lock_side("old", OLD), lock_side("new", replace(OLD, package_sets=layers)))
    assert (found.changed, found.packages, found.others) == ((), (), ())
    assert found.relocked
    assert not found.is_empty
