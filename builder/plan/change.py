"""Plans of a change: of the targets that it changes alone, and for its reasons. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from builder.plan.models import MADE, Plan, RegistryState


def as_if_built(registry_state: RegistryState, others: Collection[str]) -> RegistryState:
    """Return the state of a registry that has the targets which a change is not about."""
    return replace(registry_state, digests={**dict.fromkeys(others, ""), **registry_state.digests})


def explained(plan: Plan, reasons: Mapping[str, str]) -> Plan:
    """Return a plan that builds each target for its reason in `reasons`."""
    steps = {
        key: replace(step, reason=reasons[step.target])
        if step.kind == "build" and step.action in MADE
        else step
        for key, step in plan.steps.items()
    }
    return replace(plan, steps=steps)
