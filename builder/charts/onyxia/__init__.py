"""The requirements of Onyxia for a chart. `check` applies the rules of the `rules_*` modules,
`launch` computes the values that a launch from the form sends, and `chart_files` reads a chart for
them. Pure. Imports `catalog` and `common`.
"""
