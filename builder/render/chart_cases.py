"""The case of a chart in which everything is on."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from builder.config.document import load_as_helm
from builder.config.emitter import emitter
from builder.mappings import mapping, merged
from builder.render.chart_templates import Part

# Cases that do without something, and so are no part of one with everything.
_APART = re.compile(r"no-|former-|suspended|existing-claim|custom-image|custom-port")


def everything(parts: Sequence[Part]) -> str:
    """Values with all features on: their own cases, one over the other."""
    cases = [
        mapping(load_as_helm(text, f"{part.folder}/{path}")[0].data)
        for part in parts
        for path, text in part.files.items()
        if path.startswith("ci/") and not _APART.match(path.removeprefix("ci/"))
    ]
    stream = io.StringIO("# All features on.\n")
    stream.seek(0, io.SEEK_END)
    yaml = emitter()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(merged(*cases), stream)
    return stream.getvalue()
