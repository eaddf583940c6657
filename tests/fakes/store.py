"""Registries in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from builder.common.errors import DamagedError, StepError
from builder.common.hashing import digest_of
from builder.oci.image import ImageLayer
from builder.oci.layout import blob, config_in, entry, layers_in, read
from builder.oci.reference import Reference
from builder.registry.interfaces import Artifact, Part, Summary
from tests.fakes.calls import Calls
from tests.fakes.layout import add_manifest, read_digest

WRITES = frozenset({"push", "copy", "put", "put_index", "delete", "untag"})


class Crash(Exception):
    """The process is gone. Nothing of the builder knows or catches this."""


class FakeStore(Calls):
    """`named` maps a reference with its tag to a digest; `artifacts` the name at a digest.

    With `crash_after(n)` the process dies once the n-th write is done: that call and all that
    follow raise `Crash`, until `revive`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.named: dict[str, str] = {}
        self.artifacts: dict[str, Artifact | None] = {}
        self.known_layers: dict[str, tuple[ImageLayer, ...]] = {}
        self._configs: dict[str, Mapping[str, Any]] = {}
        self._blobs: dict[str, bytes] = {}
        self._members: dict[str, tuple[str, ...]] = {}  # what an index names
        self.removes_tags = False
        """Whether it removes a tag by itself."""
        self._left: int | None = None

    def twin(self) -> FakeStore:
        """Return a registry with the same content, which was asked for nothing yet."""
        other = FakeStore()
        for name, value in vars(self).items():
            if isinstance(value, dict):
                setattr(other, name, dict(value))
        return other

    def tags(self, repository: str) -> tuple[str, ...]:
        """The tags of `registry/repository`, sorted."""
        with self._guard:
            self._ask("tags", repository)
            found = [key.removeprefix(f"{repository}:") for key in self.named]
            return tuple(sorted(tag for tag in found if "/" not in tag))

    def digest(self, reference: Reference) -> str | None:
        """The digest of a manifest, or None."""
        with self._guard:
            self._ask("digest", reference)
            return self._find(reference)

    def push(self, layout: Path, reference: Reference, parent: Reference | None = None) -> str:
        """The first push of a tag wins."""
        with self._guard:
            self._ask("push", reference)
            if first := self.named.get(str(reference)):
                self._written()
                return first
            digest = read_digest(layout)
            self.known_layers.setdefault(digest, layers_in(layout))
            self._configs.setdefault(digest, config_in(layout))
            self._keep_description(layout)
            for layer in layers_in(layout):
                if (file := blob(layout, layer.digest)).exists():
                    self._blobs[layer.digest] = file.read_bytes()
                elif layer.digest not in self._blobs or parent is None:
                    raise StepError(f"{layout} lacks {layer.digest}")
            self._name(reference, digest, self.artifacts.get(f"{reference.name}@{digest}"))
            self._written()
            return digest

    def copy(self, source: Reference, target: Reference) -> None:
        """Make `target` name the manifest of `source`."""
        with self._guard:
            self._ask("copy", f"{source} {target}")
            digest = self._find(source)
            if digest is None:
                raise StepError(f"{source} is not in the registry")
            self._name(target, digest, self.artifacts[f"{source.name}@{digest}"])
            self._written()

    def put(self, artifact: Artifact, reference: Reference) -> str:
        """Push an artifact."""
        with self._guard:
            self._ask("put", reference)
            text = repr((artifact.kind, artifact.config, sorted(artifact.files.items())))
            text += repr(sorted(artifact.annotations.items()))
            digest = f"sha256:{sha256(text.encode()).hexdigest()}"
            self._name(reference, digest, artifact)
            self._written()
            return digest

    def get(self, reference: Reference) -> Artifact | None:
        """An artifact, or None."""
        with self._guard:
            self._ask("get", reference)
            digest = self._find(reference)
            return self.artifacts[f"{reference.name}@{digest}"] if digest else None

    def summary(self, reference: Reference) -> Summary | None:
        """An artifact without its content, or None."""
        with self._guard:
            self._ask("summary", reference)
            digest = self._find(reference)
            artifact = self.artifacts[f"{reference.name}@{digest}"] if digest else None
            if artifact is None:
                return None
            files = {
                title: _part(blob.data, blob.annotations) for title, blob in artifact.files.items()
            }
            return Summary(config=_part(artifact.config), files=files)

    def content(self, reference: Reference, part: Part) -> bytes:
        """A part of an artifact."""
        with self._guard:
            self._ask("content", f"{reference} {part.digest}")
            artifact = self.artifacts.get(f"{reference.name}@{self._find(reference)}")
            if artifact is not None:
                for data in (artifact.config, *(blob.data for blob in artifact.files.values())):
                    if digest_of(data) == part.digest:
                        return data
            raise DamagedError(f"{reference} has no blob {part.digest}")

    def layers(self, reference: Reference) -> tuple[ImageLayer, ...]:
        """The layers of an image that was pushed here."""
        with self._guard:
            self._ask("layers", reference)
            return self.known_layers[self._held(reference)]

    def configs(self, reference: Reference) -> Mapping[str, Mapping[str, Any]]:
        """What was pushed here, or put."""
        with self._guard:
            self._ask("configs", reference)
            digest = self._find(reference)
            if digest is None:
                return {}
            artifact = self.artifacts[f"{reference.name}@{digest}"]
            if artifact is not None:
                return {digest: json.loads(artifact.config)}
            members = self._members.get(digest, (digest,))
            if missing := [item for item in members if item not in self._configs]:
                raise DamagedError(f"{reference} has no configuration of {missing[0]}")
            return {item: self._configs[item] for item in members}

    def export(self, reference: Reference, layout: Path, name: str) -> None:
        """Write an image that was pushed here to a layout, under a name."""
        with self._guard:
            self._ask("export", reference)
            digest = self._held(reference)
            config = json.loads(self._blobs[digest])["config"]["digest"]
            layers = (layer.digest for layer in self.known_layers[digest])
            for item in (digest, config, *layers):
                file = blob(layout, item)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(self._blobs[item])
            add_manifest(layout, digest, len(self._blobs[digest]), name)

    def blob(self, reference: Reference, layer: ImageLayer, file: Path) -> None:
        """A layer of an image that was pushed here."""
        with self._guard:
            self._ask("blob", f"{reference} {layer.digest}")
            data = self._blobs.get(layer.digest)
            if data is None or len(data) != layer.size:
                raise StepError(f"{reference} has no blob {layer.digest} of {layer.size} bytes")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)

    def put_index(self, manifests: Mapping[str, str], repository: Reference) -> str:
        """Push an index of manifests that are there."""
        with self._guard:
            self._ask("put_index", repository)
            for digest in manifests.values():
                if self._find(repository.at(digest)) is None:
                    raise StepError(f"{repository.at(digest)} is not in the registry")
            text = repr(sorted(manifests.items()))
            digest = f"sha256:{sha256(text.encode()).hexdigest()}"
            self.artifacts[f"{repository.name}@{digest}"] = None
            self._members[digest] = tuple(manifests.values())
            self._written()
            return digest

    def blobs(self, reference: Reference) -> dict[str, int]:
        """What a manifest names; it is 500 bytes itself, and what an artifact holds 100 each."""
        with self._guard:
            self._ask("blobs", reference)
            digest = self._find(reference)
            if digest is None:
                return {}
            found = dict.fromkeys((digest, *self._members.get(digest, ())), 500)
            found |= {layer.digest: layer.size for layer in self.known_layers.get(digest, ())}
            artifact = self.artifacts[f"{reference.name}@{digest}"]
            return found | {repr(file): 100 for file in (artifact.files if artifact else {})}

    def delete(self, reference: Reference) -> bool:
        """Remove a manifest, with all its tags."""
        with self._guard:
            self._ask("delete", reference)
            name = f"{reference.name}@{reference.digest}"
            if name not in self.artifacts:
                return False
            del self.artifacts[name]
            held = self.tags(reference.name)
            for tag in (str(reference.with_tag(tag)) for tag in held):
                if self.named[tag] == reference.digest:
                    del self.named[tag]
            self._written()
            return True

    def untag(self, reference: Reference) -> bool:
        """Remove a tag, if it does that."""
        with self._guard:
            self._ask("untag", reference)
            if self.removes_tags and self.named.pop(str(reference), None):
                self._written()
            return self.removes_tags

    def hold(self, other: FakeStore) -> None:
        """Pin what another does, and nothing else."""
        self.named, self.artifacts = dict(other.named), dict(other.artifacts)
        self.known_layers, self._members = dict(other.known_layers), dict(other._members)
        self._configs, self._blobs = dict(other._configs), dict(other._blobs)

    def know(
        self, configs: Mapping[str, Mapping[str, Any]], members: Mapping[str, tuple[str, ...]]
    ) -> None:
        """Take over what is known of images and indexes, by digest."""
        self._configs, self._members = dict(configs), dict(members)

    def crash_after(self, writes: int) -> None:
        """Die after this many writes."""
        self._left = writes

    def revive(self) -> None:
        """A new process, on what the old one left."""
        self._left = None

    @property
    def writes(self) -> list[tuple[str, str]]:
        """The calls that change something."""
        return [call for call in self.calls if call[0] in WRITES]

    def _keep_description(self, layout: Path) -> None:
        """Keep the manifest and the configuration of a layout as they are."""
        manifest = entry(layout)["digest"]
        for digest in (manifest, read(layout, manifest)["config"]["digest"]):
            self._blobs[digest] = blob(layout, digest).read_bytes()

    def _find(self, reference: Reference) -> str | None:
        if reference.digest:
            known = f"{reference.name}@{reference.digest}" in self.artifacts
            return reference.digest if known else None
        return self.named.get(str(reference))

    def _held(self, reference: Reference) -> str:
        digest = self._find(reference)
        if digest is None:
            raise StepError(f"{reference} is not in the registry")
        return digest

    def _name(self, reference: Reference, digest: str, artifact: Artifact | None) -> None:
        self.named[str(reference)] = digest
        self.artifacts[f"{reference.name}@{digest}"] = artifact
        for member in self._members.get(digest, ()):
            self.artifacts.setdefault(f"{reference.name}@{member}", None)

    def _ask(self, method: str, subject: object) -> None:
        if self._left is not None and self._left <= 0:
            raise Crash
        self._call(method, subject)

    def _written(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                raise Crash


def _part(data: bytes, annotations: Mapping[str, str] | None = None) -> Part:
    return Part(digest=digest_of(data), size=len(data), annotations=annotations or {})
