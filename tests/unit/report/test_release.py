"""What a command says last: what came of it, and how to get what is offered."""

from __future__ import annotations

from typing import Any

import pytest

from builder.build.events import Result
from builder.report.release import commands, ending, headline

OFFERS = {
    "images": [f"ghcr.io/org/desk:{number}" for number in range(5)],
    "charts": ["ghcr.io/org/charts/desk:1.2.3"],
    "embedded": "",
}
DONE = {
    "status": "done", "release": "2026.11.30", "reason": "1 image (1 built before), 1 chart",
    "offers": OFFERS,
}  # fmt: skip
KEPT = {**DONE, "status": "reused", "reason": "nothing that passed has changed since 2026.11.30"}


@pytest.mark.parametrize(
    ("release", "text"),
    [
        (DONE, "Released 2026.11.30: 1 image (1 built before), 1 chart"),
        (KEPT, "No new release: nothing that passed has changed since 2026.11.30"),
        ({"status": "failed", "reason": "it broke\nhere"}, "Release: failed — it broke"),
        ({"status": "not run", "reason": ""}, "Release: not run"),
    ],
)
def test_what_came_of_a_release(release: dict[str, Any], text: str) -> None:
    assert headline(release) == text


def test_how_to_get_what_is_offered() -> None:
    assert commands(DONE) == [
        "podman pull ghcr.io/org/desk:0",
        "podman pull ghcr.io/org/desk:1",
        "podman pull ghcr.io/org/desk:2",
        "helm install desk oci://ghcr.io/org/charts/desk --version 1.2.3",
    ]
    assert commands({"status": "failed", "reason": "it broke"}) == ()


def test_how_to_get_it_from_the_registry_of_this_machine() -> None:
    offers = {
        "images": ["127.0.0.1:5078/tiny-box:latest"],
        "charts": ["127.0.0.1:5078/tiny-charts/box:1.0.0"],
        "embedded": "127.0.0.1:5078",
    }
    assert commands({**DONE, "offers": offers}) == [
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
    release = {"action": action, "status": "not run", "reason": ""}
    assert list(ending(kind, results(*statuses.split()), release)) == lines


def test_a_release_ends_with_how_to_get_it() -> None:
    first, *rest = ending("release", results("done"), DONE)
    assert first == "released 2026.11.30: 1 image (1 built before), 1 chart"
    assert rest[0] == "  podman pull ghcr.io/org/desk:0"
    assert ending("release", results("failed"), {"status": "failed", "reason": "told"}) == ()
