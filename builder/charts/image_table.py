"""The images of a chart by digest: a file of its package, which its templates read.

Values name an image by its tag, as saved launches do. The digest is known when the chart is
packaged, so the table is added then; it follows from the tags, and is no part of the fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from builder.charts.semver import IMAGES
from builder.common.errors import ConfigError, Location


def with_images(files: Mapping[str, bytes], digests: Mapping[str, str]) -> dict[str, bytes]:
    """Return a chart with the digests of its images, by reference."""
    table = json.dumps(dict(sorted(digests.items())), indent=2)
    return {**files, IMAGES: f"{table}\n".encode()}


def images_in(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the digests in a chart's table; none where it has no table. Raises ConfigError."""
    try:
        table = json.loads(files.get(IMAGES, b"{}"))
    except (ValueError, RecursionError) as error:
        raise ConfigError("not JSON", location=Location(file=IMAGES)) from error
    if not isinstance(table, dict):
        raise ConfigError("not a mapping", location=Location(file=IMAGES))
    return {str(reference): str(digest) for reference, digest in table.items()}
