"""How the builder and its builds reach the network. `upstreams` names every upstream host and its
mirror, `build_env` makes the environment of a `RUN` (proxies, certificates, mirrors), and `fetcher`
gets files and keeps them by their hash. Imports `catalog` and `common`.
"""
