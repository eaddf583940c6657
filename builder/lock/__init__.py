"""`matrix.lock`: the exact content of each base, the version of each release line, and the package
set of each target. `locker` and `package_locker` decide what is resolved again, `lockfile` is the
format, and `interfaces` is what providers and resolvers must do; `builder/project.py` writes the
file. Imports `catalog`, `oci` and `common`.
"""
