"""Carries out the steps of a plan. `executor` runs them in parallel, with retries; `image_steps`
builds, tests and pushes an image, and `chart_steps` does so for a chart; beside them are the checks
of disk, size and installed packages, and `verify`, which compares two builds of one target. Imports
`plan`, `charts`, `testing`, `resolvers` and what is below, adapters by their interfaces alone.
"""
