"""Known vulnerabilities of what images have. `advisories` reads records in the OSV format,
`database` keeps them by package, `matching` finds those that hold for a list of packages, and
`decision` says what they hold back, by the policy of the catalog. Imports `sbom`, `catalog` and
`common`.
"""
