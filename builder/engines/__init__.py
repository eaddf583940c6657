"""Engines: each builds an image to an OCI layout, starts a container of it, and removes it."""
