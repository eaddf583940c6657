"""The ecosystem apt. `ecosystem` is its entry in the table of ecosystems, `packages` locks and
fetches the packages of a target, `solver` has apt itself choose them in the private root that
`root` makes, and `providers` finds release lines that are packages of an archive. Imports what
`resolvers` may.
"""
