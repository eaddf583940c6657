"""Manifests and blobs of registries, by the OCI distribution API."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import requests

from builder.distribution import Distribution, check
from builder.engines import layout as layouts
from builder.errors import StepError, TransientError
from builder.ports import Blob
from builder.reference import Reference

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_ACCEPT = ", ".join(
    [
        MANIFEST,
        layouts.INDEX,
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
)


class RegistryClient:
    """Reads and writes what a registry holds. Every method raises TransientError, StepError."""

    def __init__(self, api: Distribution) -> None:
        self._api = api

    def delete(self, reference: Reference) -> requests.Response:
        """The answer to the removal of a tag or a manifest."""
        name, which = reference.repository, reference.digest or reference.tag
        return self._api.ask(reference.registry, name, "DELETE", f"/v2/{name}/manifests/{which}")

    def manifest(self, reference: Reference, method: str) -> requests.Response | None:
        """The answer to a request for a manifest, or None where there is none."""
        name = reference.digest or reference.tag
        url = f"/v2/{reference.repository}/manifests/{name}"
        headers = {"Accept": _ACCEPT}
        response = self._api.ask(
            reference.registry, reference.repository, method, url, headers=headers
        )
        if response.status_code == 404:
            return None
        check(response, str(reference))
        return response

    def described(self, reference: Reference) -> tuple[dict[str, Any], dict[str, Any]]:
        """The manifest and the configuration of an image."""
        if (response := self.manifest(reference, "GET")) is None:
            raise StepError(f"{reference} is not in the registry")
        manifest = response.json()
        return manifest, json.loads(self.blob(reference, manifest["config"]["digest"]))

    def put_manifest(self, reference: Reference, body: bytes, kind: str) -> None:
        """Put a manifest of a media type at a tag or a digest; once more if it came damaged."""
        url = f"/v2/{reference.repository}/manifests/{reference.digest or reference.tag}"
        headers = {"Content-Type": kind}

        def put() -> requests.Response:
            return self._api.ask(
                reference.registry, reference.repository, "PUT", url, data=body, headers=headers
            )

        response = put()
        check(put() if response.status_code == 400 else response, str(reference))

    def put_blob(self, reference: Reference, blob: Blob) -> dict[str, Any]:
        """Put a blob, unless it is there; its descriptor."""
        digest = digest_of(blob.data)
        registry, name = reference.registry, reference.repository
        head = self._api.ask(registry, name, "HEAD", f"/v2/{name}/blobs/{digest}")
        if head.status_code != 200:
            start = self._api.ask(registry, name, "POST", f"/v2/{name}/blobs/uploads/")
            check(start, str(reference))
            place = start.headers["Location"]
            url = place[place.index("/v2/") :]
            url += ("&" if "?" in url else "?") + f"digest={digest}"
            headers = {"Content-Type": "application/octet-stream"}
            done = self._api.ask(registry, name, "PUT", url, data=blob.data, headers=headers)
            check(done, str(reference))
        return {"mediaType": blob.kind, "digest": digest, "size": len(blob.data)}

    def open_blob(self, reference: Reference, digest: str) -> requests.Response:
        """The answer with a blob, to be read."""
        url = f"/v2/{reference.repository}/blobs/{digest}"
        response = self._api.ask(reference.registry, reference.repository, "GET", url)
        check(response, str(reference))
        return response

    def blob(self, reference: Reference, digest: str) -> bytes:
        """The content of a small blob, checked."""
        response = self.open_blob(reference, digest)
        if digest_of(response.content) != digest:
            raise TransientError(f"{reference}: blob {digest} arrived damaged")
        return response.content


def digest_of(data: bytes) -> str:
    """The digest of content."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
