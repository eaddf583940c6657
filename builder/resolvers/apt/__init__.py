"""apt: private roots with their indexes, the solver that has apt choose, the packages of targets,
and providers whose archives are apt's.

Imports what `resolvers` may.
"""
