"""Formats of the Open Container Initiative. `reference` parses image references, `layout` reads and
writes OCI layouts on disk, and `image` and `layer_contents` read the layers of an image and the
files in them. Talks to no registry. Imports `common`.
"""
