"""The adapter of registries: it pushes images, moves tags, and stores artifacts.

skopeo moves images; everything else uses the OCI distribution API. Both use the credentials that
`podman login`, `skopeo login` or `docker login` left, and the network settings of the catalog.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from builder.catalog.models import Network
from builder.common.errors import StepError, TransientError
from builder.common.hashing import digest_of
from builder.common.limits import CONFIGURATION, read_json
from builder.common.process import Command, Runner
from builder.oci import layout as layouts
from builder.oci.image import ImageLayer
from builder.oci.manifest import INDEX, MANIFEST, Manifest
from builder.oci.reference import Reference, parse
from builder.registry.client import RegistryClient
from builder.registry.credentials import CredentialFiles
from builder.registry.distribution import NO_NETWORK, Distribution, check
from builder.registry.interfaces import Artifact, Blob, Part, Summary
from builder.registry.transfers import transfer

_TITLE = "org.opencontainers.image.title"
_LONGEST = 1800.0


class RegistryStore:
    """A Registry that uses plain HTTP on loopback, and HTTPS elsewhere.

    `enclose` makes a command keep its caches below the project's folder. One transfer may take
    `timeout` seconds.
    """

    def __init__(
        self,
        *,
        runner: Runner,
        skopeo: str,
        enclose: Callable[[Command], Command],
        timeout: float = _LONGEST,
        network: Network = NO_NETWORK,
        credentials: CredentialFiles | None = None,
    ) -> None:
        self._runner = runner
        self._enclose = enclose
        self._skopeo = skopeo
        self._timeout = min(timeout, _LONGEST)
        self._credentials = credentials or CredentialFiles(runner=runner)
        self._client = RegistryClient(
            Distribution(credentials=self._credentials, network=network, timeout=timeout)
        )

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return the tags of `registry/repository`, sorted; none where it does not exist."""
        return tuple(sorted(set(self._client.tags(parse(repository)))))

    def digest(self, reference: Reference) -> str | None:
        """Return the digest of a manifest, or None where there is none."""
        return self._client.digest(reference)

    def push(self, layout: Path, reference: Reference, parent: Reference | None = None) -> str:
        """Push an OCI layout unchanged; return the digest that the tag has afterwards.

        Blobs that the layout lacks are those of `parent`, which is in the same registry. The first
        push of a tag wins: if the tag exists, its digest is returned.
        """
        digest = self.digest(reference)
        if digest is None:
            missing = layouts.missing(layout)
            if parent is not None:
                self._mount(missing, layout, parent, reference)
            self._move(self.push_command(layout, reference), reference)
            digest = self.digest(reference)
        if digest is None:
            raise TransientError(f"{reference} is missing from the registry after the push")
        return digest

    def push_command(self, layout: Path, reference: Reference) -> Command:
        """Return the command with which `push` moves the layers."""
        return Command(
            argv=(
                self._skopeo, "copy", "--quiet", "--preserve-digests",
                *(["--dest-tls-verify=false"] if reference.is_loopback else []),
                f"oci:{layout}", f"docker://{reference}",
            ),
            timeout=self._timeout,
        )  # fmt: skip

    def export(self, reference: Reference, layout: Path, name: str) -> None:
        """Add an image, with the layers of its parents, to an OCI layout, tagged `name` there."""
        layout.parent.mkdir(parents=True, exist_ok=True)
        self._move(self.export_command(reference, layout, name), reference)

    def export_command(self, reference: Reference, layout: Path, name: str) -> Command:
        """Return the command with which `export` moves the layers."""
        return Command(
            argv=(
                self._skopeo, "copy", "--quiet", "--preserve-digests",
                *(["--src-tls-verify=false"] if reference.is_loopback else []),
                f"docker://{reference}", f"oci:{layout}:{name}",
            ),
            timeout=1800,
        )  # fmt: skip

    def copy(self, source: Reference, target: Reference) -> None:
        """Make `target` name the manifest of `source`; layers move only between repositories."""
        if source.name != target.name:
            if source.api == target.api:
                self._mount_all(source, target)
            self._move(self.copy_command(source, target), source, target)
            return
        manifest = self._client.present(source)
        self._client.put_manifest(target, manifest.content, manifest.kind)

    def _mount_all(self, source: Reference, target: Reference) -> None:
        """Let a repository have the blobs of an image of another one, where the registry lets it.

        They then do not travel through this machine. What is not mounted is copied.
        """
        manifest = self._client.manifest(source)
        if manifest is None or manifest.is_index:
            return
        for part in (manifest.config, *manifest.layers):
            if not self._client.mount(target, part["digest"], source):
                return

    def copy_command(self, source: Reference, target: Reference) -> Command:
        """Return the command with which `copy` moves layers between repositories."""
        return Command(
            argv=(
                self._skopeo, "copy", "--quiet", "--preserve-digests", "--all",
                *(["--src-tls-verify=false"] if source.is_loopback else []),
                *(["--dest-tls-verify=false"] if target.is_loopback else []),
                f"docker://{source}", f"docker://{target}",
            ),
            timeout=self._timeout,
        )  # fmt: skip

    def put(self, artifact: Artifact, reference: Reference) -> str:
        """Push an artifact; return its digest."""
        layers = []
        for title, blob in artifact.files.items():
            descriptor = self._client.put_blob(reference, blob)
            layers.append({**descriptor, "annotations": {**blob.annotations, _TITLE: title}})
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._client.put_blob(
                reference, Blob(kind=artifact.kind, data=artifact.config)
            ),
            "layers": layers,
            "annotations": dict(artifact.annotations),
        }
        body = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
        self._client.put_manifest(reference, body, MANIFEST)
        return digest_of(body)

    def get(self, reference: Reference) -> Artifact | None:
        """Return an artifact, or None where there is none."""
        manifest = self._client.manifest(reference)
        if manifest is None:
            return None
        files = {
            title: Blob(
                kind=layer["mediaType"],
                data=self._read(reference, layer),
                annotations=_annotations(manifest, layer),
            )
            for title, layer in _titled(manifest).items()
        }
        return Artifact(
            kind=manifest.config["mediaType"],
            config=self._read(reference, manifest.config),
            files=files,
            annotations=manifest.annotations,
        )

    def summary(self, reference: Reference) -> Summary | None:
        """Return an artifact without its content, in one request; None where there is none."""
        manifest = self._client.manifest(reference)
        if manifest is None:
            return None
        files = {
            title: _part(layer, _annotations(manifest, layer))
            for title, layer in _titled(manifest).items()
        }
        return Summary(config=_part(manifest.config), files=files)

    def content(self, reference: Reference, part: Part) -> bytes:
        """Return a part of an artifact, checked. Raises DamagedError if it is missing."""
        return self._client.blob(reference, part.digest, part.size)

    def layers(self, reference: Reference) -> tuple[ImageLayer, ...]:
        """Return the layers of an image, the lowest first. Raises StepError if it is missing."""
        manifest = self._client.present(reference)
        config = self._config(reference, manifest)
        try:
            return layouts.layers({"layers": manifest.layers}, config)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise manifest.wrong("its configuration does not describe its layers") from error

    def configs(self, reference: Reference) -> Mapping[str, Mapping[str, Any]]:
        """Return the configuration of an image, or of each image of an index, by digest.

        Empty where there is no such manifest.
        """
        manifest = self._client.manifest(reference)
        if manifest is None:
            return {}
        if not manifest.is_index:
            return {manifest.digest: self._config(reference, manifest)}
        configs: dict[str, Mapping[str, Any]] = {}
        for item in manifest.manifests:
            platform = item.get("platform")
            # A manifest for an unknown system is an attestation.
            if isinstance(platform, dict) and platform.get("os") == "unknown":
                continue
            image = reference.at(item["digest"])
            listed = self._client.manifest(image, item["size"])
            if listed is not None and listed.is_index:
                raise manifest.wrong("an index lists another index")
            configs |= {} if listed is None else {listed.digest: self._config(image, listed)}
        return configs

    def blob(self, reference: Reference, layer: ImageLayer, file: Path) -> None:
        """Write the blob of a layer to a file. Raises StepError unless it is there, as stated."""
        self._client.save_blob(reference, layer, file)

    def put_index(self, manifests: Mapping[str, str], repository: Reference) -> str:
        """Push an index, without a tag, of digests by platform; return its digest."""
        entries = []
        for platform, digest in manifests.items():
            manifest = self._client.present(repository.at(digest))
            entries.append((platform, digest, manifest.kind, len(manifest.content)))
        body = layouts.index(entries)
        self._client.put_manifest(repository.at(digest_of(body)), body, INDEX)
        return digest_of(body)

    def blobs(self, reference: Reference) -> dict[str, int]:
        """Return the size of each blob of a manifest, itself included; empty where it is gone."""
        manifest = self._client.manifest(reference)
        if manifest is None:
            return {}
        descriptors = [*manifest.layers, *manifest.manifests]
        descriptors += [] if manifest.is_index else [manifest.config]
        sizes = {item["digest"]: int(item["size"]) for item in descriptors}
        return {**sizes, manifest.digest: len(manifest.content)}

    def delete(self, reference: Reference) -> bool:
        """Remove a manifest by its digest, with all its tags; False where it is gone."""
        answer = self._client.delete(reference.at(reference.digest))
        if answer.code == 405:
            hint = (
                "docker-registry: set storage.delete.enabled; other registries have their own"
                " retention"
            )
            raise StepError(f"{reference.registry} deletes no manifests", hint=hint)
        if answer.code != 404:
            check(answer, str(reference))
        return answer.code != 404

    def untag(self, reference: Reference) -> bool:
        """Remove a tag; False where the registry cannot remove a single tag."""
        answer = self._client.delete(reference)
        if answer.code not in {400, 404, 405}:
            check(answer, str(reference))
        return answer.code not in {400, 405}

    def _mount(
        self, missing: Sequence[ImageLayer], layout: Path, parent: Reference, reference: Reference
    ) -> None:
        """Mount the blobs that a layout lacks from the parent's repository, or download them."""
        for layer in missing:
            if not self._client.mount(reference, layer.digest, parent):
                self.blob(parent, layer, layouts.blob(layout, layer.digest))

    def _move(self, command: Command, *references: Reference) -> None:
        """Run skopeo with the credentials of these references."""
        transfer(command, references, self._credentials, self._runner, self._enclose)

    def _read(self, reference: Reference, descriptor: Mapping[str, Any]) -> bytes:
        """Return the content that a descriptor names."""
        return self._client.blob(reference, descriptor["digest"], descriptor["size"])

    def _config(self, reference: Reference, manifest: Manifest) -> dict[str, Any]:
        """Return the configuration of an image. Raises StepError if it is not valid."""
        descriptor = manifest.config
        data = self._client.blob(reference, descriptor["digest"], descriptor["size"], CONFIGURATION)
        config = read_json(data, CONFIGURATION, "its configuration", error=manifest.wrong)
        if not isinstance(config, dict):
            raise manifest.wrong("its configuration is not a JSON object")
        return config


def _part(descriptor: Mapping[str, Any], annotations: Mapping[str, str] | None = None) -> Part:
    return Part(digest=descriptor["digest"], size=descriptor["size"], annotations=annotations or {})


def _titled(manifest: Manifest) -> dict[str, Mapping[str, Any]]:
    """Return the layers of an artifact by title; none is lost where several have the same."""
    titled: dict[str, Mapping[str, Any]] = {}
    for place, layer in enumerate(manifest.layers):
        title = manifest.annotations_of(layer).get(_TITLE, layer["digest"])
        titled[f"{title}#{place}" if title in titled else title] = layer
    return titled


def _annotations(manifest: Manifest, layer: Mapping[str, Any]) -> dict[str, str]:
    """Return the annotations of a layer, without its title."""
    texts = manifest.annotations_of(layer)
    return {key: text for key, text in texts.items() if key != _TITLE}
