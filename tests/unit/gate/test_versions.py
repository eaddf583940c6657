"""The orders of versions, against the programs that own them where they are here."""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess

import pytest

from builder.gate.versions import key_of

ORDERED = {
    "Debian": (
        "0~~", "0~", "0", "1.0~rc1-1", "1.0-1", "1.0-1+b1", "1.0-1+deb13u1", "1.0-1+deb13u2",
        "1.0a-1", "1.0+dfsg-1", "1.2", "1.10", "1:0.1", "2:0",
    ),
    "PyPI": ("1.0.dev1", "1.0a1", "1.0rc1", "1.0", "1.0+cpu", "1.0.post1", "1.1", "1!0.1"),
    "npm": ("1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0", "1.2.0", "1.10.0"),
    "Julia": ("0.9.0", "0.10.0", "1.0.0"),
    "Go": ("v1.2.3-0.20200101000000-abcdef", "v1.2.3", "1.2.4", "v1.10.0"),
    "CRAN": ("0.9", "1.0", "1.0-1", "1.0.2", "1.0-10", "1.1", "1.10"),
    "Maven": ("1.0-alpha-1", "1.0-beta", "1.0-rc1", "1.0-SNAPSHOT", "1.0", "1.0-sp", "1.0.1",
              "1.10"),
}  # fmt: skip


@pytest.mark.parametrize("ecosystem", ORDERED)
def test_versions_are_in_the_order_of_their_ecosystem(ecosystem: str) -> None:
    keys = [key_of(version, ecosystem) for version in ORDERED[ecosystem]]
    for (low, first), (high, second) in itertools.combinations(
        zip(ORDERED[ecosystem], keys, strict=True), 2
    ):
        assert first < second, f"{low} < {high}"
        assert not second < first


@pytest.mark.parametrize(
    ("ecosystem", "low", "high"),
    [("Debian", "1.0", "0:1.0"), ("Debian:13", "1.0", "1.0-0"), ("PyPI", "1.0", "1.0.0"),
     ("Go", "v1.2", "1.2.0"), ("CRAN", "1.0-1", "1.0.1"), ("Maven", "1.0", "1.0.0")],
)  # fmt: skip
def test_versions_that_are_the_same(ecosystem: str, low: str, high: str) -> None:
    assert key_of(low, ecosystem) == key_of(high, ecosystem)


@pytest.mark.parametrize(
    ("ecosystem", "version"),
    [("Debian", ""), ("Debian", "1 0"), ("PyPI", "one"), ("npm", "1.x"), ("CRAN", "1.a"),
     ("Other", "1"), ("Debian", "1" * 300), ("npm", "1." + "9" * 300)],
)  # fmt: skip
def test_what_is_no_version(ecosystem: str, version: str) -> None:
    with pytest.raises(ValueError, match=r"version|Invalid"):
        key_of(version, ecosystem)


def _version(chance: random.Random) -> str:
    """A version of Debian, more often than not of a few signs, so that many are nearly the same."""

    def part(signs: str, most: int) -> str:
        return "".join(chance.choice(signs) for _ in range(chance.randint(0, most)))

    epoch = chance.choice(("", "", "0:", "1:"))
    revision = chance.choice(("", f"-{chance.randint(0, 12)}{part('0a1~+.b', 4)}"))
    return f"{epoch}{chance.randint(0, 12)}{part('0019a~+.zZ', 6)}{revision}"


_SCRIPT = """
while read -r low high; do
    if dpkg --compare-versions "$low" lt "$high"; then echo lt
    elif dpkg --compare-versions "$low" eq "$high"; then echo eq
    else echo gt; fi
done
"""


@pytest.mark.heavy
def test_the_order_of_debian_is_that_of_dpkg() -> None:
    if shutil.which("dpkg") is None:
        pytest.skip("there is no dpkg on this machine")
    chance = random.Random(20261201)
    pairs = [(_version(chance), _version(chance)) for _ in range(10_000)]
    text = "".join(f"{low} {high}\n" for low, high in pairs)
    done = subprocess.run(
        ["sh", "-c", _SCRIPT], input=text, text=True, capture_output=True, check=True
    )
    words = done.stdout.split()
    assert len(words) == len(pairs)
    assert {"lt", "eq", "gt"} == set(words)
    for (low, high), word in zip(pairs, words, strict=True):
        first, second = key_of(low, "Debian"), key_of(high, "Debian")
        ours = "lt" if first < second else "eq" if first == second else "gt"
        assert ours == word, f"{low} {high}"
