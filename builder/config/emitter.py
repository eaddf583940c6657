"""Writes YAML that every reader takes for the same, those of YAML 1.1 too. Pure."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from builder.config.scalars import helm_scalar


class _Quoting(SafeRepresenter):
    """Quotes a text that Helm and Kubernetes would read as a number or a boolean."""

    def represent_str(self, data: str) -> Any:
        style = None if helm_scalar(data) == data else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Quoting.add_representer(str, _Quoting.represent_str)


def emitter() -> YAML:
    """Return what writes data as blocks, each text on one line."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Quoting
    yaml.default_flow_style = False
    yaml.width = 1 << 30  # ruamel breaks a line after a backslash, and a space comes to be there
    return yaml
