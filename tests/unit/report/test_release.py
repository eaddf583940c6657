"""What a command says last: what came of it, and how to get what is offered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builder.build.events import ReleaseContents, ReleaseResult, Result
from builder.report.document import ReleaseRow
from builder.report.release import commands, ending, headline

CONTENTS = ReleaseContents(
    images=tuple(f"ghcr.io/org/desk:{number}" for number in range(5)),
    charts=("ghcr.io/org/charts/desk:1.2.3",),
)
RESULT = ReleaseResult(
    release="2026.11.30", previous=None, targets=5, charts={"desk": "1.2.3"}, contents=CONTENTS
)


def row(status: str, reason: str, result: ReleaseResult | None = None) -> ReleaseRow:
    return ReleaseRow(
        id="2026.11.30.1", action="release", status=status, reason=reason, release=result
    )


DONE = row("done", "1 image (1 built before), 1 chart", RESULT)
KEPT = row("reused", "nothing that passed has changed since 2026.11.30", RESULT)


@pytest.mark.parametrize(
    ("release", "text"),
    [
        (DONE, "Released 2026.11.30: 1 image (1 built before), 1 chart"),
        (KEPT, "No new release: nothing that passed has changed since 2026.11.30"),
        (row("failed", "it broke\nhere"), "Release: failed — it broke"),
        (row("not run", ""), "Release: not run"),
    ],
)
def test_what_came_of_a_release(release: ReleaseRow, text: str) -> None:
    assert headline(release) == text


def test_how_to_get_what_is_offered() -> None:
    assert commands(DONE) == [
        "podman pull ghcr.io/org/desk:0",
        "podman pull ghcr.io/org/desk:1",
        "podman pull ghcr.io/org/desk:2",
        "helm install desk oci://ghcr.io/org/charts/desk --version 1.2.3",
    ]
    assert commands(row("failed", "it broke")) == ()


def test_how_to_get_it_from_the_registry_of_this_machine() -> None:
    contents = ReleaseContents(
        images=("127.0.0.1:5078/tiny-box:latest",),
        charts=("127.0.0.1:5078/tiny-charts/box:1.0.0",),
        embedded="127.0.0.1:5078",
    )
    assert commands(row("done", "", replace(RESULT, contents=contents))) == [
        "builder registry  # serves 127.0.0.1:5078",
        "podman pull --tls-verify=false 127.0.0.1:5078/tiny-box:latest",
        "helm install box oci://127.0.0.1:5078/tiny-charts/box --version 1.0.0 --plain-http",
    ]


def results(*statuses: str) -> list[Result]:
    return [Result(step=f"{n}", status=status) for n, status in enumerate(statuses)]


@pytest.mark.parametrize(
    ("kind", "statuses", "action", "lines"),
    [
        ("build", "done done reused", "release",
         ["built 2 targets, 1 there already; `builder publish` releases what passed"]),
        ("build", "done failed", "release",
         ["built 1 target; `builder publish` releases what passed"]),
        ("build", "reused reused", "keep",
         ["nothing to build: 2 targets there already; all of it is released"]),
        ("build", "failed blocked", "release", []),
        ("chart", "done reused", "release",
         ["packaged 1 chart, 1 unchanged; `builder publish` releases what passed"]),
    ],
)  # fmt: skip
def test_what_is_left_to_do(kind: str, statuses: str, action: str, lines: list[str]) -> None:
    release = replace(row("not run", ""), action=action)
    assert list(ending(kind, results(*statuses.split()), release)) == lines


def test_a_release_ends_with_how_to_get_it() -> None:
    first, *rest = ending("release", results("done"), DONE)
    assert first == "released 2026.11.30: 1 image (1 built before), 1 chart"
    assert rest[0] == "  podman pull ghcr.io/org/desk:0"
    assert ending("release", results("failed"), row("failed", "told")) == ()
