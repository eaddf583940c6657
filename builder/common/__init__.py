"""Tools that know nothing of catalogs. `errors` has every exit code, `process` alone starts
programs, `limits` bounds what comes from elsewhere, and `plugins` is the table of implementations
that an installed package can extend; beside them are text, nested mappings, graphs, hashes, atomic
files, file locks, YAML and parallel work. Imports nothing else of the builder.
"""
