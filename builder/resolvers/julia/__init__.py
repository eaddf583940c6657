"""The ecosystem Julia. `ecosystem` is its entry in the table of ecosystems, `packages` locks and
fetches the packages of a target, `solver` chooses their versions from what `registry` reads, and
`tarballs` finds releases of Julia itself. Imports what `resolvers` may.
"""
