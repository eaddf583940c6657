"""CI systems: the workflow files that keep a catalog, and the division of a plan into jobs.

Pure. Imports `plan` and what is below.
"""
