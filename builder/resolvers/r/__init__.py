"""The ecosystem R. `ecosystem` is its entry in the table of ecosystems, `packages` locks packages
of a dated snapshot of Package Manager, `index` reads its index, and `posit` finds Posit's builds of
R itself. Imports what `resolvers` may.
"""
