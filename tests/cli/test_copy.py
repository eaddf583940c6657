"""`builder copy`: what it prints, on registries in memory."""

from __future__ import annotations

import pytest

from builder.app.adapters import Replaced
from tests.cli.conftest import Run
from tests.fakes.catalog import Week

HERE, THERE = "127.0.0.1:5999", "127.0.0.1:6000"


@pytest.fixture
def released(week: Week, replaced: Replaced) -> Week:
    """A week, in the registry that commands get."""
    replaced.update(week.fakes)
    week.go_by()
    return week


def test_it_says_what_it_copies(released: Week, run: Run) -> None:
    before = dict(released.store.named)
    number = len([name for name in before if name.startswith(f"{HERE}/")])
    first = run("copy", "--all", "--to", THERE, "--dry-run")
    head, rest = first.out.split("\n", 1)
    assert head.startswith(f"{THERE}: {number} tags to copy, at most 0.0 MB, of 1 release; ")
    assert head.endswith(" 0 there already")
    assert rest == "nothing was copied: leave out --dry-run to copy it\n"
    assert released.store.named == before
    done = run("copy", "--all", "--to", THERE)
    assert done.out == f"{head}\n{THERE} has all that {HERE} has\n"
    assert f"copying 6 tags to {THERE}/shop-base\n" in done.err
    again = run("copy", "--all", "--to", THERE)
    assert again.out.startswith(f"{THERE}: 0 tags to copy, at most 0.0 MB, of 1 release; {number} ")


def test_it_copies_back(released: Week, run: Run) -> None:
    run("copy", "--all", "--to", THERE)
    for name in [key for key in released.store.named if key.startswith(f"{HERE}/")]:
        del released.store.named[name]
    done = run("copy", "--all", "--from", THERE, "--to", "embedded")
    assert (done.code, done.out.splitlines()[-1]) == (0, f"{HERE} has all that {THERE} has")


def test_the_same_registry(released: Week, run: Run) -> None:
    assert run("copy", "--all", "--to", "embedded") == (
        3, "", "error: --to is the registry that is read: embedded\n  hint: --to REGISTRY\n",
    )  # fmt: skip


def test_no_registry(released: Week, run: Run) -> None:
    assert run("copy", "--all", "--to", "https://registry.example") == (
        2,
        "",
        "error: not a registry: 'https://registry.example'\n"
        "  hint: host[:port][/path], in lower case and without https://, e.g. ghcr.io/myorg\n",
    )
