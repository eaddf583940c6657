"""The composition root and the Python API. `app` locks, plans, runs, releases and compares one
catalog, `adapters` alone constructs adapters, and `run` is the run loop; `week` is the weekly job,
and `doctor` examines this machine. Imports everything but `cli`.
"""
