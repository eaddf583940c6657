"""What is in an image, as documents that other programs read (SBOM). `model` has the components,
which `lineage` takes from the lock, from the package status of the base and from files of release
lines; `cyclonedx` and `spdx` write them, the same bytes for the same image. Imports `network`,
`lock`, `catalog`, `oci` and `common`.
"""
