"""The composition root: `App` locks, plans, builds, releases and compares one catalog.

The run loop is in `run`, the weekly job in `week`. It alone constructs adapters, in `adapters`.
It prints nothing. Imports everything but `cli`.
"""
