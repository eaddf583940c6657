"""Every command that speaks to a registry, in the order of three weeks of a catalog."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.oci.reference import Reference
from tests.integration.faults.catalog import Checkout, with_chart
from tests.integration.registries.behaviours import Behaviour
from tests.integration.registries.conftest import World
from tests.integration.registries.fronts import Asked, Front
from tests.integration.registries.logins import FOREIGN, environment, log_in

FIRST, SECOND, THIRD, LAST = "2026-11-23", "2026-11-30", "2026-12-07", "2026-12-31"
# What `builder` of this catalog pushes to; where no repository comes to be by a push, it is made.
REPOSITORIES = (
    "box", "f-os", "f-base", "f-tool", "f-app", "f-other",
    "f-releases", "f-charts/page", "shelf/page",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Leg:
    """A command, on a day; `says` is in what it prints, and `code` is its exit code."""

    name: str
    arguments: tuple[str, ...]
    says: str
    day: str = FIRST
    code: int = 0
    edits: bool = False  # whether an image was changed just before

    def expected(self, behaviour: Behaviour) -> tuple[int, str]:
        """The exit code, and what is printed, before a registry."""
        if self.name == "prune" and not behaviour.deletes:
            return 5, f"error: {behaviour.registry} deletes no manifests\n  hint: "
        return self.code, self.says


LEGS = (
    Leg(name="lock", arguments=("lock",), says="matrix.lock written"),
    Leg(name="plan", arguments=("plan",), says="build:app"),
    Leg(name="build", arguments=("build",), says="build:other/os=1"),
    Leg(name="plan again", arguments=("plan",), says="4 targets: 4 to reuse"),
    Leg(name="test", arguments=("test", "--select", "app"), says="test:app/os=1"),
    Leg(name="charts", arguments=("charts",), says="chart:page"),
    Leg(name="publish", arguments=("publish",), says="release"),
    Leg(name="explain", arguments=("explain", "app"), says="fingerprint"),
    Leg(name="render", arguments=("render", "--out", "{out}/rendered"), says="4 images, 1 chart"),
    Leg(
        name="export",
        arguments=("build", "--select", "app", "--export", "{out}/layout"),
        says="app/os=1 is in ",
    ),
    Leg(name="verify", arguments=("verify", "app"), says="app/os=1"),
    Leg(
        name="charts publish",
        arguments=("charts", "publish", "--to", "oci://{place}/shelf"),
        says="1 of 1 chart published",
    ),
    Leg(name="outdated", arguments=("outdated",), says="", day=SECOND),
    Leg(name="weekly", arguments=("weekly",), says="2026.11.30", day=SECOND, edits=True),
    Leg(
        name="diff",
        arguments=("diff", "2026.11.23"),
        says="2026.11.23 → 2026.11.30\n1 target changed",
        day=SECOND,
    ),
    Leg(
        name="why",
        arguments=("why", "busybox"),
        says="release 2026.11.30 has no package 'busybox'",
        code=3,
        day=SECOND,
    ),
    Leg(name="rollback", arguments=("rollback", "2026.11.23"), says="2026.12.07", day=THIRD),
    Leg(name="step", arguments=("step", "release"), says="release", day=THIRD),
    Leg(
        name="prune",
        arguments=("prune", "--keep-weeks", "1", "--keep-months", "0", "--yes"),
        says="removed; ",
        day=LAST,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended: its code, what it printed, what the front was asked meanwhile.

    Logs that it names are part of what it printed.
    """

    code: int
    text: str
    asked: tuple[Asked, ...]


def put_base(world: World, behaviour: Behaviour, box: Reference) -> str:
    """Have a registry hold the base image, as if somebody else had pushed it; its reference."""
    name = f"{behaviour.namespace}/box:1"
    argv = ["skopeo", "copy", "--quiet", "--preserve-digests", "--src-tls-verify=false"]
    argv += ["--dest-tls-verify=false", f"docker://{box}", f"docker://{world.upstream}/{name}"]
    subprocess.run(argv, check=True, timeout=60)
    return f"{behaviour.registry}/{name}"


def clean_environment(front: Front, world: World, home: Path, day: str) -> dict[str, str]:
    """The environment of a user of a registry, who logged in, on a day."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    variables = log_in(home, front.behaviour)
    network = environment(home, front.behaviour, proxy=world.web.proxy, ca=world.web.ca)
    return {**kept, **variables, **network, "BUILDER_TODAY": day, "BUILDER_ENGINE": "podman"}


def travel(front: Front, world: World, folder: Path, box: Reference) -> dict[str, Done]:
    """Run every command against a front; how each ended, by name."""
    behaviour = front.behaviour
    for name in REPOSITORIES:
        front.create(f"{behaviour.namespace}/{name}")
    base = put_base(world, behaviour, box)
    checkout = with_chart(folder / "catalog", registry=behaviour.place, base=base)
    found = {}
    for leg in LEGS:
        if leg.edits:
            checkout.edit("other")
        variables = clean_environment(front, world, folder / "home", leg.day)
        found[leg.name] = run(front, checkout, leg, variables)
    return found


def run(front: Front, checkout: Checkout, leg: Leg, variables: Mapping[str, str]) -> Done:
    """Run one command to its end."""
    names = {"out": str(checkout.root.parent), "place": front.behaviour.place}
    before = len(front.asked)
    done = subprocess.run(
        checkout.command(*(text.format(**names) for text in leg.arguments)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
        env=variables,
    )
    logs = (Path(name) for name in re.findall(r"the whole log: (\S+)", done.stdout))
    text = done.stdout + "".join(log.read_text() for log in logs if log.is_file())
    return Done(code=done.returncode, text=text, asked=tuple(front.asked[before:]))
