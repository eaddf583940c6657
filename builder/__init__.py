"""A catalog of container images and Helm charts: expanded from a version matrix, planned, locked,
built, tested, released.

Read from the bottom up, the packages are the pipeline: `common`, `oci`, `catalog`, `lock`,
`project`, then `registry`, `engines` and `network`, then `charts`, `testing` and `resolvers`,
then `plan`, `build`, `release`, `diff` and `ci`, then `report` and `export`, and on top `app`
and `cli`. Each imports only what stands before it; the contracts in pyproject.toml hold this.
"""
