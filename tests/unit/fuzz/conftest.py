"""How long the readers are tried: for ten seconds, or as FUZZ says.

`FUZZ=long pytest tests/unit/fuzz` tries them for minutes. `make check` says `few`: a handful each.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The same inputs each time, so that a run of CI says something of the change that it is for.
settings.register_profile(
    "ci",
    max_examples=50,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile("few", settings.get_profile("ci"), max_examples=5)
settings.register_profile("long", settings.get_profile("ci"), max_examples=1_000, derandomize=False)
settings.load_profile(os.environ.get("FUZZ", "ci"))
