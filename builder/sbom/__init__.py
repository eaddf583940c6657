"""What is in an image, as documents that other programs read (SBOM).

`model` has the components of an image and its lineage, which `lineage` makes from the lock, the
package status of the base, and files of release lines; `cyclonedx` and `spdx` write them, the same
bytes for the same image; `layer_packages` reads from layers what is installed, without running
anything, and `cross_check` compares the two. It imports the lock, the catalog and what is below.
"""
