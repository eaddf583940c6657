"""Resolvers find the exact content of what a catalog declares. To add a provider, which finds the
version of a release line, begin in `providers`; to add an ecosystem, which chooses and fetches
packages, begin in `ecosystems`; each of these two modules is a table. `base_images` pulls or
bootstraps base images, and `reachability` asks which providers answer. There is a folder for each
ecosystem. Imports `network`, `registry`, `engines`, `lock` and what is below; no plan.
"""
