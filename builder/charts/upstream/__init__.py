"""Charts of upstreams, as dependencies of ours. `chart` makes the files around one, `references`
finds the images that it renders, `pins` has its values name our copies of them, and `rules` says
what it may not do. Pure. Imports what `charts` may.
"""
