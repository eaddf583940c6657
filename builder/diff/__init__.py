"""Compare releases, locks and images; find since when a package is in an image, and why; find what
a new lock would change.

Reads release records and image metadata, and pulls no image.
Imports `release`, `plan`, `lock` and what is below.
"""
