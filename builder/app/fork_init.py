"""Writes the catalog of an organisation that stands on another one: its decisions, and no copy."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from string import Template
from typing import Any

from builder.app.adapters import Notify
from builder.app.app import App, silent
from builder.app.first_catalog import (
    EMBEDDED,
    STARTER,
    address_of_embedded,
    check_registry,
    plain,
    write_catalog,
)
from builder.app.load import load, upstreams
from builder.app.options import Options
from builder.app.source_address import extends_of
from builder.app.stacks import alone
from builder.catalog.policies import FOLLOW_RELEASES, Extends
from builder.ci.shards import depth
from builder.ci.systems import CI_SYSTEMS, Follow
from builder.common.errors import ConfigError
from builder.common.files import write
from builder.common.state_dir import StateDir
from builder.common.version import VERSION
from builder.lock import lockfile
from builder.lock.lockfile import Lock
from builder.overlay.extends import Finding
from builder.overlay.source_catalogs import MATRIX
from builder.project import Project, Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS

_TEMPLATES = Path(__file__).parents[1] / "starter_overlay"
_DISTRIBUTION = "catalog-builder"
REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True, kw_only=True)
class Fork:
    """A catalog to be written: its name, what it stands on, and what it says otherwise.

    `source` is where the other catalog is, see `extends_of`. `follow` is of
    `extends`. `registry` is `host[:port][/path]`, or EMBEDDED. `ca` is a file of certificates, ""
    for none. `offer` are selectors of charts; with none, all are offered.
    """

    name: str
    source: str
    follow: str = FOLLOW_RELEASES
    registry: str = EMBEDDED
    ca: str = ""
    offer: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NewFork:
    """What was written, and what a plan without any registry says of it."""

    upstream: str
    paths: tuple[str, ...]
    targets: int
    alike: int  # targets whose image is the one of the catalog below
    charts: int
    is_locked: bool


def write_fork(folder: Path, fork: Fork, notify: Notify = silent) -> NewFork:
    """Write a catalog into a folder that is empty or not there: all of it, or nothing.

    Raises ConfigError where the folder has something, or the other catalog cannot be stood on.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            f"{folder} is not empty: nothing was written",
            hint="name a folder that is empty, or not yet there: `builder fork init --from … DIR`",
        )
    if fork.registry != EMBEDDED:
        check_registry(fork.registry)
    extends = extends_of(fork.source, folder)
    if "path" in extends:
        name = load(fork.source).catalog.matrix.name
    else:
        name = Extends(git=extends.get("git", ""), oci=extends.get("oci", "")).default_name
        extends |= {"follow": fork.follow} if fork.follow != FOLLOW_RELEASES else {}
    extends["name"] = name if name != fork.name else "upstream"
    files = {
        MATRIX: _matrix(fork, extends),
        ".gitattributes": (STARTER / "gitattributes").read_text(encoding="utf-8"),
        ".gitignore": (STARTER / "gitignore").read_text(encoding="utf-8"),
        "README.md": Template((_TEMPLATES / "README.md").read_text(encoding="utf-8")).substitute(
            name=fork.name, upstream=name
        ),
        REQUIREMENTS: requirement(_direct_url()),
    }
    data = {path: text.encode() for path, text in files.items()}
    with _tried(folder, data) as tried:
        finding = Finding(upstreams=upstreams(tried), pins=True)
        workspace = Workspace(tried, finding=finding)
        project = workspace.load((), ECOSYSTEMS)
        below = alone(workspace.files, workspace.files.below[-1])
        data |= _derived(workspace, project)
        found = _found(project, below, tuple(sorted(data)), notify)
        write_catalog(folder, data)
        _keep_fetched(tried, folder)
    return found


def _keep_fetched(tried: Path, folder: Path) -> None:
    """Move what was fetched of the catalogs below to where it is looked for from now on."""
    fetched = StateDir.of(tried).upstreams
    if fetched.is_dir() and fetched.is_relative_to(tried):
        kept = folder / fetched.relative_to(tried)
        kept.parent.mkdir(parents=True, exist_ok=True)
        fetched.rename(kept)


