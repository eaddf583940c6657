"""Targets that are built again, with fakes for the engine and the registry."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from builder.app.state import discard
from builder.build.events import Noted
from builder.build.image_diff import Verdict
from builder.build.requests import Requests
from builder.build.verify import Verification
from builder.common.state_dir import StateDir
from builder.engines.interfaces import BuildRequest, Built, built_from_layout
from builder.engines.table import engine_of
from builder.oci import layout as layouts
from builder.plan.models import Step
from tests.fakes.catalog import Week
from tests.fakes.engine import FakeEngine
from tests.fakes.layout import read_digest, write_layout

BASE = "base/os=1"
NOTE = "its packages are not locked: newer versions may have appeared"


def verify(week: Week, target: str = BASE) -> Verdict:
    """Build what the registry has again, as it is now."""
    plan = week.plan()
    step = Step(id=f"verify:{target}", kind="verify", target=target, needs=(), action="", reason="")
    work, builds = week.work(plan), week.builds(plan)
    return Verification(
        context=work, build_actions=builds, store=week.store, engine_of=engine_of
    ).verdict(step)


def build(week: Week) -> None:
    plan = week.plan()
    week.builds(plan).base(plan.steps["base:os=1@linux/amd64"])
    week.builds(plan).target(plan.steps[f"build:{BASE}"])


def test_the_same_digest_is_identical(week: Week) -> None:
    build(week)
    before = len(week.store.writes)
    found = verify(week)
    assert (found.status, found.notes, found.differences) == ("identical", (), ())
    assert found.registry_digest == found.built_digest
    assert len(week.store.writes) == before
    assert week.smoke.called("test") == [BASE]


def test_what_it_stands_on_is_named_by_digest(week: Week) -> None:
    build(week)
    verify(week)
    built, again = week.engine.requests
    assert built.contexts == again.contexts
    assert again.contexts["parent"].digest


def test_a_file_that_came_out_otherwise_is_named(week: Week) -> None:
    build(week)
    week.engine.salt = "x"
    found = verify(week)
    assert found.status == "different"
    assert [it.path for it in found.differences] == ["/content"]
    assert found.differences[0].change.endswith("content")
    assert found.notes == (NOTE,)
    assert [it.text for it in week.events if isinstance(it, Noted) and not it.passing][-2:] == [
        "building",
        "comparing",
    ]


def test_a_recipe_may_state_the_reason(week: Week) -> None:
    """It says nothing of what is installed, so the image that is there stays the one of it."""
    build(week)
    week.engine.salt = "x"
    stated = "unreproducible: {/con*: a day}\nsummary:"
    week.folder.edit("images/base/recipe.yaml", "summary:", stated)
    found = verify(week)
    assert found.status == "explained"
    assert [it.reason for it in found.differences] == ["a day"]


class Odd(FakeEngine):
    """Changes what it has built."""

    def __init__(self, change: Callable[[Path], None]) -> None:
        super().__init__()
        self._change = change

    def build(self, request: BuildRequest) -> Built:
        built = super().build(request)
        self._change(request.layout)
        return built_from_layout(request.layout, local=built.local)


def rewrite(layout: Path, *, config: dict[str, Any], plain: bytes, level: int) -> None:
    """Write the image of a layout again, of one layer."""
    packed = gzip.compress(plain, level, mtime=1)
    layouts.blob(layout, f"sha256:{sha256(packed)}").write_bytes(packed)
    config["rootfs"] = {"type": "layers", "diff_ids": [f"sha256:{sha256(plain)}"]}
    manifest = layouts.read(layout, read_digest(layout))
    manifest["layers"][0].update(digest=f"sha256:{sha256(packed)}", size=len(packed))
    _settle(layout, manifest, config)


def _settle(layout: Path, manifest: dict[str, Any], config: dict[str, Any]) -> None:
    """Let a layout name these."""
    described = json.dumps(config).encode()
    manifest["config"]["digest"] = f"sha256:{sha256(described)}"
    text = json.dumps(manifest).encode()
    for data in (described, text):
        layouts.blob(layout, f"sha256:{sha256(data)}").write_bytes(data)
    index = json.loads((layout / "index.json").read_text())
    index["manifests"][0].update(digest=f"sha256:{sha256(text)}", size=len(text))
    (layout / "index.json").write_text(json.dumps(index))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def plain_of(layout: Path) -> bytes:
    (layer,) = layouts.layers_in(layout)
    return gzip.decompress(layouts.blob(layout, layer.digest).read_bytes())


def test_another_compression_is_the_same_content(week: Week) -> None:
    build(week)
    week.engine = Odd(
        lambda it: rewrite(it, config=layouts.config_in(it), plain=plain_of(it), level=1)
    )
    found = verify(week)
    assert (found.status, found.differences) == ("same content", ())
    assert found.registry_digest != found.built_digest


def test_another_configuration(week: Week) -> None:
    build(week)

    def label(layout: Path) -> None:
        config = layouts.config_in(layout)
        config["config"] = {"Labels": {"day": "1"}}
        config["history"] = [{"created_by": "RUN x", "comment": "buildkit.dockerfile.v0"}]
        rewrite(layout, config=config, plain=plain_of(layout), level=9)

    week.engine = Odd(label)
    found = verify(week)
    assert [str(it) for it in found.differences] == [
        "config config Labels day: only in this build",
        "config history 1 created_by: only in this build",
        "config history 1 comment: only in this build",
    ]
    assert found.notes == (NOTE, "the registry image was built by podman, this one by docker")


def test_the_same_files_in_another_archive(week: Week) -> None:
    build(week)

    def pack(layout: Path) -> None:
        stream = io.BytesIO()
        with (
            tarfile.open(fileobj=io.BytesIO(plain_of(layout))) as old,
            tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as new,
        ):
            for member in old:
                member.uname = "root"
                new.addfile(member, old.extractfile(member))
        rewrite(layout, config=layouts.config_in(layout), plain=stream.getvalue(), level=9)

    week.engine = Odd(pack)
    (found,) = verify(week).differences
    assert found.path.startswith("layer 1, sha256:")
    assert found.change == "the same files in another order"


def test_layers_of_the_parent_are_not_looked_into(week: Week) -> None:
    """The parent's place in the registry was taken by another image since."""
    build(week)

    def be_the_parent(layout: Path) -> None:
        shutil.rmtree(layout, ignore_errors=True)
        write_layout(layout, b"another base")

    plan = week.plan()
    place = Requests(week.work(plan)).contexts(plan.targets[BASE].target)["parent"]
    be_the_parent(week.state / "other")
    del week.store.named[str(place)]
    week.store.push(week.state / "other", place)
    week.engine = Odd(be_the_parent)
    (found,) = verify(week).differences
    assert found.path.startswith("layer 1, sha256:")
    assert found.change == "comes from another parent image"


