"""Container engines: each builds a context to an OCI layout, starts containers and removes images.

`table` has all engines by name, and chooses one. `interfaces` says what an engine must do. Add one
as a module or package here, with all that is its own, and a line in `table`; engines do not import
each other. Imports `registry` (logins), `oci`, `catalog` and `common`.
"""
