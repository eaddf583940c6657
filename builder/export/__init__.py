"""Exports that need no builder: a tree of Dockerfiles, charts and docker-bake.json, and a shell
script of a plan's commands.

Imports `plan`, `build`, `charts` and what is below.
"""
