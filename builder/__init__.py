"""Expands a version matrix into container images and Helm charts, builds, tests and publishes them."""
