"""Makes releases. `contents` collects what a release contains, `promote` carries out the release
step, and `commit` writes the record, then `current`, then the tags; `rollback` releases older
content again, and `prune` deletes what no kept release needs. Imports `build`, `plan`, `registry`
and what is below.
"""
