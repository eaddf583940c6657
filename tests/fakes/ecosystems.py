"""The ecosystems of packages that come with the builder."""

from __future__ import annotations

from builder.catalog.ecosystem import Ecosystems
from builder.resolvers.ecosystems import ECOSYSTEMS

BUILT_IN: Ecosystems = {name: ECOSYSTEMS.get(name) for name in ECOSYSTEMS.built_in}
