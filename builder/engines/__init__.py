"""Container engines. `interfaces.HostEngine` is what one must do: build a context to an OCI layout,
start a container, remove images. podman and docker do it, and `detect` chooses.

Add an engine as a module here and name it in `detect`. Imports `registry` (logins), `oci`,
`catalog` and `common`; engines do not import each other.
"""
