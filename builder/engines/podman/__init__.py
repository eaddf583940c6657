"""The podman engine: its commands as data, its storage below the project's folder, and what this
machine lets it do.

Imports what `engines` may.
"""
