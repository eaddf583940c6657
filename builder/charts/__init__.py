"""Helm charts: rendered from recipe, features and library (`render`), versioned by what changed
(`next_version`, `semver`), packaged reproducibly, linted by helm, checked against what Onyxia
asks (`onyxia`), published to a folder or a registry (`repository`).

Imports `registry`, `network`, `catalog` and what is below; no plan, no engine.
"""
