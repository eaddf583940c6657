"""What `matrix.yaml` and `images/*/recipe.yaml` declare: the text is parsed and checked with line
and column, and expanded to variants, targets and bases, with their tags; `selection` chooses
among them.

Pure: no clock, no network, no process. Imports `oci` and `common`; it alone imports pydantic.
"""
