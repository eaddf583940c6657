"""Locks charts of upstreams. `source` finds their packages in chart repositories and registries;
`locker` chooses a version, its images, and how these are pinned. Imports what `charts` may.
"""
