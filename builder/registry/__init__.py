"""OCI registries. Every push is in `store`, which also moves tags and stores artifacts; below it
`client` speaks the distribution API and `transfers` runs skopeo. `embedded` runs a registry on this
machine, each of its processes as a `shared_process` of all runs that need it. `release_record` is
the record of a release that a registry keeps. Imports `network`, `lock`, `catalog`, `oci` and
`common`.
"""
