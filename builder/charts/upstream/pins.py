"""Has the values of an upstream's chart name our copies of its images, by digest. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from builder.catalog.models import UpstreamChartRecipe, UpstreamImage
from builder.charts.upstream.references import FoundImage, images_in
from builder.common.errors import ConfigError, Location
from builder.common.mappings import at, merged, nested
from builder.lock.lockfile import DIGEST, OWN_TAG, TAG_AND_DIGEST, ChartLock
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference

MIRROR = "mirror"
"""The folder of our registry that holds the images of upstreams' charts."""


def named(text: str) -> Reference:
    """Return the reference of an image as an upstream names it. Raises ConfigError."""
    return FoundImage(text=text, template="", path="").reference


def copies(locked: ChartLock, repository_of: Callable[[str], str]) -> dict[str, Reference]:
    """Return where our copy of each image of a chart is, with its tag and its digest.

    Where a tag alone pins, it is in a repository of its digest: it never names another image.
    """
    found: dict[str, Reference] = {}
    for text, digest in locked.images.items():
        upstream, short = named(text), digest.removeprefix("sha256:")
        own = f"/{short[:12]}" if locked.pin == OWN_TAG else ""
        place = parse_reference(repository_of(f"{MIRROR}/{upstream.repository}{own}"))
        tag = upstream.tag or f"fp-{short[:32]}"
        found[text] = replace(place.with_tag(tag), digest=digest)
    return found


def kept_tag(copy: Reference) -> Reference:
    """Return the tag by which our registry keeps a copy."""
    return copy.with_tag(f"fp-{copy.digest.removeprefix('sha256:')[:32]}")


def pin_values(
    recipe: UpstreamChartRecipe, locked: ChartLock, our_copies: Mapping[str, Reference]
) -> dict[str, object]:
    """Return the values by which an upstream's chart names our copies of its images.

    Raises ConfigError for an image of which the recipe does not say where it is set, and for one
    that cannot be set beside another.
    """
    values: dict[str, object] = {}
    for text, copy in our_copies.items():
        rule = _rule(recipe, text)
        for path, value in _settings(rule, copy, locked.pin).items():
            keys = path.split(".")
            before = at(values, *keys)
            if before not in {None, value}:
                raise _wrong(
                    recipe, f"two images set {path}: to {before} and to {value}",
                    "name a value that one image alone has",
                )  # fmt: skip
            values = merged(values, nested(keys, value))
    return values


def _rule(recipe: UpstreamChartRecipe, text: str) -> UpstreamImage:
    name = named(text).name
    for rule in recipe.images:
        if name == rule.match or name.endswith(f"/{rule.match}"):
            return rule
    raise _wrong(
        recipe, f"nothing says where the image {text} is set",
        "`images` of upstream.yaml: {match: …, repository: …, tag: …}",
    )  # fmt: skip


def _settings(rule: UpstreamImage, copy: Reference, pin: str) -> dict[str, str]:
    tag = f"{copy.tag}@{copy.digest}" if pin == TAG_AND_DIGEST else copy.tag
    settings = {rule.tag: tag, rule.repository: copy.name}
    if rule.registry:
        settings |= {rule.registry: copy.registry, rule.repository: copy.repository}
    return settings | ({rule.digest: copy.digest} if pin == DIGEST else {})


def can_pin(recipe: UpstreamChartRecipe, pin: str) -> bool:
    """Whether the values of a chart have what a way to pin needs."""
    return pin != DIGEST or all(rule.digest for rule in recipe.images)


def unpinned(manifests: str, our_copies: Mapping[str, Reference], pin: str) -> Iterator[str]:
    """Yield what is wrong with each image that rendered manifests name: only our copies may be.

    Raises StepError where they are no YAML.
    """
    by_name = {copy.name: copy for copy in our_copies.values()}
    for found in images_in(manifests):
        try:
            reference = found.reference
        except ConfigError:
            yield f"{found} is no image"
            continue
        copy = by_name.get(reference.name)
        if copy is None:
            yield f"{found} is not ours and locked"
        elif pin != OWN_TAG and reference.digest != copy.digest:
            yield f"{found} does not name the digest {copy.digest}"
        elif pin == OWN_TAG and reference.tag != copy.tag:
            yield f"{found} does not have the tag {copy.tag}"


def _wrong(recipe: UpstreamChartRecipe, message: str, hint: str) -> ConfigError:
    location = Location(file=f"charts/{recipe.name}/upstream.yaml")
    return ConfigError(message, hint=hint, location=location)
