"""Manifests, blobs and tags of registries, by the OCI distribution API."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from requests.utils import parse_header_links

from builder.common.errors import StepError, TransientError
from builder.common.hashing import digest_as, digest_of, digest_parts, hasher_of, is_digest
from builder.common.limits import ARTIFACT_FILE, TAG_PAGES, TAGS, binary, exactly
from builder.oci.image import ImageLayer
from builder.oci.manifest import INDEX, KINDS, MANIFEST, Manifest
from builder.oci.reference import Reference, is_tag
from builder.registry.distribution import Answer, Distribution, check, own_path, resolved
from builder.registry.interfaces import Blob

_ACCEPT = {"Accept": ", ".join(KINDS)}


class RegistryClient:
    """Reads and writes what a registry holds. Every method raises TransientError, StepError."""

    def __init__(self, api: Distribution) -> None:
        self._api = api

    # Manifests.

    def digest(self, reference: Reference) -> str | None:
        """Return the digest of a manifest, or None where there is none.

        It is computed from the content: a registry may state another one, or none. Docker Hub
        counts each manifest that is read as a pull; there it is what a header states, and the
        content is compared with it when it is read.
        """
        if reference.is_on_hub:
            answer = self._asked_for_manifest(reference, "HEAD")
            if answer is None:
                return None
            digest = answer.headers.get("Docker-Content-Digest", "")
            if is_digest(digest) and reference.digest in {"", digest}:
                return digest
        manifest = self.manifest(reference)
        return None if manifest is None else manifest.digest

    def manifest(self, reference: Reference, size: int | None = None) -> Manifest | None:
        """Return a manifest, checked against its digest, or None if there is none.

        `size` is what its descriptor says, where an index lists it.
        """
        answer = self._asked_for_manifest(reference, "GET")
        if answer is None:
            return None
        content = answer.content
        if size is not None and len(content) != size:
            raise StepError(
                f"{reference}: the manifest has {len(content):,} bytes, and its descriptor says"
                f" {size:,}"
            )
        digest = digest_of(content)
        for expected in (reference.digest, answer.headers.get("Docker-Content-Digest", "")):
            if is_digest(expected) and (digest := digest_as(expected, content)) != expected:
                raise TransientError(
                    f"{reference}: the downloaded manifest is damaged: its digest is {digest}"
                )
        document = answer.json("a manifest")
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind not in KINDS:
            media_type = document.get("mediaType")
            usual = INDEX if "manifests" in document else MANIFEST
            kind = media_type if media_type in KINDS else usual
        manifest = Manifest(
            name=str(reference),
            digest=reference.digest or digest_of(content),
            kind=kind,
            content=content,
            document=document,
        )
        if manifest.is_index and not {"config", "layers"}.isdisjoint(document):
            raise manifest.wrong("it is an image and an index")  # others may read the other one
        return manifest

    def present(self, reference: Reference) -> Manifest:
        """Return a manifest. Raises StepError if it is missing."""
        if (manifest := self.manifest(reference)) is None:
            raise StepError(f"{reference} is not in the registry")
        return manifest

    def put_manifest(self, reference: Reference, body: bytes, kind: str) -> None:
        """Put a manifest of a media type at a tag or a digest; once more if it came damaged."""

        def put() -> Answer:
            path = f"manifests/{reference.digest or reference.tag}"
            return self._api.ask(reference, "PUT", path, data=body, headers={"Content-Type": kind})

        answer = put()
        if answer.code == 400:
            answer = put()
        # A tag that never moves is refused even where it names just that (Amazon ECR, Harbor).
        is_kept = answer.code in {400, 409, 412} and b"DIGEST_INVALID" not in answer.content
        if not (is_kept and reference.tag and self.digest(reference) == digest_of(body)):
            check(answer, str(reference))

    def delete(self, reference: Reference) -> Answer:
        """Return the answer to the removal of a tag or a manifest."""
        path = f"manifests/{reference.digest or reference.tag}"
        return self._api.ask(reference, "DELETE", path)

    def _asked_for_manifest(self, reference: Reference, method: str) -> Answer | None:
        path = f"manifests/{reference.digest or reference.tag}"
        answer = self._api.ask(reference, method, path, headers=_ACCEPT)
        if answer.code == 404:
            return None
        check(answer, str(reference))
        return answer

    # Tags.

    def tags(self, repository: Reference) -> Iterator[str]:
        """Yield the tags of a repository, page by page; none where it does not exist."""
        path: str | None = "tags/list?n=1000"
        seen: set[str] = set()
        count = 0
        while path:
            if path in seen or len(seen) >= TAG_PAGES:
                raise StepError(f"{repository}: the registry's list of tags does not end")
            seen.add(path)
            answer = self._api.ask(repository, "GET", path)
            if answer.code == 404:
                return
            check(answer, str(repository))
            tags = answer.json("a list of tags").get("tags") or []
            if not isinstance(tags, list) or not all(map(_is_tag, tags)):
                raise StepError(f"{repository}: the registry lists invalid tags")
            if (count := count + len(tags)) > TAGS:
                raise StepError(f"{repository}: the registry lists more than {TAGS:,} tags")
            yield from tags
            path = _next_page(answer)

    # Blobs.

    def has_blob(self, reference: Reference, digest: str) -> bool:
        """Whether a repository has a blob; every answer but yes means no."""
        return self._api.ask(reference, "HEAD", f"blobs/{digest}").code == 200

    def put_blob(self, reference: Reference, blob: Blob) -> dict[str, Any]:
        """Put a blob unless it is there; return its descriptor."""
        digest = digest_of(blob.data)
        if not self.has_blob(reference, digest):
            start = self._api.ask(reference, "POST", "blobs/uploads/")
            check(start, str(reference))
            headers = {"Content-Type": "application/octet-stream"}
            url = _upload(start, digest)
            check(
                self._api.ask(reference, "PUT", url, data=blob.data, headers=headers),
                str(reference),
            )
        return {"mediaType": blob.kind, "digest": digest, "size": len(blob.data)}

    def mount(self, reference: Reference, digest: str, parent: Reference) -> bool:
        """Let a repository have a blob of another one; False where the registry declines.

        It may begin an upload instead, which is left to its garbage.
        """
        if self.has_blob(reference, digest):
            return True
        path = f"blobs/uploads/?mount={digest}&from={parent.api_repository}"
        scopes = (f"repository:{parent.api_repository}:pull",)
        answer = self._api.ask(reference, "POST", path, scopes=scopes)
        if answer.code == 429 or answer.code >= 500:
            check(answer, str(reference))
        return answer.code == 201

    def blob(
        self, reference: Reference, digest: str, size: int, limit: int = ARTIFACT_FILE
    ) -> bytes:
        """Return the content of a small blob, checked; `size` is what its descriptor says."""
        if size > limit:
            raise StepError(f"{reference}: blob {digest} has more than {binary(limit)}")
        content = io.BytesIO()
        self._write_blob(reference, digest, size, content)
        return content.getvalue()

    def save_blob(self, reference: Reference, layer: ImageLayer, file: Path) -> None:
        """Write the blob of a layer to a file, piece by piece: whole and checked, or not at all."""
        partial = file.with_name(file.name + ".part")
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as stream:
                self._write_blob(reference, layer.digest, layer.size, stream)
            partial.rename(file)
        finally:
            partial.unlink(missing_ok=True)

    def _write_blob(self, reference: Reference, digest: str, size: int, stream: IO[bytes]) -> None:
        """Copy a blob to a stream. Raises an error where it is not what its descriptor says."""
        hasher = hasher_of(digest)
        what = f"{reference}: blob {digest}"
        with self._api.opened(reference, "GET", f"blobs/{digest}") as (answer, pieces):
            check(answer, str(reference))
            for piece in exactly(pieces, size, what, error=TransientError):
                hasher.update(piece)
                stream.write(piece)
        if hasher.hexdigest() != digest_parts(digest)[1]:
            raise TransientError(f"{reference}: the downloaded blob {digest} is damaged")


def _upload(start: Answer, digest: str) -> str:
    """Return where the content of a blob goes after POST: just where the registry says."""
    location = start.headers.get("Location", "")
    if not location:
        raise StepError(
            f"{start.reference}: the registry answered POST with {start.code} and without a"
            " Location, so the upload cannot go on"
        )
    url = resolved(start.url, location)
    return f"{url}{'&' if '?' in url else '?'}digest={digest}"


def _next_page(answer: Answer) -> str | None:
    """Return what is asked of the registry for the next page of tags, or None at the last.

    Raises StepError where it is no page of this list.
    """
    for link in parse_header_links(answer.headers.get("Link", "")):
        if link.get("rel") == "next" and link.get("url"):
            path = own_path(resolved(answer.url, link["url"]))
            if not urlsplit(path).path.endswith("/tags/list"):
                raise StepError(
                    f"{answer.reference}: the next page of the registry's tags is no list of tags:"
                    f" {path[:200]!r}"
                )
            return path
    return None


def _is_tag(value: object) -> bool:
    return isinstance(value, str) and is_tag(value)
