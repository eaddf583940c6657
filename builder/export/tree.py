"""A whole catalog as plain files: what `builder render --out DIR` writes.

`images/<slug>/` is a build context, `charts/<chart>/` a chart, `docker-bake.json` builds the
images in order. Nothing in it needs the builder. Pure: paths to bytes.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from builder.catalog.ids import BaseId
from builder.catalog.models import Base, Matrix, RemoteFile
from builder.lock.lockfile import BaseLock, Lock
from builder.plan.models import Plan, TargetPlan
from builder.resolvers.base_images.bootstrap import BASE_DOCKERFILE, bootstrap_argv

BAKE = "docker-bake.json"
ROOTFS = "make-rootfs.sh"
FETCH = "fetch.sh"
_README = """\
# A rendered catalog

Plain Dockerfiles and charts, made from one matrix. Nothing here needs the tool that made them.

    sh images/<base>/make-rootfs.sh          # for each base that is bootstrapped, once
    sh images/<image>/fetch.sh               # where there is one: the files that it is built with
    docker buildx bake --load <target>       # one image and all that it stands on
    helm install my-service charts/<chart>

`FROM parent` and `COPY --from=<name>` are build contexts. By hand, name what they stand for:

    podman build --build-context parent=docker-image://IMAGE images/<target>
"""


def tree(*, lock: Lock, plan: Plan, epochs: Mapping[str, int]) -> dict[str, bytes]:
    """Return all files but those of the recipes' contexts, by path; `epochs` are by target id."""
    files: dict[str, bytes] = {"README.md": _README.encode()}
    for base in plan.bases.values():
        files |= base_files(base, lock)
    for item in plan.targets.values():
        folder = f"images/{item.target.slug}"
        files[f"{folder}/Dockerfile"] = item.dockerfile.text.encode()
        if item.files:
            files[f"{folder}/{FETCH}"] = fetch_script(item.files).encode()
    for chart in plan.charts.values():
        files |= {f"charts/{chart.name}/{path}": data for path, data in chart.files.items()}
    files[BAKE] = bake(list(plan.targets.values()), list(plan.bases.values()), lock, epochs)
    return files


def as_declared(lock: Lock, bases: Iterable[Base], matrix: Matrix) -> Lock:
    """A lock to render with: bases of other platforms that it lacks are what the matrix declares.

    Their source and timestamp are those of the default platform's; what they hold is not known.
    """
    found = dict(lock.bases)
    for base in bases:
        if base.id in found or base.platform == matrix.default_platform:
            continue
        sibling = lock.bases.get(BaseId.of(base.axis, base.value, matrix.default_platform))
        source = sibling.source if sibling else matrix.value(base.axis, base.value).sources[0]
        epoch = sibling.epoch if sibling else 0
        found[base.id] = BaseLock(source=source, content="", epoch=epoch)
    return replace(lock, bases=found)


def base_files(base: Base, lock: Lock) -> dict[str, bytes]:
    """The build context of a base that is bootstrapped; nothing for one from a registry."""
    held = lock.base(base.id)
    if held.source.kind != "bootstrap":
        return {}
    argv = bootstrap_argv(base, held.source, "rootfs.tar")
    script = "\n".join(
        [
            "#!/bin/sh",
            f"# The content of {base.id}, for as long as the archive has not moved on.",
            "set -eu",
            'cd "$(dirname "$0")"',
            f"SOURCE_DATE_EPOCH={held.epoch} {shlex.join(argv)}",
            "",
        ]
    )
    folder = f"images/{base.slug}"
    return {f"{folder}/Dockerfile": BASE_DOCKERFILE.encode(), f"{folder}/{ROOTFS}": script.encode()}


def fetch_script(files: Sequence[RemoteFile]) -> str:
    """A script that gets the files of the network which a build context lacks."""
    lines = ["#!/bin/sh", "set -eu", 'cd "$(dirname "$0")"', "mkdir -p downloads"]
    for file in files:
        lines += fetch_lines(file, "downloads")
    return "\n".join([*lines, ""])


def fetch_lines(file: RemoteFile, folder: str) -> tuple[str, ...]:
    """Shell lines that get a file into a folder, and check it."""
    place = f"{folder}/{file.name}"
    if file.requirement:
        return _pip_lines(file, folder, place)
    return (
        shlex.join(["curl", "-fsSL", "--output", place, file.url]),
        f"echo {shlex.quote(f'{file.sha256}  {place}')} | sha256sum --check --quiet",
    )


def _pip_lines(file: RemoteFile, folder: str, place: str) -> tuple[str, ...]:
    """As `fetch_lines`: pip checks the hash before it looks into the file."""
    stated = f"{file.requirement} --hash=sha256:{file.sha256}"
    argv = ["python3", "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
    return (
        f"mkdir -p {shlex.quote(f'{place}.d')}",
        f"echo {shlex.quote(stated)}"
        f" | {shlex.join([*argv, '--dest', f'{place}.d', '--requirement', '/dev/stdin'])}",
        f"mv {shlex.quote(f'{place}.d')}/* {shlex.quote(place)}",
        f"rmdir {shlex.quote(f'{place}.d')}",
    )


def bake(
    targets: Sequence[TargetPlan], bases: Sequence[Base], lock: Lock, epochs: Mapping[str, int]
) -> bytes:
    """The bake file: a target for each image and each bootstrapped base."""
    slugs = {item.target.id: item.target.slug for item in targets}
    contexts: dict[str, str] = {}
    entries: dict[str, Any] = {}
    for base in bases:
        held = lock.base(base.id)
        if held.source.kind == "bootstrap":
            contexts[base.id] = f"target:{base.slug}"
            entries[base.slug] = {
                "context": f"images/{base.slug}",
                "platforms": [base.platform],
                "args": {"SOURCE_DATE_EPOCH": str(held.epoch)},
            }
        else:
            name = held.source.value.partition("@")[0]
            pinned = f"@{held.content}" if held.content else ""
            contexts[base.id] = f"docker-image://{name}{pinned}"
    contexts |= {key: f"target:{slug}" for key, slug in slugs.items()}
    variants = Counter(item.target.variant.id for item in targets)
    for item in targets:
        # A name is of one image here: only a registry holds one for several platforms.
        machine = item.target.platform.partition("/")[2].replace("/", "-")
        suffix = f"-{machine}" if variants[item.target.variant.id] > 1 else ""
        needed = {"parent": item.target.parent, **dict(item.target.inputs)}
        entries[item.target.slug] = {
            "context": f"images/{item.target.slug}",
            "contexts": {name: contexts[key] for name, key in needed.items() if key in contexts},
            "platforms": [item.target.platform],
            "args": {"SOURCE_DATE_EPOCH": str(epochs[item.target.id])},
            "tags": [str(item.repository.with_tag(tag + suffix)) for tag in item.rolling],
        }
    group = {"default": {"targets": [item.target.slug for item in targets]}}
    return (json.dumps({"group": group, "target": entries}, indent=1) + "\n").encode()
