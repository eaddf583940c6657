"""Retention and garbage collection: which releases are kept, which manifests nothing needs, and
their removal.

Imports what `release` may.
"""
