"""Lists the components of a target: its own, and those of its lineage and its inputs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from builder.catalog.ecosystem import Ecosystems, rules_of
from builder.catalog.expansion import Expansion, own_values
from builder.catalog.ids import ValueId
from builder.catalog.models import Base, Catalog, Target
from builder.catalog.packages import LockedPackage, PackageIdentity, PackageSurroundings
from builder.lock.lockfile import BaseLock, Lock
from builder.oci.reference import Reference
from builder.sbom import dpkg
from builder.sbom.model import BASE, INPUT, LOCK, Component, Contained, Sbom
from builder.sbom.purl import deb_source, file_purl, image_purl, purl_of, source_purl

_NO_STATUS = "its package status is not on this machine"
_NO_DPKG = "it has no package status"
BaseStatus = Callable[[Base], str | None]
"""Returns the package status of a base, or None where it is not at hand."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """What is known of the image of a target beside the lock: it may not be built yet."""

    reference: Reference
    fingerprint: str
    digest: str = ""


class Lineages:
    """Makes the documents of targets: what they share is listed once.

    `made` are the images by target id; `status` reads the package status of a base.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        expansion: Expansion,
        lock: Lock,
        made: Mapping[str, Made],
        status: BaseStatus,
    ) -> None:
        self._catalog = catalog
        self._expansion = expansion
        self._lock = lock
        self._made = made
        self._status = status
        self._own: dict[str, tuple[Component, ...]] = {}
        self._bases: dict[str, tuple[tuple[Component, ...], Mapping[str, tuple[str, ...]]]] = {}
        self._unknown: dict[str, str] = {}

    def sbom(self, target: Target, *, is_flat: bool = True) -> Sbom:
        """Return the document of a target; with all of its lineage and inputs, if it is flat."""
        base = self._expansion.base_of(target)
        subject = self._image(target)
        found, edges = self._own_part(target), dict[str, tuple[str, ...]]()
        edges[subject.purl] = tuple(item.purl for item in found)
        if is_flat:
            for ancestor in self._expansion.lineage(target)[:-1]:
                self._add(ancestor, LOCK, found, edges)
            for key in self._inputs(target):
                self._add(self._expansion.targets[key], INPUT, found, edges)
            packages, needs = self._base(base)
            found += packages
            edges |= needs
        parents = (target.parent, *(key for _, key in target.inputs))
        images = [self._expansion.targets[key] for key in parents if key in self._expansion.targets]
        above = [self._image(image) for image in images]
        edges[subject.purl] += tuple(item.purl for item in above)
        if not is_flat:
            found += above
        unknown = {
            key: why
            for key, why in self._unknown.items()
            if key in (base.id, *(item.id for item in self._expansion.lineage(target)))
        }
        return Sbom(
            subject=subject,
            identity=(self._made[target.id].digest or self._made[target.id].fingerprint),
            epoch=self._lock.epoch(target.made_id, base.id),
            components=_sorted(found),
            edges={key: tuple(sorted(set(edges[key]))) for key in sorted(edges) if edges[key]},
            unknown=unknown if is_flat else {},
        )

    def contained(self, targets: Iterable[str]) -> tuple[Contained, ...]:
        """Return all that images of these targets contain, each package once; no images."""
        holders: dict[str, list[str]] = {}
        for key in targets:
            target = self._expansion.targets[key]
            owners = [item.id for item in self._expansion.lineage(target)]
            base = self._expansion.base_of(target).id
            for owner in (*owners, *self._inputs(target), base):
                holders.setdefault(owner, []).append(key)
        found: dict[str, tuple[Component, set[str], set[str]]] = {}
        for owner, having in holders.items():
            for item in self._brought(owner):
                _, brought, owned = found.setdefault(item.purl, (item, set(), set()))
                brought.add(owner)
                owned.update(having)
        return tuple(
            Contained(
                component=found[purl][0],
                brought_by=tuple(sorted(found[purl][1])),
                targets=tuple(sorted(found[purl][2])),
            )
            for purl in sorted(found)
        )

    def _brought(self, owner: str) -> Iterable[Component]:
        """Return what an image or a base brings, by its id."""
        if owner in self._expansion.bases:
            return self._base(self._expansion.bases[owner])[0]
        return self._own_part(self._expansion.targets[owner])

    def _add(
        self,
        target: Target,
        evidence: str,
        found: list[Component],
        edges: dict[str, tuple[str, ...]],
    ) -> None:
        """Add an image and what it adds."""
        image, own = self._image(target), self._own_part(target)
        found += [image, *(replace(item, evidence=evidence) for item in own)]
        above = [key for key in (target.parent,) if key in self._expansion.targets]
        edges[image.purl] = (
            *(item.purl for item in own),
            *(self._image(self._expansion.targets[key]).purl for key in above),
        )

    def _inputs(self, target: Target) -> list[str]:
        """Return the ids of the inputs of a lineage, and of their lineages, each once."""
        lineage = [item.id for item in self._expansion.lineage(target)]
        found: dict[str, None] = {}
        left = [key for item in lineage for _, key in self._expansion.targets[item].inputs]
        while left:
            key = left.pop()
            if key in found or key in lineage:
                continue
            found[key] = None
            item = self._expansion.targets[key]
            left += [key for _, key in item.inputs]
            left += [item.parent] if not item.is_root else []
        return sorted(found)

    def _image(self, target: Target) -> Component:
        made = self._made[target.id]
        tag = f"fp-{made.fingerprint[:32]}"
        return Component(
            purl=image_purl(made.reference, made.digest, tag),
            name=target.id,
            version=made.digest or tag,
            evidence=LOCK,
            brought_by=target.id,
            kind="container",
            hashes=(made.digest,) if made.digest else (),
        )

    def _own_part(self, target: Target) -> list[Component]:
        if target.id not in self._own:
            if target.is_mirrored:
                self._unknown[target.id] = "it is an upstream's image, of which no lock exists"
            self._own[target.id] = (*self._packages(target), *self._files(target))
        return list(self._own[target.id])

    def _packages(self, target: Target) -> Iterator[Component]:
        base = self._expansion.base_of(target)
        surroundings = PackageSurroundings(
            suite=_suite(self._lock.bases.get(base.id)),
            architecture=target.platform.rpartition("/")[2],
        )
        package_set = self._lock.package_sets.get(target.made_id)
        for ecosystem, packages in package_set.packages.items() if package_set else ():
            yield from _locked(
                ecosystem, packages, self._catalog.ecosystems, surroundings, target.id
            )

    def _files(self, target: Target) -> Iterator[Component]:
        """Yield the files that the target's own release lines come in."""
        base, recipe = self._expansion.base_of(target), self._catalog.recipes[target.recipe]
        lines = self._lock.lines_of(target.variant.values)
        for axis, value in own_values(target, self._expansion).items():
            line = self._lock.release_lines.get(ValueId.of(axis, value))
            if line is None or axis not in recipe.provides:
                continue
            version = lines.versions.get(ValueId.of(axis, value), "")
            for file in line.files.get(base.id, ()):
                yield Component(
                    purl=file_purl(file, axis, version),
                    name=axis,
                    version=version,
                    evidence=LOCK,
                    brought_by=target.id,
                    kind="application",
                    hashes=(f"sha256:{file.sha256}",),
                    location=file.url,
                )

    def _base(self, base: Base) -> tuple[tuple[Component, ...], Mapping[str, tuple[str, ...]]]:
        """Return the packages of a base, and what each needs."""
        if base.id not in self._bases:
            status = self._status(base)
            if not status:
                self._unknown[base.id] = _NO_STATUS if status is None else _NO_DPKG
            suite = _suite(self._lock.bases.get(base.id))
            self._bases[base.id] = of_status(status or "", suite, base.id)
        return self._bases[base.id]


