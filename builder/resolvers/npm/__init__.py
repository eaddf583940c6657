"""npm: the registry, and packages as the lock files that a package carries list them.

Imports what `resolvers` may.
"""
