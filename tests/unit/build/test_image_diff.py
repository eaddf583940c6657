"""In what two builds differ, and what comes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builder.build.image_diff import (
    Difference,
    Verdict,
    compare_configs,
    compare_layers,
    compare_members,
    explained,
)
from builder.oci.image import ImageLayer, Member

FILE = Member(kind="file", mode=0o644, uid=0, gid=0, mtime=1700000000, size=3, content="a" * 64)


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (replace(FILE, content="b" * 64), "content"),
        (replace(FILE, content="b" * 64, size=4), "size 3 → 4, content"),
        (replace(FILE, mode=0o4755), "mode 0644 → 4755"),
        (replace(FILE, uid=1000, gid=100), "uid 0 → 1000, gid 0 → 100"),
        (replace(FILE, mtime=1700000001), "mtime 1700000000 → 1700000001"),
        (replace(FILE, mtime=1700000000.5), "mtime 1700000000 → 1700000000.5"),
        (replace(FILE, xattrs={"user.a": "1", "b": ""}), "xattrs b, user.a"),
        (Member(kind="link", mode=0o777, uid=0, gid=0, mtime=0, link="x"), "file → link"),
    ],
)
def test_each_property_of_a_file_is_named(after: Member, what: str) -> None:
    assert compare_members({"etc/a": FILE}, {"etc/a": after}) == (
        Difference(path="/etc/a", change=what),
    )


def test_a_link_that_names_something_else() -> None:
    link = Member(kind="link", mode=0o777, uid=0, gid=0, mtime=0, link="one")
    found = compare_members({"a": link}, {"a": replace(link, link="two")})
    assert [str(it) for it in found] == ["/a: link one → two"]


def test_files_of_one_build_alone() -> None:
    assert [str(it) for it in compare_members({"a": FILE, "b": FILE}, {"b": FILE, "c": FILE})] == [
        "/a: only in the registry's",
        "/c: only in this build",
    ]


def test_the_same_files() -> None:
    assert compare_members({"a": FILE}, {"a": replace(FILE)}) == ()


def layer(diff: str, digest: str = "") -> ImageLayer:
    return ImageLayer(digest=digest or diff, size=1, diff=diff)


def test_layers_are_told_apart_by_what_they_hold() -> None:
    one, packed, two = layer("1"), layer("1", "otherwise packed"), layer("2")
    assert compare_layers([one, two], [packed, two]) == ()
    assert compare_layers([one, one], [one, two, two]) == ((2, one, two), (3, None, two))


def test_configurations_are_compared_value_by_value() -> None:
    held = {
        "architecture": "amd64",
        "rootfs": {"diff_ids": ["1"]},
        "config": {"Env": ["A=1", "B=x=y", "GONE="], "Labels": {"day": "1"}, "Cmd": ["sh"]},
        "history": [{"created_by": "ADD"}, {"created_by": "RUN date"}],
    }
    built = {
        "architecture": "amd64",
        "rootfs": {"diff_ids": ["2"]},
        "config": {"Env": ["B=x=z", "A=1"], "Labels": {"day": "2"}, "Cmd": ["sh", "-l"]},
        "history": [{"created_by": "ADD"}, {"created_by": "RUN " + "d" * 200}],
    }
    assert [str(it) for it in compare_configs(held, built)] == [
        "config config Env B: x=y → x=z",
        "config config Env GONE: only in the registry's",
        "config config Labels day: 1 → 2",
        f"config history 2 created_by: RUN date → RUN {'d' * 95}…",
        "config config Cmd 2: only in this build",
    ]
    assert compare_configs(held, held) == ()
    assert compare_configs({}, {"config": {"Env": None}}) == ()


REASONS = {"/opt/*.pyc": "an order", "/var/cache/*": "a cache"}


def test_a_recipe_explains_files_by_their_path() -> None:
    paths = ("/opt/a/b/c.pyc", "/opt/c.py", "/var/cache/x", "/opt/c.py")
    found = explained([Difference(path=path, change="content") for path in paths], REASONS)
    assert [str(it) for it in found] == [
        "/opt/a/b/c.pyc: content (an order)",
        "/opt/c.py: content",
        "/var/cache/x: content (a cache)",
    ]


def test_what_a_verdict_is() -> None:
    verdict = Verdict(target="t", registry_digest="1", built_digest="2")
    plain, told = (
        Difference(path="/a", change="content"),
        Difference(path="/b", change="", reason="r"),
    )
    assert replace(verdict, built_digest="1").status == "identical"
    assert verdict.status == "same content"
    assert replace(verdict, differences=(told,)).status == "explained"
    assert replace(verdict, differences=(told, plain)).status == "different"
