"""What `builder diff` and the weekly report print, letter by letter."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from builder.diff.changes import Change, Shared
from builder.diff.compare import Difference, Resized
from builder.diff.why import Answer, Reason, Since
from builder.report.diff import FORMATS, section
from builder.report.why import as_text

OPENSSL = Shared(
    group="apt",
    name="openssl",
    members=("libssl3t64", "openssl"),
    before="3.5.1-1",
    after="3.5.1-2",
    targets=("base/os=1", "base/os=2", "speech/os=2", "desk/os=2", "book/os=2"),
    images=("base", "speech", "desk", "book"),
)
LAMP = Shared(
    group="pip", name="lamp", members=("lamp",), before=None, after="2|3",
    targets=("desk/os=2",), images=("desk",),
)  # fmt: skip
FOUND = Difference(
    old="2026.11.16",
    new="2026.11.23",
    noun="target",
    added=("book/os=1",),
    removed=("desk/os=1",),
    changed=("base/os=1", "base/os=2", "speech/os=2", "desk/os=2", "book/os=2"),
    same=3,
    unknown=("speech/os=2",),
    packages=(OPENSSL, LAMP),
    config=(
        Shared(group="ENV", name="WORDS", members=("WORDS",), before="few", after="many",
               targets=("desk/os=2",), images=("desk",)),
    ),
    links=(
        Resized(name="base/os=2", size=(50_000_000, 61_500_000), layers=(2, 3), targets=4),
        Resized(name="desk/os=2", size=(9_000_000, 9_000_100), layers=(1, 1)),
    ),
    total=(12_000_000_000, 12_011_500_000),
    others=(
        Change(kind="line", name="lang=1.10", before="1.10.4", after="1.10.5"),
        Change(kind="chart", name="desk", before="1.0.0", after="1.0.1"),
    ),
)  # fmt: skip
TABLE = """\
2026.11.16 → 2026.11.23
5 targets changed, 3 did not, 1 new, 1 gone. 2 changes of packages. \
In all 12 GB → 12 GB (+11.5 MB).

Packages
ECOSYSTEM  PACKAGE                       WAS      IS       TARGETS
apt        openssl: libssl3t64, openssl  3.5.1-1  3.5.1-2  5: base, speech, desk and 1 image more
pip        lamp                                   2|3      1: desk

Lines and bases
KIND  NAME       WAS     IS
line  lang=1.10  1.10.4  1.10.5

New and gone
WHAT  TARGET
new   book/os=1
gone  desk/os=1

Size and layers, of what each adds
NAME       MB                      LAYERS  IN TARGETS
base/os=2  50.0 → 61.5 (+11.5 MB)  2 → 3   4

Configuration
SETTING    WAS  IS    TARGETS
ENV WORDS  few  many  1: desk

Charts
CHART  WAS    IS
desk   1.0.0  1.0.1

Not known, the packages of: speech/os=2."""
MARKDOWN = """\
## What changed since 2026.11.16 until 2026.11.23

5 targets changed, 3 did not, 1 new, 1 gone. 2 changes of packages. \
In all 12 GB → 12 GB (+11.5 MB).

### Packages

| ecosystem | package | was | is | targets |
|---|---|---|---|---|
| apt | `openssl: libssl3t64, openssl` | `3.5.1-1` | `3.5.1-2` \
| 5: base, speech, desk and 1 image more |
| pip | `lamp` |  | `2\\|3` | 1: desk |

### Lines and bases

| kind | name | was | is |
|---|---|---|---|
| line | `lang=1.10` | `1.10.4` | `1.10.5` |

### New and gone

| what | target |
|---|---|
| new | `book/os=1` |
| gone | `desk/os=1` |

### Size and layers, of what each adds

| name | MB | layers | in targets |
|---|---|---|---|
| `base/os=2` | 50.0 → 61.5 (+11.5 MB) | 2 → 3 | 4 |

### Configuration

| setting | was | is | targets |
|---|---|---|---|
| `ENV WORDS` | `few` | `many` | 1: desk |

### Charts

| chart | was | is |
|---|---|---|
| `desk` | `1.0.0` | `1.0.1` |

