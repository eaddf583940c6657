"""Resolvers find the exact content of what a catalog declares. To add a provider, which finds the
version of a release line, write a module here and add a line to the table in `providers`; to add an
ecosystem, which chooses and fetches packages, write a folder here and add a line to the table in
`ecosystems`; `interfaces` is what each of them must do. `base_images` pulls or bootstraps base
images, and `reachability` asks which providers answer. Imports `network`, `registry`, `engines`,
`lock` and what is below; no plan.
"""
