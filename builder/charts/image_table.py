"""The images of a chart by digest: a file of its package, which its templates read.

Values name an image by its tag, as saved launches do. The digest is known when the chart is
packaged, so the table is added then; it follows from the tags, and is no part of the fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from builder.charts.semver import IMAGES
from builder.common.errors import ConfigError
from builder.common.limits import CHART_FILE, read_json


def with_images(files: Mapping[str, bytes], digests: Mapping[str, str]) -> dict[str, bytes]:
    """Return a chart with the digests of its images, by reference."""
    table = json.dumps(dict(sorted(digests.items())), indent=2)
    return {**files, IMAGES: f"{table}\n".encode()}


def images_in(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the digests in a chart's table; none where it has no table. Raises ConfigError."""
    table = read_json(files.get(IMAGES, b"{}"), CHART_FILE, IMAGES, error=ConfigError)
    if not isinstance(table, dict):
        raise ConfigError(f"{IMAGES}: not a mapping")
    return {str(reference): str(digest) for reference, digest in table.items()}
