"""ruamel.yaml as this builder uses it: safe, in Python alone, and without plug-ins."""

from __future__ import annotations

from ruamel.yaml import YAML


class SafeYaml(YAML):
    """A reader and writer of plain data."""

    def __init__(self) -> None:
        super().__init__(typ="safe", pure=True)

    def official_plug_ins(self) -> list[str]:
        """Return nothing: ruamel would search its folder for plug-ins for every text."""
        return []
