"""Retention and garbage collection. `retention` decides which releases are kept, `search` and
`classify` find the manifests that none of them needs, and `remove` deletes those. Imports what
`release` may.
"""
