"""The ecosystem `maven`: artifacts that a recipe installs by Maven itself. None is locked."""

from __future__ import annotations

from builder.resolvers.interfaces import Ecosystem

MAVEN = Ecosystem(name="maven", is_locked=False, resolver=None)
