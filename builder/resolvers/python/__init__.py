"""Python: PyPI, packages chosen by uv, source distributions, and standalone builds of Python.

Imports what `resolvers` may.
"""
