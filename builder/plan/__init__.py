"""Decides what to do. Fingerprints identify the inputs of a target; the planner compares them with
what the registry holds, and gives frozen steps, each with a reason.

Pure, but for `registry_state`, which asks the registry. Imports `charts`, `lock`, `registry` and
what is below; it carries nothing out.
"""
