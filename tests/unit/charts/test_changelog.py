"""What a chart says of its own changes."""

from __future__ import annotations

import json

import pytest

from builder.charts.changelog import changes, with_changelog
from builder.charts.semver import FORMER, chart_fingerprint, next_version
from tests.fakes.charts import ABOUT, files, with_zone

UTC = {"type": "string", "default": "utc"}
CLOCK = with_zone(UTC)


def moved(old: str, new: str) -> str:
    return f"{ABOUT}annotations:\n  {FORMER}: {json.dumps(json.dumps({old: new}))}\n"


@pytest.mark.parametrize(
    ("new", "version", "lines"),
    [
        (
            files({"type": "object"}, {"zone": {"name": "utc"}}),
            "2.0.0",
            [
                "`global.suspend` is gone",
                "`zone` is gone",
                "`zone.name` (string) is new",
            ],
        ),
        (
            with_zone({"type": "integer", "default": 0}),
            "2.0.0",
            [
                "`zone` was string and is integer",
                '`zone` is `0` by default, and was `"utc"`',
            ],
        ),
        (
            CLOCK | {"templates/_alarm.tpl": b"ring"},
            "1.3.0",
            ["`templates/_alarm.tpl` is new"],
        ),
        (
            with_zone({"type": "string", "default": "cet", "listEnum": ["cet", "utc"]}),
            "1.2.4",
            ['`zone` is `"cet"` by default, and was `"utc"`'],
        ),
        (
            files(pod="apiVersion: v1\n"),
            "1.2.4",
            ["Changed: `templates/pod.yaml`"],
        ),
        (
            files(about=ABOUT.replace("A clock", "A fine clock")),
            "1.2.4",
            ["Changed: how it is described"],
        ),
    ],
)
def test_every_kind_of_change_has_its_lines(
    new: dict[str, bytes], version: str, lines: list[str]
) -> None:
    assert next_version("1.2.3", old=CLOCK, new=new) == version
    assert list(changes(CLOCK, new)) == lines


def test_a_value_that_moved_is_no_loss() -> None:
    schema = {"properties": {"clock": {"properties": {"zone": UTC}}}}
    values = {"clock": {"zone": "utc"}, "global": {"suspend": False}}
    new = files(schema, values, about=moved("zone", "clock.zone"))
    assert next_version("1.2.3", old=CLOCK, new=new) == "1.3.0"
    assert changes(CLOCK, new) == ("`zone` is now `clock.zone`; the former name is still taken",)
    assert changes(new, new) == ("Changed: how it is described",)


def test_what_a_form_offers() -> None:
    old = with_zone({**UTC, "listEnum": ["utc", "cet"]})
    new = with_zone({**UTC, "listEnum": ["utc", "x" * 200]})
    assert changes(old, new) == (
        f'`zone` offers `"{"x" * 118}…`',
        '`zone` no longer offers `"cet"`',
    )


def test_a_changelog_grows_and_changes_nothing_itself() -> None:
    first = with_changelog(CLOCK, None)
    assert first["CHANGELOG.md"] == b"# Changes of clock\n\n## 1.2.3\n\n- The first version\n"
    new = with_zone({"type": "string", "default": "cet"})
    new["Chart.yaml"] = new["Chart.yaml"].replace(b"1.2.3", b"1.2.4")
    second = with_changelog(new, first)
    assert second["CHANGELOG.md"].decode() == (
        "# Changes of clock\n"
        "\n"
        "## 1.2.4\n"
        "\n"
        '- `zone` is `"cet"` by default, and was `"utc"`\n'
        "\n"
        "## 1.2.3\n"
        "\n"
        "- The first version\n"
    )
    assert chart_fingerprint(second) == chart_fingerprint(new)
    assert next_version("1.2.4", old=second, new=new) == "1.2.4"
    assert with_changelog(new, first) == second


def test_a_version_before_that_had_no_changelog() -> None:
    new = with_zone({"type": "string", "default": "cet"})
    assert with_changelog(new, CLOCK)["CHANGELOG.md"].decode() == (
        '# Changes of clock\n\n## 1.2.3\n\n- `zone` is `"cet"` by default, and was `"utc"`\n'
    )
