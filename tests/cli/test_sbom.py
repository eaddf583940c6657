"""`builder sbom`: what it prints, on registries in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.app import cross_check
from builder.app.adapters import Replaced
from builder.sbom.layer_packages import Installed, LayerPackages
from tests.cli.conftest import Run
from tests.fakes.catalog import Week


@pytest.fixture
def released(week: Week, replaced: Replaced) -> Week:
    """A week, in the registry that commands get."""
    replaced.update(week.fakes)
    week.go_by()
    return week


def test_of_a_target(released: Week, run: Run) -> None:
    done = run("sbom", "desk")
    assert done.code == 0
    data = json.loads(done.out)
    assert data["metadata"]["component"]["name"] == "desk/os=2,lang=1.10"
    assert run("sbom", "desk").out == done.out
    assert done.err == ("sbom: nothing is listed of os=2@linux/amd64: it has no package status\n")


def test_of_an_image_of_the_release(released: Week, run: Run, tmp_path: Path) -> None:
    (reference,) = (
        name for name in released.store.named if "shop-desk:" in name and name.endswith(":latest")
    )
    data = json.loads(run("sbom", reference).out)
    component = data["metadata"]["component"]
    assert component["name"] == "desk/os=2,lang=1.10"
    (digest,) = component["hashes"]
    assert digest["content"] == component["version"].removeprefix("sha256:")
    by_digest = run("sbom", f"{reference.rpartition(':')[0]}@{component['version']}")
    assert json.loads(by_digest.out) == data
    file = tmp_path / "desk.json"
    assert run("sbom", reference, "--format", "spdx", "--output", str(file)).out == ""
    assert json.loads(file.read_text())["spdxVersion"] == "SPDX-2.3"


def test_of_what_no_release_has(released: Week, run: Run) -> None:
    done = run("sbom", "registry.example/shop-desk:other")
    assert (done.code, done.err) == (
        3,
        "error: release 2026.11.23 has no image registry.example/shop-desk:other\n"
        "  hint: builder plan lists the targets\n",
    )


def test_an_image_that_is_not_built_yet(week: Week, replaced: Replaced, run: Run) -> None:
    replaced.update(week.fakes)
    assert run("sbom", "desk", "--check").code == 5


def test_it_is_compared_with_its_layers(
    released: Week, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("sbom", "desk", "--check").code == 0
    evil = Installed(ecosystem="pip", name="evil", version="1", path="opt/evil/METADATA")
    found = LayerPackages(installed=(evil,), unowned=())
    monkeypatch.setattr(cross_check, "read_packages", lambda layers: found if [*layers] else None)
    done = run("sbom", "desk", "--check")
    assert (done.code, done.err) == (
        6,
        "error: desk has 1 package that nothing explains\n"
        "  hint: lock it in recipe.yaml, or state it there: `expects: {pip: [NAME]}`\n",
    )
    assert "    pip evil 1: opt/evil/METADATA\n" in done.out
    recipe = released.folder.root / "images/desk/recipe.yaml"
    recipe.write_text(recipe.read_text() + "expects: {pip: [evil]}\n")
    assert run("sbom", "desk", "--check").code == 0
