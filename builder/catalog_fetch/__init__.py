"""Fetches the catalogs that others stand on: `git` and `artefact` get their files, within limits;
`newest` chooses what matrix.lock pins. Nothing of them is run. Imports `registry`, and below.
"""
