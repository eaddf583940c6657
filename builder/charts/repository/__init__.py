"""Chart repositories: a folder with index.yaml, one that is served over HTTP, or an OCI registry;
and how charts are published to them.

Imports what `charts` may.
"""
