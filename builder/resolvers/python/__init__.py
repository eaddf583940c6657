"""The ecosystem Python. `ecosystem` is its entry in the table of ecosystems, `packages` locks
wheels that uv chose, and fetches them by their hash; `pypi` and `standalone` find release lines:
packages of an index, and builds of Python itself. Imports what `resolvers` may.
"""
