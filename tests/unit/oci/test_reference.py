"""References, as they are written."""

from __future__ import annotations

import pytest

from builder.common.errors import ConfigError
from builder.oci.reference import Reference, is_tag, parse

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "docker.io/library/debian:trixie-slim",
            ("docker.io", "library/debian", "trixie-slim", ""),
        ),
        ("127.0.0.1:5005/onyxia-base", ("127.0.0.1:5005", "onyxia-base", "", "")),
        (f"ghcr.io/o/a_b.c-d__e@{DIGEST}", ("ghcr.io", "o/a_b.c-d__e", "", DIGEST)),
        (f"localhost:1/a/b/c:T_1.x@{DIGEST}", ("localhost:1", "a/b/c", "T_1.x", DIGEST)),
    ],
)
def test_a_reference_comes_back_as_it_was(text: str, parts: tuple[str, str, str, str]) -> None:
    found = parse(text)
    assert (found.registry, found.repository, found.tag, found.digest) == parts
    assert str(found) == text


@pytest.mark.parametrize(
    "text",
    ["", "debian", "/debian", "ghcr.io/", "ghcr.io/Big", "ghcr.io/a:", "ghcr.io/a:b:c",
     "ghcr.io/a@sha256:12", "ghcr.io/a b", "ghcr.io/a//b", "ghcr.io/a:-x", "ghcr.io/a@",
     f"ghcr.io/a:@{DIGEST}", f"ghcr.io/a:{'x' * 129}"],
)  # fmt: skip
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value) == (
        f"not an image reference: {text!r}\n"
        "  hint: registry/repository[:tag][@sha256:...], all in lower case"
    )


def test_another_tag_or_digest_of_the_same_repository() -> None:
    found = parse(f"ghcr.io/a:x@{DIGEST}")
    assert str(found.with_tag("y")) == "ghcr.io/a:y"
    assert str(found.at(DIGEST)) == f"ghcr.io/a@{DIGEST}"
    assert found.name == "ghcr.io/a"


@pytest.mark.parametrize(
    ("registry", "expected"),
    [("127.0.0.1:5005", True), ("127.1.2.3", True), ("localhost", True), ("localhost:1", True),
     ("[::1]:5000", True), ("ghcr.io", False), ("127.example.org", False),
     ("localhost.example.org", False), ("10.0.0.1:5000", False)],
)  # fmt: skip
def test_what_is_on_this_machine(registry: str, *, expected: bool) -> None:
    assert Reference(registry=registry, repository="a").is_loopback is expected


def test_tags() -> None:
    assert is_tag("py3.13.5-2026.11.23")
    assert is_tag("x" * 128)
    assert not any(map(is_tag, ("", "-x", ".x", "a b", "a:b", "x" * 129)))
