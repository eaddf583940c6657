"""Chart repositories. `publish` publishes the charts of a release, `backends` has the two kinds of
target (a folder with index.yaml, and an OCI registry), and `index` reads and writes index.yaml.
Imports what `charts` may.
"""
