"""Releases: their contents, the commit protocol (record, then `current`, then tags), promotion and
rollback; in `prune` retention and garbage collection.

Imports `build`, `plan`, `registry` and what is below.
"""
