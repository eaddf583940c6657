"""Chart repositories: a folder with index.yaml, a repository served over HTTP, or an OCI registry;
and the publication of charts to them.

Imports what `charts` may.
"""
