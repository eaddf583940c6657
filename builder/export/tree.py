"""Renders a whole catalog to plain files, for `builder render --out DIR`.

`images/<slug>/` is a build context, `charts/<chart>/` a chart, `docker-bake.json` builds the
images in order. Nothing in it needs the builder. Pure: paths to bytes.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name

from builder.catalog.ecosystem import Ecosystems
from builder.catalog.ids import BaseId, TargetId
from builder.catalog.models import Base, Matrix, RemoteFile
from builder.lock.lockfile import BaseLock, Lock
from builder.lock.package_lists import files_to_fetch
from builder.plan.models import Plan, TargetPlan
from builder.resolvers.base_images.bootstrap import BASE_DOCKERFILE, bootstrap_argv

BAKE = "docker-bake.json"
ROOTFS = "make-rootfs.sh"
FETCH = "fetch.sh"
# pip says in its help which index it takes by default, or by its configuration.
_PIP_INDEX = (
    "COLUMNS=1000 pip list --help"
    r" | sed -n 's/.*--index-url <url> .*(default \([^ )]*\)).*/\1/p'"
)
_NO_INDEX = shlex.quote("there is no pip that names an index: set PIP_INDEX_URL")
_CURL = "curl -fsSL --proto =https,http"
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


def tree(
    *, lock: Lock, plan: Plan, epochs: Mapping[str, int], ecosystems: Ecosystems
) -> dict[str, bytes]:
    """Return all files by path, without those of recipes; `epochs` has seconds by target id."""
    files: dict[str, bytes] = {"README.md": _README.encode()}
    for base in plan.bases.values():
        files |= base_files(base, lock)
    for target_plan in plan.targets.values():
        folder = f"images/{target_plan.target.slug}"
        files[f"{folder}/Dockerfile"] = target_plan.dockerfile.text.encode()
        package_set = lock.package_sets.get(target_plan.target.made_id)
        if to_fetch := (*target_plan.files, *files_to_fetch(package_set, ecosystems)):
            files[f"{folder}/{FETCH}"] = fetch_script(to_fetch).encode()
    for chart in plan.charts.values():
        files |= {f"charts/{chart.name}/{path}": data for path, data in chart.files.items()}
    files[BAKE] = bake(list(plan.targets.values()), list(plan.bases.values()), lock, epochs)
    return files


def as_declared(lock: Lock, bases: Iterable[Base], matrix: Matrix) -> Lock:
    """Return a lock that also has the bases of other platforms, as the matrix declares them.

    They get source and timestamp of the default platform's base, and no content id. So do images
    that are mirrored and not locked: what is rendered names them by their repository.
    """
    base_locks = dict(lock.bases)
    for base in bases:
        is_needed = matrix.value(base.axis, base.value).is_mirrored
        if base.id in base_locks or (base.platform == matrix.default_platform and not is_needed):
            continue
        sibling = lock.bases.get(BaseId.of(base.axis, base.value, matrix.default_platform))
        source = sibling.source if sibling else matrix.value(base.axis, base.value).sources[0]
        epoch = sibling.epoch if sibling else 0
        base_locks[base.id] = BaseLock(source=source, content="", epoch=epoch)
    return replace(lock, bases=base_locks)


def base_files(base: Base, lock: Lock) -> dict[str, bytes]:
    """Return the build context of a bootstrapped base; {} for one from a registry."""
    base_lock = lock.base(base.id)
    if base_lock.source.kind != "bootstrap":
        return {}
    argv = bootstrap_argv(base, base_lock.source, "rootfs.tar")
    script = "\n".join(
        [
            "#!/bin/sh",
            f"# The content of {base.id}, for as long as the archive has not moved on.",
            "set -eu",
            'cd "$(dirname "$0")"',
            f"SOURCE_DATE_EPOCH={base_lock.epoch} {shlex.join(argv)}",
            "",
        ]
    )
    folder = f"images/{base.slug}"
    return {f"{folder}/Dockerfile": BASE_DOCKERFILE.encode(), f"{folder}/{ROOTFS}": script.encode()}


def fetch_script(files: Sequence[RemoteFile]) -> str:
    """Return a script that downloads the files for a build context."""
    lines = ["#!/bin/sh", "set -eu", 'cd "$(dirname "$0")"', "mkdir -p downloads"]
    for file in files:
        lines += fetch_lines(file, "downloads")
    return "\n".join([*lines, ""])


def fetch_lines(file: RemoteFile, folder: str) -> tuple[str, ...]:
    """Return shell lines that download a file into a folder and check its hash."""
    path = f"{folder}/{file.name}"
    check = f"echo {shlex.quote(f'{file.sha256}  {path}')} | sha256sum --check --quiet"
    if file.requirement:
        return (*_index_lines(file), f'{_CURL} --output {shlex.quote(path)} "$url"', check)
    parent, is_below, _ = file.name.rpartition("/")
    folders = (f"mkdir -p {shlex.quote(f'{folder}/{parent}')}",) if is_below else ()
    return (*folders, f"{_CURL} {shlex.join(['--output', path, file.url])}", check)


def _index_lines(file: RemoteFile) -> tuple[str, ...]:
    """Return such lines that find the URL of a source distribution in pip's index.

    Its page is only read: pip would run code of the package, to learn what it needs.
    """
    name, _, version = file.requirement.partition("==")
    source = re.sub(r"[-_.]+", "[-_.]*", name) + f"-{re.escape(version)}[.]tar[.]gz"
    by_hash = rf's/.*href="\([^"#]*\)#sha256={file.sha256}.*/\1/p'
    by_name = rf's/.*href="\([^"#]*{source}\)["#].*/\1/pI'  # where it states no hashes
    page = shlex.quote(f"{canonicalize_name(name)}/")
    problem = shlex.quote(f"the index has no source distribution of {file.requirement}")
    return (
        f"index=${{PIP_INDEX_URL:-$({_PIP_INDEX})}}",
        f'[ -n "$index" ] || {{ echo {_NO_INDEX} >&2; exit 1; }}',
        f"page=${{index%/}}/{page}",
        f'links=$({_CURL} "$page")',
        f'url=$(echo "$links" | sed -n {shlex.quote(by_hash)} | head -n 1)',
        f'[ -n "$url" ] || url=$(echo "$links" | sed -n {shlex.quote(by_name)} | head -n 1)',
        f'[ -n "$url" ] || {{ echo {problem} >&2; exit 1; }}',
        "case $url in",
        "    *://*) ;;",
        "    /*) url=$(echo \"$page\" | sed 's|^\\([a-z]*://[^/]*\\).*|\\1|')$url ;;",
        "    *) url=$page$url ;;",
        "esac",
    )


def bake(
    targets: Sequence[TargetPlan], bases: Sequence[Base], lock: Lock, epochs: Mapping[str, int]
) -> bytes:
    """Return the bake file, with a target for each image and each bootstrapped base."""
    slugs = {target_plan.target.id: target_plan.target.slug for target_plan in targets}
    contexts: dict[str, str] = {}
    entries: dict[str, Any] = {}
    for base in bases:
        base_lock = lock.base(base.id)
        if base_lock.source.kind == "bootstrap":
            contexts[base.id] = f"target:{base.slug}"
            entries[base.slug] = {
                "context": f"images/{base.slug}",
                "platforms": [base.platform],
                "args": {"SOURCE_DATE_EPOCH": str(base_lock.epoch)},
            }
        else:
            name = base_lock.source.value.partition("@")[0]
            pinned = f"@{base_lock.content}" if base_lock.content else ""
            contexts[base.id] = f"docker-image://{name}{pinned}"
    contexts |= {key: f"target:{slug}" for key, slug in slugs.items()}
    variants = Counter(TargetId(target_plan.target.id).on_any_platform for target_plan in targets)
    for target_plan in targets:
        # A tag names one image here: only a registry can have several platforms under one.
        machine = target_plan.target.platform.partition("/")[2].replace("/", "-")
        suffix = (
            f"-{machine}" if variants[TargetId(target_plan.target.id).on_any_platform] > 1 else ""
        )
        parents = {"parent": target_plan.target.parent, **dict(target_plan.target.inputs)}
        entries[target_plan.target.slug] = {
            "context": f"images/{target_plan.target.slug}",
            "contexts": {name: contexts[key] for name, key in parents.items() if key in contexts},
            "platforms": [target_plan.target.platform],
            "args": {"SOURCE_DATE_EPOCH": str(epochs[target_plan.target.id])},
            "tags": [
                str(target_plan.repository.with_tag(tag + suffix)) for tag in target_plan.rolling
            ],
        }
    group = {"default": {"targets": [target_plan.target.slug for target_plan in targets]}}
    return (json.dumps({"group": group, "target": entries}, indent=1) + "\n").encode()
