"""The ecosystem npm. `ecosystem` is its entry in the table of ecosystems, `packages` locks and
fetches what the lock file of a package lists, `shrinkwrap` reads such lock files, and `registry`
asks npm which versions there are. Imports what `resolvers` may.
"""
