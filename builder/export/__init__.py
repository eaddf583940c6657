"""Exports that need no builder. `tree` writes a catalog as plain Dockerfiles, charts and
docker-bake.json; `script` writes the commands of a plan as a shell script. Imports `plan`, `build`,
`charts` and what is below.
"""
