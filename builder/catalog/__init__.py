"""What the files of a catalog declare: `matrix` has the keys of matrix.yaml, `models` those of
recipe.yaml, `charts` those of chart.yaml and feature.yaml, `fields` their types. The text is parsed
and checked with line and column, and expanded to variants, targets and bases, with their tags;
`selection` chooses among them.

Pure: no clock, no network, no process. Imports `oci` and `common`; it alone imports pydantic.
"""
