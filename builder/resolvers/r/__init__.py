"""The ecosystem R. `packages` locks packages of a dated snapshot of Package Manager, `index` reads
its index, and `posit` finds Posit's builds of R itself. Imports what `resolvers` may.
"""
