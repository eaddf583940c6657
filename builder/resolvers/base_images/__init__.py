"""Base images. `provider` pulls them from a registry or bootstraps them from Debian's archive,
`bootstrap` has the recipe of a bootstrap as data, and `apt_roots` and `indexes` keep apt's view of
each base. Imports what `resolvers` may, `apt` among it.
"""
