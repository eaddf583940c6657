"""R: Posit's builds, and packages of a dated snapshot of Package Manager.

Imports what `resolvers` may.
"""