Not known, the packages of: speech/os=2."""
NONE = Difference(old="2026.11.16", new="2026.11.23", noun="target", same=9, total=(5, 5))


def test_on_a_terminal() -> None:
    assert FORMATS["table"](FOUND) == TABLE


def test_in_a_report() -> None:
    assert FORMATS["markdown"](FOUND) == MARKDOWN


def test_for_machines() -> None:
    data = json.loads(FORMATS["json"](FOUND))
    assert (data["format"], data["nothing"]) == (2, False)
    assert data["packages"][0] == {
        "group": "apt",
        "name": "openssl",
        "members": ["libssl3t64", "openssl"],
        "before": "3.5.1-1",
        "after": "3.5.1-2",
        "targets": ["base/os=1", "base/os=2", "speech/os=2", "desk/os=2", "book/os=2"],
        "images": ["base", "speech", "desk", "book"],
    }
    assert data["links"][0]["size"] == [50_000_000, 61_500_000]


def test_nothing() -> None:
    assert FORMATS["table"](NONE) == "2026.11.16 → 2026.11.23\nNothing changed."
    assert FORMATS["markdown"](NONE) == (
        "## What changed since 2026.11.16 until 2026.11.23\n\nNothing changed."
    )
    same = replace(NONE, new="2026.11.16")
    assert section(same) == ["## What changed since 2026.11.16", "", "Nothing changed.", ""]
    assert section(None) == ()


def test_built_again_with_the_same_packages() -> None:
    found = replace(NONE, changed=("desk/os=2",))
    text = "1 target changed, 9 did not. No package changed. In all 0.0 MB → 0.0 MB (+0.0 MB)."
    assert FORMATS["table"](found).splitlines()[1] == text
    # What is not known has not stayed as it was.
    unknown = FORMATS["table"](replace(found, unknown=("desk/os=2",)))
    assert "No package changed" not in unknown


def test_other_hashes_of_the_same_versions() -> None:
    assert FORMATS["table"](replace(NONE, relocked=True)) == (
        "2026.11.16 → 2026.11.23\nNo version differs; only hashes or times of the lock do."
    )


def test_a_report_is_short() -> None:
    many = replace(FOUND, packages=tuple(replace(LAMP, name=f"lamp{n}") for n in range(33)))
    text = FORMATS["markdown"](many)
    assert text.count("| pip |") == 30
    assert "\nAnd 3 more: `builder diff 2026.11.16 2026.11.23`.\n" in text
    assert FORMATS["table"](many).count("pip ") == 33


def test_whole_images_where_no_lineage_is_known() -> None:
    whole = Resized(name="linux/amd64", size=(50_000_000, 40_000_000), layers=(3, 3), kept=2)
    text = FORMATS["table"](replace(FOUND, links=(), sizes=(whole,), noun="image"))
    assert (
        "Size and layers\n"
        "NAME         MB                      LAYERS  SAME LAYERS\n"
        "linux/amd64  50.0 → 40.0 (-10.0 MB)  3       2\n"
    ) in text


# Why a package is there.

REASON = Reason(
    target="base/os=2", image="base", ecosystem="apt", package="libssl3t64", version="3.5.1-2",
    since=Since(release="2026.11.23", before="3.5.1-1"),
    introduced_by="base", recipe="base", base="os=2@linux/amd64", named=(),
)  # fmt: skip


def test_one_reason_for_many_images() -> None:
    names = ("base", "a", "b", "c", "d", "e", "f", "f")
    reasons = tuple(replace(REASON, image=name) for name in names)
    assert as_text(Answer(release="x", reasons=reasons, unknown=("g/os=2",))) == (
        "apt libssl3t64 3.5.1-2\n"
        "  since 2026.11.23; 3.5.1-1 before\n"
        "  brought by base: part of os=2@linux/amd64,"
        " or a dependency of what recipe base installs\n"
        "  in 8 targets of 7 images: base, a, b, c, d, e and 1 more\n"
        "\n"
        "The packages of 1 target, g/os=2 among them, are not known."
    )


@pytest.mark.parametrize(
    ("since", "text"),
    [
        (Since(release="r", before="1"), "since r; 1 before"),
        (Since(release="r", before=""), "since r; it was not there before"),
        (Since(release="r", before=None), "since r, or before: what came before it is not known"),
        (Since(release="r", before="", is_first=True), "since r, the first release"),
    ],
)
def test_since_when(since: Since, text: str) -> None:
    answer = Answer(release="x", reasons=(replace(REASON, since=since),), unknown=())
    assert as_text(answer).splitlines()[1] == f"  {text}"


def test_what_changed_it() -> None:
    reason = replace(REASON, base="", changed="desk")
    assert as_text(Answer(release="x", reasons=(reason,), unknown=())).splitlines()[2] == (
        "  brought by base: a dependency of what recipe base installs; desk changed its version"
    )


@pytest.mark.parametrize(
    ("base", "named", "text"),
    [
        ("", ("base",), "recipe base names it"),
        ("", ("base", "desk"), "recipe base names it; named by recipe desk too"),
        ("", (), "a dependency of what recipe base installs"),
        ("", ("desk",),
         "a dependency of what recipe base installs; named by recipe desk too"),
    ],
)  # fmt: skip
def test_what_brought_it(base: str, named: tuple[str, ...], text: str) -> None:
    reason = replace(REASON, base=base, named=named)
    lines = as_text(Answer(release="x", reasons=(reason,), unknown=())).splitlines()
    assert lines[2] == f"  brought by base: {text}"
