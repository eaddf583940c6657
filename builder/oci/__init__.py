"""Formats of the Open Container Initiative: image references, OCI layouts on disk, the layers and
configuration of an image, and the files inside a layer.

Reads and writes files; talks to no registry. Imports `common`.
"""
