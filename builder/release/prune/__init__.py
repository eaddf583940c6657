"""Retention and garbage collection: what is kept, which manifests nothing needs, and their removal.

Imports what `release` may.
"""
