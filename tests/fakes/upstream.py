"""An upstream that publishes images: small ones, for two platforms, with an index over them."""

from __future__ import annotations

from pathlib import Path

from builder.oci.reference import parse
from builder.registry.interfaces import Registry
from tests.fakes.layout import write_layout

AMD, ARM = "linux/amd64", "linux/arm64"


def publish(
    store: Registry, folder: Path, image: str, content: str, platforms: tuple[str, ...] = (AMD, ARM)
) -> str:
    """Make a tag name an index of images with this content; return the digest of the index."""
    reference = parse(image)
    manifests = {}
    for platform in platforms:
        layout = folder / f"{content}-{platform.replace('/', '-')}"
        architecture = platform.partition("/")[2]
        write_layout(layout, f"{content} for {platform}".encode(), architecture=architecture)
        whole = reference.with_tag(f"build-{content}-{architecture}")
        manifests[platform] = store.push(layout, whole)
    digest = store.put_index(manifests, reference)
    store.copy(reference.at(digest), reference)
    return digest
