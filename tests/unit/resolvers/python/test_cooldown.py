"""uv takes nothing of the last days; an index on loopback states when files were published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.packages import LockedPackage
from builder.common.errors import BuilderError, UnreachableError
from builder.common.process import Runner
from builder.lock.interfaces import PackageRequest
from builder.resolvers.python.packages import PipResolver
from builder.resolvers.python.pypi import PythonPackages
from tests.fakes.answers import Answer, Registry
from tests.fakes.layers import asked
from tests.fakes.lines import mirrored, request

LIMIT = "2026-11-20T00:00:00Z"
OLD, YOUNG = "2026-11-01T00:00:00Z", "2026-11-22T00:00:00Z"
Dates = Mapping[str, str | None]


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))


def serve(server: Registry, **packages: Dates) -> None:
    """Have an index with versions of packages, each with its date, or None."""

    def answer(_method: str, path: str) -> Answer:
        if path.endswith(".metadata"):
            name, version = path.rpartition("/")[2].split("-")[:2]
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            return 200, {"Content-Type": "text/plain"}, text.encode()
        name = path.strip("/").rpartition("/")[2]
        if name not in packages:
            return 404, {}, b""
        files = [_file(name, version, day) for version, day in packages[name].items()]
        body = {"meta": {"api-version": "1.1"}, "name": name, "files": files}
        kind = "application/vnd.pypi.simple.v1+json"
        return 200, {"Content-Type": kind}, json.dumps(body).encode()

    server.script = answer


def _file(name: str, version: str, day: str | None) -> dict[str, object]:
    file = f"{name}-{version}-py3-none-any.whl"
    return {
        "filename": file, "url": f"/files/{file}", "hashes": {"sha256": "0" * 64},
        "core-metadata": True, **({"upload-time": day} if day else {}),
    }  # fmt: skip


def resolver(server: Registry, folder: Path, runner: Runner, notes: list[str]) -> PipResolver:
    network = mirrored(server.address, pip=f"http://{server.address}/simple")
    return PipResolver(runner=runner, network=network, folder=folder, note=notes.append)


def wanted(*names: str, **locked: str) -> PackageRequest:
    held = {
        name: LockedPackage(
            version=version, digest="sha256:" + "0" * 64, source="pip",
            file=f"{name}-{version}-py3-none-any.whl",
        )
        for name, version in locked.items()
    }  # fmt: skip
    return asked(*names, python="3.13.5", locked=held, not_after=LIMIT)


@pytest.mark.parametrize(
    ("dates", "locked", "chosen"),
    [
        ({"1.0": OLD, "1.1": OLD, "2.0": YOUNG}, "", "1.1"),
        ({"1.0": OLD, "1.1": OLD, "2.0": YOUNG}, "1.0", "1.1"),
        ({"1.0": OLD, "1.1": YOUNG, "2.0": YOUNG}, "1.1", "1.1"),  # it stays
        ({"1.0": OLD, "2.0": YOUNG}, "2.0", "2.0"),  # it stays
        ({"1.0": OLD}, "2.0", "1.0"),  # the index took it back
    ],
)
def test_a_package(
    registry: Registry, runner: Runner, tmp_path: Path, dates: Dates, locked: str, chosen: str
) -> None:
    serve(registry, oak=dates)
    notes: list[str] = []
    request = wanted("oak", **({"oak": locked} if locked else {}))
    found = resolver(registry, tmp_path, runner, notes).resolve(request)
    assert found["oak"].version == chosen
    assert notes == []


def test_a_package_of_which_the_index_states_no_dates(
    registry: Registry, runner: Runner, tmp_path: Path
) -> None:
    serve(registry, oak={"1.0": None, "2.0": None}, elm={"1.0": OLD, "2.0": YOUNG})
    notes: list[str] = []
    found = resolver(registry, tmp_path, runner, notes).resolve(wanted("oak", "elm"))
    assert {name: package.version for name, package in found.items()} == {
        "oak": "2.0",
        "elm": "1.0",
    }
    assert notes == ["the index states no dates of oak: the newest are taken"]


def test_what_an_ancestor_has_may_be_young(
    registry: Registry, runner: Runner, tmp_path: Path
) -> None:
    serve(registry, oak={"1.0": OLD, "2.0": YOUNG}, elm={"1.0": OLD})
    request = wanted("oak", "elm")
    inherited = dict(wanted("oak", oak="2.0").locked)
    found = resolver(registry, tmp_path, runner, []).resolve(replace(request, inherited=inherited))
    assert {name: package.version for name, package in found.items()} == {"elm": "1.0"}


def test_where_all_are_too_young_uv_says_so(
    registry: Registry, runner: Runner, tmp_path: Path
) -> None:
    serve(registry, oak={"2.0": YOUNG})
    with pytest.raises(BuilderError) as raised:
        resolver(registry, tmp_path, runner, []).resolve(wanted("oak"))
    assert str(raised.value) == (
        "oak 2.0 is younger than `lock: {cooldown: …}` of matrix.yaml allows (recipe leaf, for"
        " leaf/debian=13)\n  hint: wait, ask for an older version, or shorten the cooldown; `0d`"
        " takes all at once"
    )


def test_a_release_line(registry: Registry, runner: Runner) -> None:
    serve(registry, oak={"1.0": OLD, "1.1": YOUNG})
    network = mirrored(registry.address, pip=f"http://{registry.address}/simple")
    provider = PythonPackages(runner=runner, network=network)
    line = request("1", package="oak")
    assert provider.resolve(replace(line, not_after=LIMIT)).version == "1.0"
    assert provider.resolve(line).version == "1.1"


def test_the_index_is_asked_again_for_each_hash(
    registry: Registry, runner: Runner, tmp_path: Path
) -> None:
    serve(registry, oak={"1.0": OLD}, elm={"1.0": OLD}, ash={"1.0": OLD})
    held = dict(wanted("oak", oak="1.0", elm="1.0", ash="2.0", fir="1.0").locked)
    held["elm"] = replace(held["elm"], digest="sha256:" + "f" * 64)
    found = resolver(registry, tmp_path, runner, []).differing(wanted("oak"), held)
    assert found == {
        "elm": f"the index states sha256:{'0' * 64}, not sha256:{'f' * 64}",
        "ash": "the index has it not",
        "fir": "the index has it not",
    }
    other = {"oak": replace(held["oak"], file="oak-1.0-py2-none-any.whl")}
    assert resolver(registry, tmp_path, runner, []).differing(wanted("oak"), other) == {
        "oak": "the index has it not"
    }


@pytest.mark.slow
def test_an_index_that_is_dead(runner: Runner, tmp_path: Path) -> None:
    network = mirrored("127.0.0.1:1", pip="http://127.0.0.1:1/simple")
    dead = PipResolver(runner=runner, network=network, folder=tmp_path)
    with pytest.raises(UnreachableError):
        dead.differing(wanted("oak"), dict(wanted("oak", oak="1.0").locked))
