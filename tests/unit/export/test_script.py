"""The commands of a release, as lines of sh."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from builder.common.process import Runner
from builder.export.script import Commands
from builder.export.tree import bake
from builder.registry.store import RegistryStore
from tests.fakes.catalog import ARM, BOTH, LOCK, Folder, Week

PLACE = "127.0.0.1:5999/shop-base"


def on_top(folder: Folder) -> Week:
    """A catalog with a recipe on top of its bases."""
    folder.edit("matrix.yaml", "axes: [os]}", "axes: [os], top: [trust]}")
    folder.write("images/trust/recipe.yaml", "summary: Trust\n")
    folder.write("images/trust/Dockerfile.j2", "FROM {{ parent }}\n")
    return Week(folder=folder)


def release(week: Week) -> list[str]:
    """What the release of the bases alone would run."""
    plan = week.plan("base,os=1")
    store = RegistryStore(runner=Runner(), skopeo="skopeo", enclose=lambda command: command)
    none = cast(Any, None)  # nothing is built here, and there are no charts
    commands = Commands(
        context=week.work(plan),
        engine=week.engine,
        store=store,
        bases=none,
        requests=none,
        helm=none,
    )
    lines = commands.lines({"release": plan.steps["release"]})
    return [line for line in lines if line.startswith(("skopeo ", "fake "))]


def test_a_tag_of_one_platform_is_a_copy(week: Week) -> None:
    (item,) = week.plan("base,os=1").targets.values()
    copy = "skopeo copy --quiet --preserve-digests --all"
    copy += " --src-tls-verify=false --dest-tls-verify=false"
    source = f"docker://{PLACE}:{item.fingerprint.tag}"
    assert release(week) == [
        f"{copy} {source} docker://{PLACE}:os1-2026.11.23",
        f"{copy} {source} docker://{PLACE}:os1",
    ]


def test_a_tag_of_several_is_an_index(folder: Folder, tmp_path: Path) -> None:
    folder.for_platforms("linux/amd64", ARM)
    week = Week(folder=folder, lock=BOTH)
    one, other = week.plan("base,os=1").targets.values()
    images = f"{PLACE}:{one.fingerprint.tag} {PLACE}:{other.fingerprint.tag}"
    assert release(week) == [
        f"fake index base-os1 {PLACE}:{tag} {images}" for tag in ("os1-2026.11.23", "os1")
    ]
    week.platforms = ("linux/amd64",)
    assert release(week) == []


def test_what_is_under_a_top_recipe_gets_no_tag(folder: Folder) -> None:
    week = on_top(folder)
    offered = week.plan().targets["base/os=1"].fingerprint.tag
    lines = release(week)
    assert [line.rpartition(":")[2] for line in lines] == ["os1-2026.11.23", "os1"]
    assert all(f"{PLACE}:{offered} " in line for line in lines)


def test_bake_builds_it_under_a_name_of_its_own(folder: Folder) -> None:
    plan = on_top(folder).plan("base,os=1")
    epochs = dict.fromkeys(plan.targets, 0)
    text = bake(tuple(plan.targets.values()), tuple(plan.bases.values()), LOCK, epochs)
    targets = json.loads(text)["target"]
    assert targets["base-os1"]["contexts"] == {"parent": "target:base-os1-_under"}
    assert (targets["base-os1"]["tags"], targets["base-os1-_under"]["tags"]) == (
        [f"{PLACE}:os1"], [],
    )  # fmt: skip
