"""Compares releases, locks and images. `compare` finds the differences, `why` finds which release
and which recipe introduced a package, and `outdated` finds what a new lock would change. Reads
release records and image metadata, and pulls no image. Imports `release`, `plan`, `lock` and what
is below.
"""
