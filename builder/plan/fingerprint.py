"""The identity of a target's inputs.

A fingerprint is the sha256 of a canonical document, and a target whose fingerprint the registry
holds is never built again. What may change without a rebuild (registries, tags, mirrors, the
clock, tests, README) is therefore not in the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from builder.catalog.expansion import Expansion, own_values
from builder.catalog.ids import ValueId
from builder.catalog.models import Catalog, Recipe, RemoteFile, Target
from builder.catalog.recipe import URL, BuildVariables, build_variables, packages_of, remote_file
from builder.common.errors import BuilderError, raise_all
from builder.common.hashing import canonical, sha256
from builder.lock.lockfile import Lock
from builder.plan import fingerprint_document
from builder.plan.dockerfile import Dockerfile, DockerfileRenderer
from builder.plan.dockerfile_downloads import NETWORK
from builder.plan.fingerprint_document import PARTS, compare


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """`digest` is 64 hex digits; `document` is what it is the hash of.

    `variables` are what its recipe was rendered with, and `dockerfile` the outcome, of which the
    document has the text. `files` are those of the network that it is built with. `downloads` says
    which instructions of the Dockerfile download what no lock knows.
    """

    digest: str
    document: Mapping[str, Any]
    variables: BuildVariables
    dockerfile: Dockerfile
    files: tuple[RemoteFile, ...]
    is_locked: bool
    downloads: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """The tag of what was built from these inputs."""
        return f"fp-{self.digest[:32]}"

    @property
    def parts(self) -> dict[str, str]:
        """A short hash of each part, so that two can be compared without their documents."""
        return {part: sha256(canonical(self.document[part]))[:16] for part in PARTS}


def fingerprints(
    catalog: Catalog, expansion: Expansion, lock: Lock, renderer: DockerfileRenderer
) -> dict[str, Fingerprint]:
    """The fingerprint of every target, by id. Raises the mistakes of all templates together.

    A base that is not locked has no content: the planner refuses to build on it.
    """
    settings = {
        key: build_variables(target, catalog.matrix, lock.versions)
        for key, target in expansion.targets.items()
    }
    for key, layer in lock.package_sets.items():
        if key in settings:
            settings[key] = replace(settings[key], locked=tuple(layer.packages))
    dockerfiles = _dockerfiles(catalog, expansion, settings, renderer)
    found: dict[str, Fingerprint] = {}
    for target in expansion.targets.values():
        recipe, where = catalog.recipes[target.recipe], settings[target.id]
        base = lock.bases.get(target.parent)
        files = _files(target, recipe, where, expansion, lock)
        content = fingerprint_document.document(
            platform=target.platform,
            parent=found[target.parent].digest if not target.is_root
            else base.content if base else "",
            inputs={name: found[item].digest for name, item in target.inputs},
            dockerfile=dockerfiles[target.id].text,
            context=recipe.files,
            lock=_lock_part(target, recipe, where, expansion, lock, files),
        )  # fmt: skip
        found[target.id] = Fingerprint(
            digest=sha256(canonical(content)),
            document=content,
            variables=where,
            dockerfile=dockerfiles[target.id],
            files=files,
            is_locked=(is_locked := _is_locked(recipe, where)),
            downloads=tuple(
                item.said_of(recipe.dockerfile_path)
                for item in dockerfiles[target.id].downloads
                if item.source != NETWORK or is_locked  # else it is known already
            ),
        )
    return found


def _dockerfiles(
    catalog: Catalog,
    expansion: Expansion,
    settings: Mapping[str, BuildVariables],
    renderer: DockerfileRenderer,
) -> dict[str, Dockerfile]:
    """The Dockerfile of every target. Raises the mistakes of all templates together."""
    errors: dict[str, BuilderError] = {}
    rendered: dict[str, Dockerfile] = {}
    for key, target in expansion.targets.items():
        try:
            rendered[key] = renderer.render(catalog.recipes[target.recipe], settings[key])
        except BuilderError as error:
            errors.setdefault(str(error), error)
    raise_all(list(errors.values()))
    return rendered


def _files(
    target: Target, recipe: Recipe, where: BuildVariables, expansion: Expansion, lock: Lock
) -> tuple[RemoteFile, ...]:
    """The files of the network that a target is built with: of its lines, and of its packages."""
    base = expansion.base_of(target).id
    found: list[RemoteFile] = []
    for line in _own_lines(target, expansion):
        if line in lock.release_lines and line.axis in recipe.provides:
            found += lock.release_lines[line].files.get(base, ())
    urls = packages_of(recipe, where).get(URL, ())
    return (*found, *(remote_file(url, where.arch) for url in urls))


def _lock_part(
    target: Target,
    recipe: Recipe,
    where: BuildVariables,
    expansion: Expansion,
    lock: Lock,
    files: Sequence[RemoteFile],
) -> dict[str, Any]:
    """Return what the lock has for a target, and what is declared where the lock has nothing."""
    return fingerprint_document.lock_part(
        package_set=lock.package_sets.get(target.id),
        declared={
            ecosystem: names
            for ecosystem, names in packages_of(recipe, where).items()
            if ecosystem not in where.locked
        },
        versions={
            line: lock.versions[line]
            for line in _own_lines(target, expansion)
            if line in lock.versions
        },
        files=files,
    )


def _is_locked(recipe: Recipe, where: BuildVariables) -> bool:
    """Whether everything that a recipe installs is known to the byte."""
    return all(name in (*where.locked, URL) for name in packages_of(recipe, where))


def _own_lines(target: Target, expansion: Expansion) -> list[ValueId]:
    return [ValueId.of(*item) for item in own_values(target, expansion).items()]


def differences(
    old: Mapping[str, Fingerprint], new: Mapping[str, Fingerprint]
) -> dict[str, tuple[str, ...]]:
    """The targets of `new` that are not in `old` just so, and in which parts; none: it is new."""
    return {
        target: compare(old[target].parts, found.parts) if target in old else ()
        for target, found in new.items()
        if target not in old or old[target].digest != found.digest
    }
