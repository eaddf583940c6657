"""Container engines: each builds a context to an OCI layout, starts containers and removes images.
To add an engine, write a module here that does what `interfaces` asks, and add a line to `table`,
which also chooses the engine of a run; `podman` and `docker` are the models. Engines do not import
each other. Imports `registry` (logins), `oci`, `catalog` and `common`.
"""
