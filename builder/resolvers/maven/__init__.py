"""The ecosystem Maven. `ecosystem` is its entry in the table of ecosystems, `packages` locks and
fetches jars, `solver` chooses their versions as Maven does, from what `poms` reads. No program of
Maven runs: its plugins and the extensions of a project would be code of others. Imports what
`resolvers` may.
"""
