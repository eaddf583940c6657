"""Writes the files of CI systems that are YAML. Pure."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from builder.common.yaml_writer import emitter


def yaml_text(documents: Iterable[Any]) -> str:
    """Return documents in the order of their keys, each value written out where it is used."""
    out = io.BytesIO()
    yaml = emitter(is_sorted=False)
    yaml.representer.ignore_aliases = lambda _: True
    yaml.dump_all(documents, out)
    return out.getvalue().decode()
