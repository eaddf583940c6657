"""Helm charts. `next_version` decides the version of a chart, by the rules of `semver`; `render`
makes its files, where a new feature needs no Python: it is a folder in `charts/features/` of the
catalog. `upstream` makes those around a chart of others, which `locking` locks. `package` makes a
.tgz of them, `helm` checks them, `onyxia` has the requirements of Onyxia, and `repository`
publishes. Imports `registry`, `network`, `catalog` and what is below; no plan, no engine.
"""
