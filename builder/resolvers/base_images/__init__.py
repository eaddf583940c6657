"""Bases: pulled from a registry, or bootstrapped from Debian's archive, and apt's root of each.

Imports what `resolvers` may, `apt` among it.
"""
