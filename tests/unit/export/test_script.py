"""The commands of a release, as lines of sh."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from builder.common.process import Runner
from builder.export.script import Commands
from builder.registry.store import RegistryStore
from tests.fakes.catalog import ARM, BOTH, Folder, Week

PLACE = "127.0.0.1:5999/shop-base"


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
