"""`matrix.lock`: the exact content of each base, the version of each release line, and the packages
of each target.

`lockfile` is the format, `interfaces` what resolvers must do, `requests` what they are asked
for; `locker` and `package_locker` decide what is resolved again and what stays. Imports
`catalog`, `oci` and `common`.
"""
