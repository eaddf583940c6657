"""The files of a catalog, as data. `matrix` declares the keys of matrix.yaml, `models` those of
recipe.yaml, and `charts` those of chart.yaml and feature.yaml; `parser` checks the text with line
and column, `expansion` makes variants and targets of it, `tags` names them, and `selection` chooses
among them. Pure: no clock, no network, no process. Imports `oci` and `common`; it alone imports
pydantic.
"""
