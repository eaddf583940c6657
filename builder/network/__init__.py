"""How the builder and its builds reach the network: upstream hosts and their mirrors, the
environment file that a RUN mounts (proxies, certificates), connections of the builder's own, and
a fetcher that keeps files by their hash.

Imports `catalog` and `common`.
"""
