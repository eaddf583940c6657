"""Reads the folder of a catalog together with those that it stands on. `source_catalogs` has their
files, `extends` finds them, `clashes` refuses names that two have, and `kept_catalogs` keeps those
that were fetched. `replaced_files` and `suites` say what an upper catalog puts in the place of
files and of tests below; `lock` lays its lock over theirs. Imports `lock`, `catalog` and what is
below; fetches nothing.
"""
