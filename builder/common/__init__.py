"""Tools that know nothing of catalogs: errors with exit codes and places in files, text, nested
mappings, graphs, hashes, atomic files, child processes and file locks.

Imports nothing else of the builder. Only `process` starts programs.
"""
