"""Decides what to do. `fingerprint` identifies the inputs of a target; `planner` compares it with
what the registry holds, and returns frozen steps, each with a reason; `chart_planner` does so for
charts. `models` has plans and steps as data. Pure, but for `registry_state`, which asks the
registry. Imports `charts`, `lock`, `registry` and what is below; it carries nothing out.
"""
