"""Writes YAML that every reader takes for the same, those of YAML 1.1 too. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from builder.common.yaml_scalars import helm_scalar

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# What a reader of YAML takes for the end of a line, or refuses, and JSON leaves as it is.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class _Quoting(SafeRepresenter):
    """Quotes a text that Helm and Kubernetes would read as a number or a boolean.

    The quotes are ruamel's own, single ones: other quotes would give every chart a new version.
    """

    def represent_str(self, data: str) -> Any:
        style = None if helm_scalar(data) == data else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Quoting.add_representer(str, _Quoting.represent_str)


def emitter() -> YAML:
    """Return what writes data as blocks, each text on one line."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Quoting
    yaml.default_flow_style = False
    yaml.width = 1 << 30  # ruamel breaks a line after a backslash, and a space comes to be there
    return yaml


def scalar(value: object) -> str:
    """Return a value as JSON that is one line of YAML, the same to every reader."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def key_text(text: str) -> str:
    """Return a key as it stands in YAML: plain where every reader takes it for this text."""
    return text if _PLAIN.fullmatch(text) and helm_scalar(text) == text else scalar(text)