@contextlib.contextmanager
def _tried(folder: Path, files: Mapping[str, bytes]) -> Iterator[Path]:
    """Write files beside a folder, where they see other folders as they do from it."""
    parent = folder.absolute().parent
    made = [item for item in (parent, *parent.parents) if not item.exists()]
    parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=parent, prefix=".fork-") as path:
            for name, data in files.items():
                write(Path(path, name), data, lasting=False)
            yield Path(path)
    except BaseException:
        for item in made:
            item.rmdir()
        raise


def _matrix(fork: Fork, extends: Mapping[str, str]) -> str:
    major, minor = VERSION.split(".")[:2]
    said = ", ".join(f"{key}: {plain(value)}" for key, value in extends.items())
    lines = [
        "# What this catalog says otherwise than the one that it stands on.",
        f'builder: ">={major}.{minor},<{major}.{int(minor) + 1}"',
        f"extends: {{{said}}}",
        "catalog:",
        f"  name: {plain(fork.name)}",
        f"  registries: [{plain(fork.registry)}]  # the first is the one that charts name",
    ]
    if fork.registry == EMBEDDED:
        lines.append(f"  embedded: {address_of_embedded()}  # where that in build/ is served")
    if fork.ca:
        lines.append(f"network: {{ca: {plain(fork.ca)}}}")
    if fork.offer:
        lines.append(f"offer: {{charts: [{', '.join(map(plain, fork.offer))}]}}")
    return "\n".join(lines) + "\n"


def _derived(workspace: Workspace, project: Project) -> dict[str, bytes]:
    """Return the lock of a catalog, and its workflows: in them is nothing that is locked below."""
    lock = project.lock or Lock()
    workspace.write_lock(lock)
    system = CI_SYSTEMS.get(next(iter(CI_SYSTEMS.built_in)), catalog=workspace.root)
    return {
        lockfile.FILE: (workspace.root / lockfile.FILE).read_bytes(),
        **system.workflows(depth(project.expansion), lock.containers, follow=Follow()),
    }


def _found(project: Project, below: Project, paths: tuple[str, ...], notify: Notify) -> NewFork:
    """Return what there is to tell of a catalog: a plan is made, and no registry asked."""
    facts: dict[str, Any] = {
        "upstream": below.catalog.matrix.name,
        "paths": paths,
        "targets": len(project.expansion.targets),
        "charts": len(project.expansion.charts),
    }
    if below.lock is None or not below.lock.bases:
        return NewFork(**facts, alike=0, is_locked=False)
    app = App(project, Options(block_unlocked=True), notify=notify)
    prints = app.plan(offline=True, to_run=False).fingerprints
    others = App(below, app.options).fingerprints(below.lock)
    alike = sum(key in others and others[key].digest == prints[key].digest for key in prints)
    return NewFork(**facts, alike=alike, is_locked=True)


# The builder that the workflows of the new catalog install.


def requirement(direct_url: Mapping[str, Any] | None) -> str:
    """Return the text of requirements.txt: this builder, as `direct_url.json` (PEP 610) says.

    It is pinned by a commit or a hash, where pip knew one.
    """
    head = "# The builder, which the workflows install.\n"
    if direct_url is None:
        return f"{head}{_DISTRIBUTION}=={VERSION}\n"
    url = str(direct_url.get("url", ""))
    if vcs := direct_url.get("vcs_info"):
        return f"{head}{_DISTRIBUTION} @ {vcs['vcs']}+{url}@{vcs['commit_id']}\n"
    archive = direct_url.get("archive_info", {})
    hashes = archive.get("hashes", {})
    if url.startswith("https://") and "sha256" in hashes:
        # As part of the address: a `--hash` would ask for one of each package that it needs.
        return f"{head}{_DISTRIBUTION} @ {url}#sha256={hashes['sha256']}\n"
    return (
        f"{head}# The one that wrote this is of a folder, which no other machine has. Say where pip"
        f" gets it:\n# {_DISTRIBUTION} @ git+https://…@COMMIT\n"
    )


def _direct_url() -> Mapping[str, Any] | None:
    """Return where pip got this builder, None where it was an index."""
    try:
        text = distribution(_DISTRIBUTION).read_text("direct_url.json")
    except PackageNotFoundError:  # it runs from a folder that nobody installed
        return {}
    return json.loads(text) if text else None
