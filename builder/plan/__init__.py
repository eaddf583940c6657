"""Decides what to do. Fingerprints identify the inputs of a target; the planner compares them with
the registry state and returns frozen steps, each with a reason.

Pure, except `registry_state`, which reads the registry. Imports `charts`, `lock`, `registry` and
packages below those. It carries nothing out.
"""
