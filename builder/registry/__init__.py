"""OCI registries: credentials, the client of the distribution API, the store of images, indexes and
artifacts on top of it (`store`: every push is here), the embedded registry, and the release
record that a registry keeps.

Imports `network`, `lock`, `catalog`, `oci` and `common`.
"""
