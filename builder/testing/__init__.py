"""Smoke tests. `images` starts a container, `charts` the pod of a chart; both run the pytest
folders of recipes against it in a child process (`pytest_runner`, `plugin`) and read its JUnit
file.

Also what tests use: an HTTP client, a browser, an S3 server. Imports `engines`, `lock`,
`catalog`, `oci` and `common`.
"""
