"""Resolvers find the exact content of what a catalog declares. To add a provider, which finds the
version of a release line, write a module here and add a line to the table in `providers`; to add an
ecosystem, which chooses and fetches packages, write a folder here and add a line to the table in
`ecosystems`; `interfaces` defines both. `base_images` pulls or bootstraps base images, and
`reachability` tests which providers answer. Imports `network`, `registry`, `engines`, `lock` and
what those may import; no plan.
"""
