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
from builder.catalog.package_shape import is_former
from builder.catalog.recipe import URL, BuildVariables, build_variables, packages_of, remote_file
from builder.common.errors import BuilderError, raise_all
from builder.common.hashing import canonical, sha256
from builder.lock.lockfile import Lock, PackageSet
from builder.plan import fingerprint_document
from builder.plan.dockerfile import MIRRORED, Dockerfile, DockerfileRenderer
from builder.plan.dockerfile_downloads import NETWORK
from builder.plan.fingerprint_document import PARTS, compare


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """The fingerprint of a target: `digest` is the sha256 of `document`, as 64 hex digits.

    The recipe was rendered with `variables` to `dockerfile`, whose text is in the document.
    `files` are downloaded for the build. `downloads` describes what downloads something that is
    not locked: instructions of the Dockerfile, and what the recipe says of itself.
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
        """The tag of the image that is built from these inputs."""
        return f"fp-{self.digest[:32]}"

    @property
    def is_offline(self) -> bool:
        """Whether all that the build installs is locked, so that it needs no network."""
        return self.is_locked and not self.downloads

    @property
    def parts(self) -> dict[str, str]:
        """A short hash of each part, to compare fingerprints without their documents."""
        return {part: sha256(canonical(self.document[part]))[:16] for part in PARTS}


def fingerprints(
    catalog: Catalog, expansion: Expansion, lock: Lock, renderer: DockerfileRenderer
) -> dict[str, Fingerprint]:
    """Return the fingerprint of every target by id. Raises the errors of all templates together.

    A base that is not locked has no content: the planner refuses to build on it.
    """
    variables_by_target = _variables(catalog, expansion, lock)
    dockerfiles = _dockerfiles(catalog, expansion, variables_by_target, renderer)
    computed: dict[str, Fingerprint] = {}
    for target in expansion.targets.values():
        recipe, variables = catalog.recipes[target.recipe], variables_by_target[target.id]
        base = lock.bases.get(target.parent)
        files = _files(target, recipe, variables, expansion, lock)
        content = fingerprint_document.document(
            platform=target.platform,
            parent=computed[target.parent].digest if not target.is_root
            else base.content if base else "",
            inputs={name: computed[target_id].digest for name, target_id in target.inputs},
            dockerfile=dockerfiles[target.id].text,
            context=() if target.is_mirrored else recipe.files,
            lock=_lock_part(target, recipe, variables, expansion, lock, files),
        )  # fmt: skip
        computed[target.id] = Fingerprint(
            digest=sha256(canonical(content)),
            document=content,
            variables=variables,
            dockerfile=dockerfiles[target.id],
            files=files,
            is_locked=(
                is_locked := _is_locked(recipe, variables, lock.package_sets.get(target.made_id))
            ),
            downloads=_downloads(recipe, dockerfiles[target.id], is_locked=is_locked),
        )
    return computed


def _variables(catalog: Catalog, expansion: Expansion, lock: Lock) -> dict[str, BuildVariables]:
    """Return what the template of every target may use, by the id of the target."""
    variables = {}
    for key, target in expansion.targets.items():
        lines = lock.lines_of(target.variant.values)
        variables[key] = build_variables(target, catalog.matrix, lines.versions, lines.providers)
        if package_set := lock.package_sets.get(target.made_id):
            inherited = tuple(name for name, own in package_set.packages.items() if not own)
            variables[key] = replace(
                variables[key], locked=tuple(package_set.packages), inherited=inherited
            )
    return variables


def _dockerfiles(
    catalog: Catalog,
    expansion: Expansion,
    variables_by_target: Mapping[str, BuildVariables],
    renderer: DockerfileRenderer,
) -> dict[str, Dockerfile]:
    """Return the Dockerfile of every target. Raises the errors of all templates together."""
    errors: dict[str, BuilderError] = {}
    rendered: dict[str, Dockerfile] = {}
    for key, target in expansion.targets.items():
        try:
            rendered[key] = (
                MIRRORED
                if target.is_mirrored
                else renderer.render(catalog.recipes[target.recipe], variables_by_target[key])
            )
        except BuilderError as error:
            errors.setdefault(str(error), error)
    raise_all(list(errors.values()))
    return rendered


def _files(
    target: Target, recipe: Recipe, variables: BuildVariables, expansion: Expansion, lock: Lock
) -> tuple[RemoteFile, ...]:
    """Return the files to download for a target: those of release lines and of packages."""
    base = expansion.base_of(target).id
    files: list[RemoteFile] = []
    for release_line in _own_lines(target, expansion):
        if release_line in lock.release_lines and release_line.axis in recipe.provides:
            files += lock.release_lines[release_line].files.get(base, ())
    urls = packages_of(recipe, variables).get(URL, ())
    return (*files, *(remote_file(url, variables.arch) for url in urls))


def _lock_part(
    target: Target,
    recipe: Recipe,
    variables: BuildVariables,
    expansion: Expansion,
    lock: Lock,
    files: Sequence[RemoteFile],
) -> dict[str, Any]:
    """Return the part `lock` of the document: locked packages, and declared ones without a lock."""
    versions = lock.lines_of(target.variant.values).versions
    return fingerprint_document.lock_part(
        package_set=lock.package_sets.get(target.made_id),
        declared={
            ecosystem: names
            for ecosystem, names in packages_of(recipe, variables).items()
            if ecosystem not in variables.locked
        },
        versions={
            release_line: versions[release_line]
            for release_line in _own_lines(target, expansion)
            if release_line in versions
        },
        files=files,
    )


def _downloads(recipe: Recipe, dockerfile: Dockerfile, *, is_locked: bool) -> tuple[str, ...]:
    """Describe what a build downloads that is not locked."""
    paths = (recipe.dockerfile_path, *recipe.appended)
    found = [
        download.describe(paths)
        for download in dockerfile.downloads
        if download.source != NETWORK or is_locked  # else `is_locked` says so already
    ]
    if recipe.network:
        found.append(f"its recipe needs a network: {recipe.network}")
    return tuple(found)


def _is_locked(recipe: Recipe, variables: BuildVariables, package_set: PackageSet | None) -> bool:
    """Whether every package of a recipe is locked, by a hash that is trusted."""
    locked = package_set.packages if package_set else {}
    if any(is_former(package) for owned in locked.values() for package in owned.values()):
        return False
    return all(name in (*variables.locked, URL) for name in packages_of(recipe, variables))


def _own_lines(target: Target, expansion: Expansion) -> list[ValueId]:
    return [ValueId.of(*axis_value) for axis_value in own_values(target, expansion).items()]


def differences(
    old: Mapping[str, Fingerprint], new: Mapping[str, Fingerprint]
) -> dict[str, tuple[str, ...]]:
    """Return the changed parts of each target of `new` that differs from `old`; () if it is new."""
    return {
        target: compare(old[target].parts, fingerprint.parts) if target in old else ()
        for target, fingerprint in new.items()
        if target not in old or old[target].digest != fingerprint.digest
    }