def test_a_layer_too_many(week: Week) -> None:
    build(week)

    def double(layout: Path) -> None:
        config = layouts.config_in(layout)
        manifest = layouts.read(layout, read_digest(layout))
        manifest["layers"] *= 2
        config["rootfs"]["diff_ids"] *= 2
        _settle(layout, manifest, config)

    week.engine = Odd(double)
    found = verify(week).differences
    assert [it.change for it in found] == ["only one of the images has this layer"]
    assert found[0].path.startswith("layer 2, sha256:")


def test_locked_packages_are_no_excuse(week: Week, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    build(week)
    week.engine.salt = "x"
    plan = week.plan()
    item = plan.targets[BASE]
    locked = replace(item.fingerprint, is_locked=True)
    object.__setattr__(item, "fingerprint", locked)
    monkeypatch.setattr(week, "plan", lambda: plan)
    assert verify(week).notes == ()


def test_a_recipe_that_downloads_by_itself_is_told(week: Week) -> None:
    path = "images/base/Dockerfile.j2"
    week.folder.write(path, "FROM {{ parent }}\nRUN curl https://example.org/tool\n")
    build(week)
    week.engine.salt = "x"
    assert f"not locked: the RUN of {path}:2 downloads (curl)" in verify(week).notes


def test_logs_outlive_the_folder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    for name in ("logs", "podman/storage", "work", "secrets"):
        (state / name).mkdir(parents=True)
    (state / "logs" / "build.log").write_text("x")
    discard(StateDir(state), "podman")
    assert [path.name for path in state.rglob("*")] == ["logs", "build.log"]
    (state / "logs" / "build.log").unlink()
    (state / "logs").rmdir()
    (state / "podman").mkdir()
    discard(StateDir(state), "podman")
    assert not state.exists()