def of_status(
    status: str, suite: str, brought_by: str
) -> tuple[tuple[Component, ...], Mapping[str, tuple[str, ...]]]:
    """Return the packages of a package status, and what each needs of the others."""
    packages = list(dpkg.installed(status))
    purls = {item.name: purl_of(item.identity(suite)) for item in packages}
    components = tuple(
        Component(
            purl=purls[item.name],
            name=item.name,
            version=item.version,
            evidence=BASE,
            brought_by=brought_by,
            supplier=item.maintainer,
            source_purl=deb_source(item.source, item.source_version, item.identity(suite)),
        )
        for item in packages
    )
    needs = {
        purls[item.name]: tuple(purls[name] for name in item.needs if name in purls)
        for item in packages
    }
    return components, needs


def _locked(
    ecosystem: str,
    packages: Mapping[str, LockedPackage],
    ecosystems: Ecosystems,
    surroundings: PackageSurroundings,
    target: str,
) -> Iterator[Component]:
    rules = rules_of(ecosystem, ecosystems)
    for name, package in packages.items():
        identity = rules.identity(name, package, surroundings)
        if identity is None:
            continue
        yield Component(
            purl=purl_of(identity),
            name=_name(identity),
            version=package.version,
            evidence=LOCK,
            brought_by=target,
            hashes=(package.digest,),
            source_purl=source_purl(identity, package),
            location=rules.url_of(package) if rules.url_of else package.file,
            size=package.size,
        )


def _name(identity: PackageIdentity) -> str:
    is_plain = not identity.namespace or identity.type == "deb"
    return identity.name if is_plain else f"{identity.namespace}/{identity.name}"


def _suite(base: BaseLock | None) -> str:
    """Return the suite of a base after which its others are named."""
    if base is None:
        return ""
    return min(base.suites, key=len, default="") or str(base.source.value).rpartition(":")[2]


def _sorted(components: list[Component]) -> tuple[Component, ...]:
    """Return components by package URL, each once: what is known first stays."""
    unique: dict[str, Component] = {}
    for component in components:
        unique.setdefault(component.purl, component)
    return tuple(unique[purl] for purl in sorted(unique))
