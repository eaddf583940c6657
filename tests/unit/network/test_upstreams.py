"""Where a URL is fetched from."""

from __future__ import annotations

import pytest

from builder.network.upstreams import UPSTREAM, expand, source_url, upstream, without_credentials

FILE = upstream("julia", "bin/versions.json")


def test_a_url_is_asked_as_it_is_where_nothing_stands_in_for_it() -> None:
    found = source_url(FILE, {"pip": "https://mirror.example"})
    assert (found.source, found.url, found.is_mirror) == ("julia", FILE, False)


def test_a_mirror_takes_the_place_of_the_start() -> None:
    found = source_url(FILE, {"julia": "https://u:p@mirror.example/julia/"})
    assert found.url == "https://u:p@mirror.example/julia/bin/versions.json"
    assert found.shown == "https://mirror.example/julia/bin/versions.json"
    assert (found.source, found.host, found.is_mirror) == ("julia", "mirror.example", True)


def test_the_start_of_any_url_can_have_a_mirror() -> None:
    mirrors = {"https://files.example/a": "http://127.0.0.1:1/b"}
    found = source_url("https://files.example/a/c.tgz", mirrors)
    assert (found.source, found.url) == ("files.example", "http://127.0.0.1:1/b/c.tgz")
    assert (
        source_url("https://files.example/ab/c.tgz", mirrors).url
        == "https://files.example/ab/c.tgz"
    )


def test_the_longest_start_that_has_a_mirror_wins() -> None:
    url = upstream("github", "owner/tool/releases/tool.tgz")
    mirrors = {"github": "http://one", UPSTREAM["github"] + "/owner": "http://two"}
    assert source_url(url, mirrors).url == "http://two/tool/releases/tool.tgz"
    assert source_url(upstream("github", "other/x"), mirrors).url == "http://one/other/x"


def test_a_host_of_nobody_is_its_own_source() -> None:
    assert source_url("https://files.example/x", {}).source == "files.example"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@mirror.example:8443/x?y=z", "https://mirror.example:8443/x?y=z"),
        ("https://token@mirror.example/", "https://mirror.example/"),
        ("https://mirror.example/a@b", "https://mirror.example/a@b"),
    ],
)
def test_credentials_are_left_out(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def test_a_template_may_begin_with_a_source() -> None:
    assert expand("{github}/o/r-{version}-{arch}") == UPSTREAM["github"] + "/o/r-{version}-{arch}"


def test_no_start_ends_with_a_slash_or_has_another_in_it_twice() -> None:
    assert not [name for name, start in UPSTREAM.items() if start.endswith("/")]
    assert len(set(UPSTREAM.values())) == len(UPSTREAM)
