"""The ecosystem npm. `packages` locks and fetches what the lock file of a package lists,
`shrinkwrap` reads such lock files, and `registry` asks npm which versions there are. Imports what
`resolvers` may.
"""
