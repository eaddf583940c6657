"""A chart's files, from its recipe, its features and the library.

Pure. Imports `catalog` and `common`.
"""
