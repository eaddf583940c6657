"""A catalog that signs, on a real registry: a second week builds nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.common.errors import TrustError
from builder.common.process import Runner
from builder.oci.reference import Reference
from builder.registry.store import RegistryStore
from builder.trust import keys
from builder.trust.seals import signature_of
from tests.fakes.catalog import Folder, Week
from tests.integration.registry import registry

TRUST = 'trust:\n  profile: signed\n  sign: {key: "${CATALOG_SIGN_KEY}"}\n  keys: [{file: %s}]\n'
DESK, SPEECH = "desk/os=1,lang=1.9", "speech/os=1,lang=1.9"


@pytest.fixture
def signed(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Week]:
    """A week of a catalog that signs, in a registry of the test's own."""
    runner = Runner()
    private, _ = keys.create(folder.root / "keys/2026")
    monkeypatch.setenv("CATALOG_SIGN_KEY", str(private))
    with registry(tmp_path / "registry", runner=runner) as address:
        folder.edit("matrix.yaml", "registries: [embedded]", f'registries: ["{address}"]')
        matrix = (folder.root / "matrix.yaml").read_text()
        folder.write("matrix.yaml", f"{matrix}{TRUST % 'keys/2026.pub'}")
        store = RegistryStore(runner=runner, skopeo="skopeo", enclose=lambda command: command)
        week = Week(folder=folder, store=store)  # type: ignore[arg-type]
        results = week.go_by(today="2026-11-23")
        assert {result.status for result in results.values()} == {"done"}
        yield week
    runner.stop()
    shutil.rmtree(tmp_path / "registry")


def images(week: Week) -> dict[str, Reference]:
    """Return the tag of each target."""
    targets = week.plan(today="2026-11-30").targets.values()
    return {item.target.id: item.reference for item in targets}


def actions(week: Week) -> dict[str, str]:
    """Return what the plan does with each target."""
    targets = week.plan(today="2026-11-30").targets
    return {key: item.action for key, item in targets.items()}


def test_a_second_week_builds_nothing(signed: Week) -> None:
    assert set(actions(signed).values()) == {"reuse"}
    for image in images(signed).values():
        digest = signed.store.digest(image)
        assert digest is not None
        assert signed.store.get(signature_of(image, digest)) is not None
    results = signed.go_by(today="2026-11-30")
    assert {result.status for result in results.values()} <= {"reused", "done"}
    assert not [
        key for key, result in results.items() if "build" in key and result.status == "done"
    ]


def test_an_image_of_somebody_else_at_a_tag_is_not_reused(signed: Week) -> None:
    places = images(signed)
    other = signed.store.digest(places[SPEECH])
    assert other is not None
    signed.store.copy(places[SPEECH].at(other), places[DESK])
    assert actions(signed)[DESK] == "build"
    results = signed.carry_out(signed.plan("desk*", today="2026-11-30"))
    assert results[f"build:{DESK}"].exit_code == 8
    assert signed.store.digest(places[DESK]) == other


def test_a_release_that_a_stranger_signed_is_refused(signed: Week) -> None:
    keys.create(signed.folder.root / "keys/other")
    signed.folder.edit("matrix.yaml", "keys/2026.pub", "keys/other.pub")
    with pytest.raises(TrustError) as caught:
        signed.plan(today="2026-11-30")
    assert "is not believed: nobody who is believed signed it" in str(caught.value)
