"""The ecosystem Julia. `packages` locks and fetches the packages of a target, `solver` chooses
their versions from what `registry` reads, and `tarballs` finds releases of Julia itself. Imports
what `resolvers` may.
"""
