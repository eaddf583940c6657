"""Julia: its tarballs, the registries of its package server, and the solver of its packages.

Imports what `resolvers` may.
"""
