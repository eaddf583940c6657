"""The files of a chart, from its recipe, its features and the library. `chart` puts them together,
`templates` fills the named slots, and `value_specs` and `values` make values.yaml and its schema. A
new feature is a folder in `charts/features/` of the catalog, and no code. Pure. Imports `catalog`
and `common`.
"""
