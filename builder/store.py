"""Registries: what is there, images in, tags, and artifacts beside images.

Images move with skopeo, which knows how; everything else speaks the OCI distribution API through
oras, which does the authentication. Credentials are those of `docker login` or `podman login`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests

from builder.distribution import Distribution, check, short
from builder.engines import layout as layouts
from builder.errors import StepError, TransientError
from builder.model import ImageLayer
from builder.ports import Artifact, Blob
from builder.process import Command, Runner
from builder.reference import Reference
from builder.registry_client import MANIFEST, RegistryClient, digest_of

_TITLE = "org.opencontainers.image.title"
_PIECE = 1 << 20
_LONGEST = 1800.0


class RegistryStore:
    """Registries by name; those on loopback are spoken to in plain HTTP.

    `enclose` has a command keep what it writes besides its work below the project's folder.
    `timeout` is the seconds that one transfer may take.
    """

    def __init__(
        self,
        *,
        runner: Runner,
        skopeo: str,
        enclose: Callable[[Command], Command],
        timeout: float = _LONGEST,
    ) -> None:
        self._runner = runner
        self._enclose = enclose
        self._skopeo = skopeo
        self._timeout = min(timeout, _LONGEST)
        self._api = Distribution(timeout)
        self._client = RegistryClient(self._api)

    def tags(self, repository: str) -> tuple[str, ...]:
        """The tags of `registry/repository`, sorted; none where it does not exist."""
        registry, _, name = repository.partition("/")
        url: str | None = f"/v2/{name}/tags/list?n=1000"
        found: list[str] = []
        while url:
            response = self._api.ask(registry, name, "GET", url)
            if response.status_code == 404:
                break
            check(response, repository)
            found += response.json().get("tags") or []
            following = response.links.get("next", {}).get("url")
            url = following[following.index("/v2/") :] if following else None
        return tuple(sorted(set(found)))

    def digest(self, reference: Reference) -> str | None:
        """The digest of a manifest, or None where there is none."""
        response = self._client.manifest(reference, "HEAD")
        if response is None:
            return None
        return response.headers.get("Docker-Content-Digest")

    def push(self, layout: Path, reference: Reference, parent: Reference | None = None) -> str:
        """Push an OCI layout as it is; the digest that the tag has afterwards.

        Blobs that the layout lacks are those of `parent`, which is in the same registry. The first
        push of an immutable tag wins: where the tag is there, its digest is adopted.
        """
        held = self.digest(reference)
        if held is None:
            if parent is not None:
                self._lend(layout, parent, reference)
            self._runner.run(self._enclose(self.push_command(layout, reference)))
            held = self.digest(reference)
        if held is None:
            raise TransientError(f"{reference} is not there after it was pushed")
        return held

    def push_command(self, layout: Path, reference: Reference) -> Command:
        """How `push` moves the layers."""
        return Command(
            argv=(
                self._skopeo, "copy", "--quiet", "--preserve-digests",
                *(["--dest-tls-verify=false"] if reference.is_loopback else []),
                f"oci:{layout}", f"docker://{reference}",
            ),
            timeout=self._timeout,
        )  # fmt: skip

    def export(self, reference: Reference, layout: Path, name: str) -> None:
        """Add an image, with all that it stands on, to an OCI layout, under a name there."""
        layout.parent.mkdir(parents=True, exist_ok=True)
        self._runner.run(self._enclose(self.export_command(reference, layout, name)))

    def export_command(self, reference: Reference, layout: Path, name: str) -> Command:
        """How `export` moves the layers."""
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
            self._runner.run(self._enclose(self.copy_command(source, target)))
            return
        if (response := self._client.manifest(source, "GET")) is None:
            raise StepError(f"{source} is not in the registry")
        self._client.put_manifest(target, response.content, response.headers["Content-Type"])

    def copy_command(self, source: Reference, target: Reference) -> Command:
        """How `copy` moves layers between repositories."""
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
        """Push an artifact; its digest."""
        layers = []
        for title, blob in artifact.files.items():
            descriptor = self._client.put_blob(reference, blob)
            layers.append({**descriptor, "annotations": {_TITLE: title}})
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
        """An artifact, or None where there is none."""
        response = self._client.manifest(reference, "GET")
        if response is None:
            return None
        manifest = response.json()
        files = {
            layer.get("annotations", {}).get(_TITLE, layer["digest"]): Blob(
                kind=layer["mediaType"], data=self._client.blob(reference, layer["digest"])
            )
            for layer in manifest.get("layers", [])
        }
        return Artifact(
            kind=manifest["config"]["mediaType"],
            config=self._client.blob(reference, manifest["config"]["digest"]),
            files=files,
            annotations=manifest.get("annotations") or {},
        )

    def layers(self, reference: Reference) -> tuple[ImageLayer, ...]:
        """The layers of an image, the lowest first. Raises StepError where it is not there."""
        return layouts.layers(*self._client.described(reference))

    def configs(self, reference: Reference) -> Mapping[str, Mapping[str, Any]]:
        """The configuration of an image, or of each of an index, by digest; empty: not there."""
        if (response := self._client.manifest(reference, "GET")) is None:
            return {}
        manifest = response.json()
        if "manifests" not in manifest:
            config = json.loads(self._client.blob(reference, manifest["config"]["digest"]))
            return {digest_of(response.content): config}
        found: dict[str, Mapping[str, Any]] = {}
        for item in manifest["manifests"]:
            if item.get("platform", {}).get("os") != "unknown":  # such is an attestation
                found |= self.configs(reference.at(item["digest"]))
        return found

    def blob(self, reference: Reference, digest: str, file: Path) -> None:
        """Write a blob of an image to a file. Raises StepError where it is not there."""
        partial = file.with_name(file.name + ".part")
        file.parent.mkdir(parents=True, exist_ok=True)
        response = self._client.open_blob(reference, digest)
        summed = hashlib.sha256()
        try:
            with partial.open("wb") as stream:
                for piece in response.iter_content(_PIECE):
                    summed.update(piece)
                    stream.write(piece)
        except requests.RequestException as error:
            raise TransientError(f"{reference}: blob {digest}: {short(error)}") from error
        if f"sha256:{summed.hexdigest()}" != digest:
            raise TransientError(f"{reference}: blob {digest} arrived damaged")
        partial.rename(file)

    def put_index(self, manifests: Mapping[str, str], place: Reference) -> str:
        """Push an index of the digests, by platform, that `place` has; its digest."""
        entries = []
        for platform, digest in manifests.items():
            if (found := self._client.manifest(place.at(digest), "GET")) is None:
                raise StepError(f"{place.at(digest)} is not in the registry")
            kind = found.headers["Content-Type"]
            entries.append((platform, digest, kind, len(found.content)))
        body = layouts.index(entries)
        self._client.put_manifest(place.at(digest_of(body)), body, layouts.INDEX)
        return digest_of(body)

    def blobs(self, reference: Reference) -> dict[str, int]:
        """What a manifest names, itself included: digest to bytes; nothing where it is gone."""
        if (response := self._client.manifest(reference, "GET")) is None:
            return {}
        manifest = response.json()
        named = [
            manifest.get("config"),
            *manifest.get("layers", ()),
            *manifest.get("manifests", ()),
        ]
        found = {item["digest"]: int(item["size"]) for item in named if item}
        return {**found, digest_of(response.content): len(response.content)}

    def delete(self, reference: Reference) -> bool:
        """Remove a manifest by its digest, with all its tags; False where it is gone."""
        response = self._client.delete(reference.at(reference.digest))
        if response.status_code == 405:
            hint = "docker-registry: storage.delete.enabled; others have retention of their own"
            raise StepError(f"{reference.registry} deletes nothing", hint=hint)
        if response.status_code != 404:
            check(response, str(reference))
        return response.status_code != 404

    def untag(self, reference: Reference) -> bool:
        """Remove a tag; False where the registry removes no tag by itself."""
        response = self._client.delete(reference)
        if response.status_code not in {400, 404, 405}:
            check(response, str(reference))
        return response.status_code not in {400, 405}

    def _lend(self, layout: Path, parent: Reference, reference: Reference) -> None:
        """Let a repository have what a layout lacks, from the one of its parent."""
        registry, name = reference.registry, reference.repository
        for digest in layouts.missing(layout):
            held = self._api.ask(registry, name, "HEAD", f"/v2/{name}/blobs/{digest}")
            if held.status_code == 200:
                continue
            url = f"/v2/{name}/blobs/uploads/?mount={digest}&from={parent.repository}"
            answer = self._api.ask(registry, name, "POST", url)
            check(answer, str(reference))
            # A registry may decline, and begin an upload instead, which is left to its garbage.
            if answer.status_code != 201:
                self.blob(parent, digest, layouts.blob(layout, digest))
