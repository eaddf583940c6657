"""The catalogs that a chart was made from, as an annotation of its Chart.yaml. Pure.

It is added when a chart is packaged, and is no part of its fingerprint: a catalog below that
changes something else makes no new version of the chart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from builder.common.yaml_writer import scalar

CATALOGS = "catalog/catalogs"
_FILE = "Chart.yaml"
_HEAD = b"annotations:\n"
_LINE = re.compile(rb"^  catalog/catalogs: .*\n", re.MULTILINE)
_EMPTY = re.compile(rb"^annotations:\n(?! )", re.MULTILINE)


def with_catalogs(
    files: Mapping[str, bytes], catalogs: Sequence[tuple[str, str]]
) -> dict[str, bytes]:
    """Return a chart that names catalogs and their contents, the lowest first, if there are any."""
    if not catalogs:
        return dict(files)
    named = [{"name": name, "content": content} for name, content in catalogs]
    line = f"  {CATALOGS}: {scalar(scalar(named))}\n".encode()
    text = files[_FILE]
    if b"\n" + _HEAD in text:
        text = text.replace(b"\n" + _HEAD, b"\n" + _HEAD + line, 1)
    else:
        text = text + _HEAD + line
    return {**files, _FILE: text}


def without_catalogs(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return a chart as it is without what `with_catalogs` adds."""
    text = files.get(_FILE, b"")
    if not _LINE.search(text):
        return dict(files)
    return {**files, _FILE: _EMPTY.sub(b"", _LINE.sub(b"", text, count=1), count=1)}
