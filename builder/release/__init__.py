"""Releases: what one contains, the commit protocol (record, then `current`, then tags), promotion
and rollback; in `prune` what is kept, and what is removed.

Imports `build`, `plan`, `registry` and what is below.
"""
