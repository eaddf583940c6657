"""Smoke tests. They start in `images`, which starts a container of an image, and in `charts`, which
runs the pod of a chart; both then let `pytest_runner` run the tests of recipes in a child process
with the fixtures of `plugin`. Also here: what tests use (`http_client`, `browser`, `checks`,
`s3_server`). Imports `engines`, `lock`, `catalog`, `oci` and `common`.
"""
