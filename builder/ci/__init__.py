"""CI systems: the files that keep a catalog there, the division of a plan into jobs, and what a run
tells the system.

`systems` has all of them by name. Add one as a module here, with all that is its own, and a line in
`systems`. Pure. Imports `plan` and what is below.
"""
