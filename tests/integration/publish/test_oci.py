"""`builder charts publish` to an OCI registry, and what Helm makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.charts.helm import Helm
from builder.charts.package import ChartPackage, pack
from builder.charts.repository.backends import RegistryRepository
from builder.charts.repository.oci_artifact import CONFIG, CONTENT, chart_artifact
from builder.common.errors import ConflictError
from builder.common.process import Runner
from builder.oci.reference import parse
from tests.cli.conftest import Run
from tests.fakes.answers import Registry
from tests.fakes.charts import ABOUT, files
from tests.integration.registry import registry as real_registry

from .conftest import MOMENT, WEEKS, Shop, publication


@pytest.fixture
def other(tmp_path: Path, runner: Runner) -> Iterator[str]:
    """A registry of somebody else."""
    with real_registry(tmp_path / "other", runner=runner) as address:
        yield address


def test_helm_pulls_what_is_pushed(
    shop: Shop, run: Run, other: str, helm: Helm, runner: Runner, tmp_path: Path
) -> None:
    to = f"oci://{other}/team/charts"
    assert run("charts", "publish", "--to", to) == (
        0, "desk 1.0.0: new\n", f"1 of 1 chart published to {to}\n",
    )  # fmt: skip
    assert run("charts", "publish", "--to", to).out == "desk 1.0.0: nothing in it changed\n"
    shop.add_zone(WEEKS[1])
    assert run("charts", "publish", "--to", to).out == "desk 1.1.0: changed since 1.0.0\n"
    place = parse(f"{other}/team/charts/desk")
    assert shop.week.store.tags(place.name) == ("1.0.0", "1.1.0")
    pull = helm.command("pull", f"{to}/desk", "--plain-http", "--destination", str(tmp_path))
    runner.run(pull)
    package = ChartPackage(data=(tmp_path / "desk-1.1.0.tgz").read_bytes())
    released = shop.week.store.get(parse(f"{shop.address}/shop-charts/desk:1.1.0"))
    assert released is not None
    assert released.files["desk.tgz"].data == package.data
    assert b"- `zone` (string) is new\n" in package.files["CHANGELOG.md"]


def test_a_chart_that_helm_pushed(
    shop: Shop, run: Run, other: str, helm: Helm, runner: Runner, tmp_path: Path
) -> None:
    about = ABOUT.replace("clock", "desk").replace("1.2.3", "2.10.0")
    theirs = tmp_path / "desk-2.10.0.tgz"
    theirs.write_bytes(pack("desk", files(about=about)))
    older = tmp_path / "desk-2.9.0.tgz"
    older.write_bytes(pack("desk", files(about=about.replace("2.10.0", "2.9.0"))))
    for path in (theirs, older):
        runner.run(helm.command("push", str(path), f"oci://{other}/charts", "--plain-http"))
    to = f"oci://{other}/charts"
    assert run("charts", "publish", "--to", to).out == "desk 3.0.0: changed since 2.10.0\n"
    assert shop.week.store.tags(f"{other}/charts/desk") == ("2.10.0", "2.9.0", "3.0.0")


def test_something_else_under_a_name_of_a_chart(shop: Shop, run: Run, other: str) -> None:
    package = ChartPackage(data=pack("desk", files()))
    artifact = chart_artifact(package)
    assert (artifact.kind, [blob.kind for blob in artifact.files.values()]) == (CONFIG, [CONTENT])
    place = parse(f"{other}/charts/desk:1.0.0")
    shop.week.store.put(type(artifact)(kind=CONFIG, files={}), place)
    assert run("charts", "publish", "--to", f"oci://{other}/charts") == (
        2, "", f"error: {place} is not a chart\n",
    )  # fmt: skip


def test_a_registry_that_refuses(shop: Shop, run: Run, registry: Registry) -> None:
    registry.script = lambda method, path: (403, {}, b"")
    address = registry.address
    assert run("charts", "publish", "--to", f"oci://{address}/charts") == (
        5, "",
        f"error: {address}/charts/desk: the registry answered 403 Forbidden to GET"
        " /v2/charts/desk/tags/list; no credentials were found\n"
        f"  hint: log in: `podman login {address}`, `skopeo login {address}`"
        f" or `docker login {address}`\n",
    )  # fmt: skip


def test_somebody_else_pushes_just_now(shop: Shop, other: str) -> None:
    """What is there stays, and nothing beside it is pushed."""
    repository = RegistryRepository(store=shop.week.store, prefix=f"{other}/charts")
    place = parse(f"{other}/charts/desk:4.0.0")
    digest = shop.week.store.put(chart_artifact(publication("clock").package), place)
    with pytest.raises(ConflictError) as caught:
        repository.add([publication("clock"), publication("desk")], generated=MOMENT)
    assert (
        str(caught.value)
        == f"{place} exists already\n  hint: run the command again: it computes a new version"
    )
    assert shop.week.store.digest(place) == digest
    assert shop.week.store.tags(f"{other}/charts/clock") == ()
