"""What the cooldown of `lock` in matrix.yaml does not hold back: its source states no dates."""

from __future__ import annotations

from pathlib import Path

from builder.catalog.models import Catalog
from builder.common.errors import ConfigError
from builder.common.text import listed
from builder.resolvers.providers import PROVIDERS


def without_dates(catalog: Catalog, root: Path | None = None) -> str:
    """Return the providers and ecosystems of a catalog without dates, for people; "" if none.

    `root` is the folder of the catalog. Raises ToolError if a plugin does not work.
    """
    if not catalog.matrix.lock.cooldown:
        return ""
    providers = dict.fromkeys(catalog.matrix.provider_names)
    used = {name for recipe in catalog.recipes.values() for name in recipe.ecosystems}
    names = [f"provider {name}" for name in providers if not _has_cooldown(name, root)]
    names += [
        f"ecosystem {name}"
        for name, rules in catalog.ecosystems.items()
        if name in used and rules.is_locked and not rules.has_cooldown
    ]
    return listed(names) if names else ""


def _has_cooldown(provider: str, root: Path | None) -> bool:
    try:
        return PROVIDERS.get(provider, catalog=root).has_cooldown
    except ConfigError:
        return True  # an unknown provider is an error of its own
