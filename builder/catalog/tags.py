"""Tags of variants: a part for each value that is not the default, joined by `-`.

A part that begins with `-` is a suffix: it goes last, after `latest` where there is no other part
(`py3.13.5-gpu`, `latest-gpu`). Axes that an image, or an ancestor of it, leaves `untagged`
have no part. A sign of a version that no tag may have, as `+`, `:` and `~`, is written as `_`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from builder.catalog.expansion import Expansion
from builder.catalog.ids import ValueId
from builder.catalog.matrix_check import Locations
from builder.catalog.models import AxisValue, Matrix, Variant
from builder.common.errors import BuilderError, ConfigError
from builder.oci.reference import is_tag

LATEST = "latest"
_FOREIGN = re.compile(r"[^A-Za-z0-9._-]")
_OF_A_RELEASE = "-2026.11.30.99"  # what a release adds to a tag
_LONGEST = 128


def tag(variant: Variant, matrix: Matrix, versions: Mapping[str, str]) -> str:
    """Return the tag of a variant; `versions` maps `axis=value` to the text for `{version}`.

    A value without a template has the part `<axis><value>`, unless it is the first of its axis
    or another value of the variant requires it; a preview always has a part. Raises ConfigError
    where no registry takes the tag.
    """
    parts = _parts(variant, matrix, versions)
    plain = [part for part in parts if not part.startswith("-")]
    last = "".join(part for part in parts if part.startswith("-"))
    is_latest = not plain and not matrix.is_preview(variant.values)
    text = ((LATEST if is_latest else "-".join(plain)) + last).removeprefix("-")
    if not is_tag(text + _OF_A_RELEASE):
        value_ids = [value.id for value in _values(variant, matrix)]
        values_with_version = [
            f"{value} ({version})" for value, version in _filled(variant, matrix, versions)
        ]
        raise ConfigError(
            f"the tag {text!r} of {variant.id} is not valid",
            hint=f"give {' or '.join(values_with_version or value_ids)} a `tag` in matrix.yaml that"
            " begins with a letter, a digit or _; with the release it may have"
            f" {_LONGEST} characters",
        )
    return text


def _values(variant: Variant, matrix: Matrix) -> list[AxisValue]:
    return [matrix.value(axis, name) for axis, name in variant.values.items()]


def _filled(
    variant: Variant, matrix: Matrix, versions: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the ids of the values whose part of a tag holds a known version, with that version."""
    for value in _values(variant, matrix):
        if value.tag and "{version}" in value.tag and value.id in versions:
            yield value.id, versions[value.id]


def is_part(template: str) -> bool:
    """Whether a `tag` of a value holds only signs that a tag may have."""
    return is_tag(f"a{template}".replace("{version}", "1"))


def is_replaced(variant: Variant, matrix: Matrix, versions: Mapping[str, str]) -> bool:
    """Whether a sign in the version of a value was written as `_`."""
    return any(_FOREIGN.search(version) for _, version in _filled(variant, matrix, versions))


def suffix(variant: Variant, matrix: Matrix) -> str:
    """Return the last part of every tag of a variant, e.g. `-gpu`, or nothing."""
    return "".join(part for part in _parts(variant, matrix, {}) if part.startswith("-"))


def line_tag(variant: Variant, matrix: Matrix) -> str:
    """Return the tag of a release line: `{version}` is the name of the line."""
    lines: dict[str, str] = {ValueId.of(axis, name): name for axis, name in variant.values.items()}
    return tag(variant, matrix, lines)


def rolling(variant: Variant, matrix: Matrix, exact: str, *, first: str) -> tuple[str, ...]:
    """Return the tags that move: exact, release line, and `latest` for the variant `first`.

    `latest` has the variant's suffix: `first` is the first of those that have the same. A preview
    is never `latest`.
    """
    tags = [exact, line_tag(variant, matrix)]
    if variant.id == first and not matrix.is_preview(variant.values):
        tags.append(LATEST + suffix(variant, matrix))
    return tuple(dict.fromkeys(tags))


def check(expansion: Expansion, matrix: Matrix, locations: Locations) -> list[BuilderError]:
    """Return an error for each variant without a tag, and for two with the same tag."""
    errors: list[BuilderError] = []
    for name, variants in expansion.variants.items():
        variants_by_tag: dict[str, Variant] = {}
        for variant in variants:
            try:
                text = line_tag(variant, matrix)
            except ConfigError as error:
                if not all(is_part(value.tag or "") for value in _values(variant, matrix)):
                    continue  # which is an error of its own
                location = locations.at_key(("images", name))
                errors.append(ConfigError(error.message, hint=error.hint, location=location))
                continue
            if text in variants_by_tag:
                errors.append(
                    ConfigError(
                        f"two variants of image {name} have the tag {text!r}: "
                        f"{variants_by_tag[text].id} and {variant.id}",
                        hint="give a value in which they differ a `tag`",
                        location=locations.at_key(("images", name)),
                    )
                )
            variants_by_tag.setdefault(text, variant)
    return errors


def _parts(variant: Variant, matrix: Matrix, versions: Mapping[str, str]) -> list[str]:
    values = _values(variant, matrix)
    forced = {
        axis for value in values for one in value.fitting(variant.values) for axis in one.requires
    }
    hidden = _untagged(variant.image, matrix)
    shown = [value for value in values if value.axis not in hidden or value.preview]
    return [part for value in shown if (part := _part(value, matrix, forced, versions))]


def _untagged(image: str, matrix: Matrix) -> set[str]:
    hidden: set[str] = set()
    while image in matrix.images:
        hidden.update(matrix.images[image].untagged)
        image = matrix.images[image].parent
    return hidden


def _part(value: AxisValue, matrix: Matrix, forced: set[str], versions: Mapping[str, str]) -> str:
    if value.tag or (value.tag is not None and not value.preview):
        version = _FOREIGN.sub("_", versions.get(value.id, value.name))
        return value.tag.replace("{version}", version)
    default = next((one.name for one in matrix.axes[value.axis] if not one.preview), None)
    if not value.preview and (value.axis in forced or value.name == default):
        return ""
    return f"{value.axis}{value.name}"
