"""Resolvers turn what is declared into exact content. A provider finds the exact version of a
release line; an ecosystem chooses and fetches packages; `base_images` pulls or bootstraps a
base.

One folder for each ecosystem. Add a provider in `providers`, an ecosystem in `ecosystems`.
Imports `network`, `registry`, `engines`, `lock` and what is below; no plan.
"""
