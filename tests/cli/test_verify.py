"""`builder verify`, as far as it goes without an engine."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run
from tests.fakes.answers import Registry
from tests.fakes.catalog import Folder


def test_a_daemon_has_no_empty_storage(run: Run) -> None:
    assert run("verify", "base", "--engine", "docker") == (
        4,
        "",
        "error: a Docker daemon keeps what it built: use podman\n"
        "  hint: leave out --engine docker\n",
    )


def test_what_was_never_built(run: Run, registry: Registry) -> None:
    assert run("verify", "base", "--registry", registry.address) == (
        3, "", "error: the registry has none of these images\n  hint: run `builder build`\n",
    )  # fmt: skip


def test_a_target_that_is_none(run: Run, registry: Registry) -> None:
    found = run("verify", "bse", "--registry", registry.address)
    assert (found.code, found.out) == (3, "")
    assert found.err == "error: no target matches 'bse'\n  hint: did you mean base?\n"


@pytest.mark.parametrize(
    ("stated", "mistake"),
    [
        ("{/a: ''}", "1:22: unreproducible./a: string should have at least 1 character"),
        ("{opt/a: why}", "1:18: 'opt/a' is not a name: it must match ^/"),
    ],
)
def test_a_file_that_is_not_explained(run: Run, folder: Folder, stated: str, mistake: str) -> None:
    folder.edit("images/base/recipe.yaml", "summary:", f"unreproducible: {stated}\nsummary:")
    found = run("verify", "base")
    assert (found.code, found.out) == (2, "")
    assert found.err.splitlines()[0] == f"error: images/base/recipe.yaml:{mistake}"
