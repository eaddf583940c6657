"""What differs: between releases, locks and images; since when a package is there, and why; what a
new lock would change.

Reads records and image metadata, and pulls no image. Imports `release`, `plan`, `lock` and what
is below.
"""
